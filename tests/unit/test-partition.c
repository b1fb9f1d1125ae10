/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Partition tables against fdisk and sfdisk: whole ones, damaged ones, hostile ones. */
#include "unit.h"

#include <fcntl.h>
#include <string.h>

#include "disk-fault.h"
#include "io.h"
#include "jsonx.h"
#include "mem.h"
#include "partition-format.h"
#include "partition.h"

static const char *image(void)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/disk", unit_tmp());
	return path;
}

/* An empty disk, partitioned by commands of fdisk. */
static void make_disk(const char *size, unsigned sector, const char *commands)
{
	ck_assert_int_eq(unit_run("rm -f '%s' && truncate -s %s '%s'", image(), size, image()), 0);
	ck_assert_int_eq(unit_run("printf '%s\\nw\\n' | fdisk -b %u '%s' >/dev/null 2>&1", commands,
				 sector, image()),
		0);
}

static void poke(uint64_t offset, const void *bytes, size_t len)
{
	CLEANUP_CLOSE int fd = open(image(), O_WRONLY);
	ck_assert_int_eq(pwrite_full(fd, bytes, len, offset), 0);
}

/* Warnings seen while a table was read. */
static unsigned warnings;
static char last_warning[500];

static void count_warnings(void *data, const struct op_event *ev)
{
	(void)data;
	if (ev->kind != OP_EVENT_WARNING)
		return;
	warnings++;
	snprintf(last_warning, sizeof(last_warning), "%s: %s", ev->code, ev->message);
}

static struct partition_table *read_path(const char *path, struct disk **ret_disk)
{
	struct disk *d = NULL;
	struct partition_table *t = NULL;
	struct op op;
	warnings = 0;
	op_init(&op, count_warnings, NULL, NULL);
	ck_ok(disk_open(&d, path, 0, &err));
	ck_ok(partition_table_read(&t, d, &op, &err));
	ck_assert_int_eq(warnings, t->problem != NULL);
	for (size_t i = 0; i < t->n; i++)
		ck_assert(u64_range_ok(t->v[i].start, t->v[i].size, d->size));
	*ret_disk = d;
	return t;
}

static struct partition_table *read_table(void)
{
	struct disk *d;
	struct partition_table *t = read_path(image(), &d);
	disk_close(d);
	return t;
}

/* fdisk lists the very same partitions. */
static void check_fdisk(const struct partition_table *t, const char *path, unsigned sector)
{
	CLEANUP_FREE char *list = xasprintf("%s/list", unit_tmp());
	ck_assert_int_eq(unit_run("fdisk -b %u -l -o Start,Sectors '%s' 2>/dev/null |"
				  " sed '1,/^ *Start/d; /^$/,$d' >'%s'",
				 sector, path, list),
		0);
	CLEANUP_FCLOSE FILE *f = fopen(list, "r");
	unsigned long long start, sectors;
	size_t n = 0;
	while (fscanf(f, "%llu %llu", &start, &sectors) == 2) {
		bool found = false;
		for (size_t i = 0; i < t->n; i++)
			found = found || (t->v[i].start == start * sector &&
						 t->v[i].size == sectors * sector);
		ck_assert_msg(found, "%s: %llu + %llu sectors of %u", path, start, sectors, sector);
		n++;
	}
	ck_assert_uint_eq(t->n, n);
	ck_assert_uint_eq(t->sector, sector);
}

/* fdisk's numbers: 1 EFI system, 10 Microsoft reserved, 11 basic data, 14 recovery. */
#define GPT_WINDOWS                                                              \
	"g\\nn\\n1\\n\\n+2M\\nn\\n2\\n\\n+1M\\nn\\n3\\n\\n+20M\\nn\\n4\\n\\n\\n" \
	"t\\n1\\n1\\nt\\n2\\n10\\nt\\n3\\n11\\nt\\n4\\n14"

START_TEST(a_gpt_of_windows)
{
	static const unsigned sectors[] = {512, 4096};
	static const enum partition_role roles[] = {ROLE_ESP, ROLE_MSR, ROLE_BASIC, ROLE_RECOVERY};
	for (size_t s = 0; s < ARRAY_SIZE(sectors); s++) {
		make_disk("64M", sectors[s], GPT_WINDOWS);
		struct partition_table *t = read_table();
		ck_assert_int_eq(t->kind, TABLE_GPT);
		ck_assert_ptr_null(t->problem);
		check_fdisk(t, image(), sectors[s]);
		for (size_t i = 0; i < 4; i++) {
			ck_assert_uint_eq(t->v[i].number, i + 1);
			ck_assert_int_eq(t->v[i].role, roles[i]);
		}
		/* Boot gap with the table, and the backup with its 16 KiB of entries: no more. */
		uint64_t end = 64 * MiB, tail = 16 * KiB + sectors[s];
		ck_assert_uint_eq(t->structures.n, 2);
		ck_assert_uint_eq(t->structures.v[0].start, 0);
		ck_assert_uint_eq(t->structures.v[0].end, MiB);
		ck_assert_uint_eq(t->structures.v[1].end, end);
		ck_assert_uint_le(t->structures.v[1].start, end - tail);
		ck_assert_uint_ge(t->structures.v[1].start, end - MiB);
		partition_table_free(t);
	}
}
END_TEST

START_TEST(facts_of_a_gpt_partition)
{
	make_disk("64M", 512, "g\\n\\n");
	ck_assert_int_eq(
		unit_run("printf 'label: gpt\\nlabel-id: 11223344-5566-7788-99AA-BBCCDDEEFF00\\n"
			 "start=2048, size=4096, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7,"
			 " uuid=01234567-89AB-CDEF-0123-456789ABCDEF, name=\"Größe €\","
			 " attrs=\"RequiredPartition GUID:62,63\"\\n' | sfdisk -q '%s'",
			image()),
		0);
	struct partition_table *t = read_table();
	char text[GUID_STRING_SIZE];
	ck_assert_str_eq(t->id, "11223344-5566-7788-99aa-bbccddeeff00");
	ck_assert_uint_eq(t->n, 1);
	ck_assert_str_eq(t->v[0].name, "Größe €");
	guid_format(&t->v[0].id, text);
	ck_assert_str_eq(text, "01234567-89ab-cdef-0123-456789abcdef");
	guid_format(&t->v[0].type, text);
	ck_assert_str_eq(text, "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7");
	ck_assert_uint_eq(t->v[0].attributes, UINT64_C(0xc000000000000001));
	json_t *j = partition_table_to_json(t);
	json_t *p = json_array_get(json_object_get(j, "partitions"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(j, "kind")), "gpt");
	ck_assert_str_eq(json_string_value(json_object_get(p, "role")), "basic-data");
	ck_assert_str_eq(json_string_value(json_object_get(p, "attributes")), "0xc000000000000001");
	ck_assert_int_eq(json_integer_value(json_object_get(p, "start")), (json_int_t)MiB);
	json_decref(j);
	partition_table_free(t);
}
END_TEST

/* Two primary partitions and three logical ones. */
#define MBR_EXTENDED_CHAIN                                                                                     \
	"o\\nn\\np\\n1\\n\\n+2M\\na\\nt\\n7\\nn\\np\\n2\\n\\n+4M\\nt\\n2\\n27\\nn\\ne\\n3\\n\\n\\nn\\nl\\n\\n" \
	"+5M\\nn\\nl\\n\\n+6M\\nn\\nl\\n\\n+7M"

START_TEST(an_mbr_with_logical_partitions)
{
	static const unsigned sectors[] = {512, 4096};
	for (size_t s = 0; s < ARRAY_SIZE(sectors); s++) {
		make_disk("64M", sectors[s], MBR_EXTENDED_CHAIN);
		struct partition_table *t = read_table();
		ck_assert_int_eq(t->kind, TABLE_MBR);
		ck_assert_uint_eq(t->n, 6);
		check_fdisk(t, image(), sectors[s]);
		unsigned logical = 0;
		uint64_t ebrs = 0;
		for (size_t i = 0; i < t->n; i++) {
			const struct partition *p = &t->v[i];
			logical += p->number >= 5;
			/* Each EBR stands before its partition, within the container. */
			if (p->number > 5)
				ck_assert(!ranges_contain(&t->structures, p->start, p->start + 1));
			if (p->number == 1)
				ck_assert(p->active && p->role == ROLE_BASIC);
			if (p->number == 2)
				ck_assert(!p->active && p->role == ROLE_RECOVERY);
			if (p->number == 3)
				ck_assert(p->role == ROLE_EXTENDED &&
					  ranges_contain(
						  &t->structures, p->start, p->start + sectors[s]));
		}
		RANGES_FOREACH (r, &t->structures)
			ebrs += r->start != 0;
		ck_assert_uint_eq(logical, 3);
		ck_assert_uint_eq(ebrs, 3);
		ck_assert_uint_eq(ranges_total(&t->structures), MiB + 3 * sectors[s]);
		partition_table_free(t);
	}
}
END_TEST

START_TEST(a_damaged_first_gpt_is_replaced_by_its_backup)
{
	static const uint64_t places[] = {512, 1024}; /* header, entries */
	char zero[512] = {0};
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		make_disk("64M", 512, GPT_WINDOWS);
		poke(places[i], zero, sizeof(zero));
		struct partition_table *t = read_table();
		ck_assert_int_eq(t->kind, TABLE_GPT);
		ck_assert_uint_eq(t->n, 4);
		ck_assert_uint_eq(t->v[3].start, 24 * MiB);
		ck_assert_ptr_nonnull(strstr(t->problem, "backup"));
		ck_assert_ptr_nonnull(strstr(last_warning, "partition-table: "));
		partition_table_free(t);
	}
}
END_TEST

START_TEST(without_any_gpt_nothing_is_assumed)
{
	char zero[512] = {0};
	make_disk("64M", 512, GPT_WINDOWS);
	poke(512, zero, 512);
	poke(64 * MiB - 512, zero, 512);
	struct partition_table *t = read_table();
	ck_assert_int_eq(t->kind, TABLE_NONE);
	ck_assert_uint_eq(t->n, 0);
	ck_assert_ptr_nonnull(strstr(t->problem, "neither"));
	partition_table_free(t);
}
END_TEST

START_TEST(a_disk_that_grew)
{
	make_disk("64M", 512, GPT_WINDOWS);
	ck_assert_int_eq(truncate(image(), 96 * MiB), 0);
	struct partition_table *t = read_table();
	ck_assert_int_eq(t->kind, TABLE_GPT);
	ck_assert_uint_eq(t->n, 4);
	ck_assert_ptr_null(t->problem);
	ck_assert(ranges_contain(&t->structures, 64 * MiB - 16896, 64 * MiB));
	partition_table_free(t);
}
END_TEST

START_TEST(a_truncated_disk_is_refused)
{
	static const struct {
		const char *commands;
		unsigned sector;
		uint64_t size;
		const char *text;
	} cases[] = {
		{GPT_WINDOWS, 512, 32 * MiB, "131072 sectors of 512 bytes, but it has 65536"},
		{GPT_WINDOWS, 512, 64 * MiB - 512, "but it has 131071"},
		{GPT_WINDOWS, 4096, 32 * MiB, "16384 sectors of 4096 bytes, but it has 8192"},
		{MBR_EXTENDED_CHAIN, 512, 40 * MiB, "but the disk has 41943040 bytes"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct disk *d = NULL;
		struct partition_table *t = NULL;
		struct op op = {0};
		make_disk("64M", cases[i].sector, cases[i].commands);
		ck_assert_int_eq(truncate(image(), (off_t)cases[i].size), 0);
		ck_ok(disk_open(&d, image(), 0, &err));
		ck_fails(partition_table_read(&t, d, &op, &err), ERR_DISK_TRUNCATED, cases[i].text);
		ck_assert_ptr_null(t);
		disk_close(d);
	}
}
END_TEST

static void put_mbr_entry(
	uint64_t record, unsigned i, uint8_t type, uint32_t start, uint32_t sectors)
{
	struct mbr_entry e = {
		.type = type, .start = le32_make(start), .sectors = le32_make(sectors)};
	poke(record + offsetof(struct mbr, entries) + 16 * i, &e, sizeof(e));
}

START_TEST(overlapping_partitions_are_named)
{
	make_disk("64M", 512, MBR_EXTENDED_CHAIN);
	put_mbr_entry(0, 1, 7, 3000, 8192); /* the first one ends at 2048 + 4096 */
	struct partition_table *t = read_table();
	ck_assert_int_eq(t->kind, TABLE_MBR);
	ck_assert_ptr_nonnull(strstr(t->problem, "partitions 1 and 2 overlap at 0x177000"));
	for (size_t i = 0; i < t->n; i++)
		ck_assert_int_eq(t->v[i].overlaps, t->v[i].number <= 2);
	partition_table_free(t);
}
END_TEST

START_TEST(a_chain_that_loops_ends)
{
	make_disk("64M", 512, MBR_EXTENDED_CHAIN);
	struct partition_table *t = read_table();
	uint64_t container = 0;
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].role == ROLE_EXTENDED)
			container = t->v[i].start;
	partition_table_free(t);
	/* The second EBR links to itself. */
	struct mbr first;
	CLEANUP_CLOSE int fd = open(image(), O_RDONLY);
	ck_assert_int_eq(pread_full(fd, &first, 512, container), 512);
	uint32_t second = le32_get(first.entries[1].start);
	put_mbr_entry(container + second * 512, 1, 5, second, 5000);
	t = read_table();
	ck_assert_int_eq(t->kind, TABLE_NONE);
	ck_assert_ptr_nonnull(strstr(t->problem, "loops"));
	partition_table_free(t);
}
END_TEST

START_TEST(dynamic_disks_keep_their_database)
{
	make_disk("64M", 512, "o\\nn\\np\\n1\\n\\n+50M\\nt\\n42");
	struct partition_table *t = read_table();
	ck_assert_int_eq(t->v[0].role, ROLE_LDM);
	ck_assert(ranges_contain(&t->structures, 63 * MiB, 64 * MiB));
	partition_table_free(t);
}
END_TEST

START_TEST(file_systems_are_told_by_content)
{
	make_disk("64M", 512, GPT_WINDOWS);
	ck_assert_int_eq(
		unit_run("cd '%s' && truncate -s 20M vol &&"
			 " mkntfs -F -q -Q -L 'C drive' vol >/dev/null 2>&1 &&"
			 " dd if=vol of=disk bs=1M seek=4 conv=notrunc status=none &&"
			 " mkfs.vfat -F 12 -n SYSTEM --offset 2048 disk 2048 >/dev/null 2>&1",
			unit_tmp()),
		0);
	poke(24 * MiB, "\xeb\x58\x90-FVE-FS-", 11);
	struct partition_table *t = read_table();
	ck_assert_str_eq(t->v[0].fs, "vfat");
	ck_assert_str_eq(t->v[0].label, "SYSTEM");
	ck_assert_str_eq(t->v[1].fs, "");
	ck_assert_str_eq(t->v[2].fs, "ntfs");
	ck_assert_str_eq(t->v[2].label, "C drive");
	ck_assert_str_eq(t->v[3].fs, "BitLocker");
	partition_table_free(t);
	/* The volume alone is a disk without a table. */
	ck_assert_int_eq(unit_run("cd '%s' && mv vol disk", unit_tmp()), 0);
	t = read_table();
	ck_assert_int_eq(t->kind, TABLE_NONE);
	ck_assert_ptr_null(t->problem);
	ck_assert_uint_eq(t->n, 1);
	ck_assert_uint_eq(t->v[0].number, 0);
	ck_assert_uint_eq(t->v[0].size, 20 * MiB);
	ck_assert_str_eq(t->v[0].fs, "ntfs");
	partition_table_free(t);
}
END_TEST

START_TEST(disks_without_a_table)
{
	static const char *const sizes[] = {"0", "1", "511", "512", "513", "4096", "1M"};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		ck_assert_int_eq(
			unit_run("rm -f '%s'; truncate -s %s '%s'", image(), sizes[i], image()), 0);
		struct partition_table *t = read_table();
		ck_assert_int_eq(t->kind, TABLE_NONE);
		ck_assert_uint_eq(t->n, 0);
		partition_table_free(t);
	}
	/* A table that is not one of Windows'. */
	make_disk("64M", 512, "s\\n");
	struct partition_table *t = read_table();
	ck_assert_int_eq(t->kind, TABLE_NONE);
	ck_assert_uint_eq(t->n, 0);
	ck_assert_ptr_nonnull(strstr(t->problem, "\"sun\""));
	partition_table_free(t);
}
END_TEST

START_TEST(real_tables)
{
	const char *data = unit_data_dir();
	if (!data)
		unit_skip("real partition tables: no test data (CE_TEST_DATA)");
	static const struct {
		const char *name, *unpack;
		enum table_kind kind;
		unsigned sector;
		size_t n;
		const char *size; /* some are only the beginning of a disk */
	} cases[] = {
		{"gpt-512-0p.raw.gz", "zcat", TABLE_GPT, 512, 0, NULL},
		{"gpt-512-3p.raw.gz", "zcat", TABLE_GPT, 512, 3, NULL},
		{"mbr-512-p0.bin", "cat", TABLE_MBR, 512, 0, "1M"},
		{"mbr-512-p1.bin", "cat", TABLE_MBR, 512, 1, "1M"},
		{"mbr-512-p4.bin", "cat", TABLE_MBR, 512, 4, "1M"},
		{"mbr-512-p1e2.bin.gz", "zcat", TABLE_MBR, 512, 4, NULL},
		{"mbr-512-p1e2_2.bin.gz", "zcat", TABLE_MBR, 512, 4, NULL},
		{"mbr-4096-p1e0.bin.gz", "zcat", TABLE_MBR, 4096, 2, NULL},
		{"mbr-4096-p1e1.bin.gz", "zcat", TABLE_MBR, 4096, 3, NULL},
		{"mbr-win-512.raw.tgz", "tar -xO mbr-win-512.raw -f", TABLE_MBR, 512, 8, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ck_assert_int_eq(unit_run("%s '%s/ntfs/dfir/%s' >'%s'", cases[i].unpack, data,
					 cases[i].name, image()),
			0);
		if (cases[i].size)
			ck_assert_int_eq(
				unit_run("truncate -s %s '%s'", cases[i].size, image()), 0);
		struct partition_table *t = read_table();
		ck_assert_msg(t->kind == cases[i].kind && !t->problem, "%s: %s, %s", cases[i].name,
			table_kind_name(t->kind), t->problem ? t->problem : "no problem");
		ck_assert_uint_eq(t->n, cases[i].n);
		check_fdisk(t, image(), cases[i].sector);
		partition_table_free(t);
	}
}
END_TEST

START_TEST(read_errors_come_through)
{
	static const uint64_t places[] = {0, 512, 64 * MiB - 512, 4 * MiB};
	make_disk("64M", 512, GPT_WINDOWS);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct disk *d = NULL;
		struct partition_table *t = NULL;
		struct op op = {0};
		ck_ok(disk_open(&d, image(), 0, &err));
		struct disk_fault *f = disk_fault_new(d);
		f->bad_start = places[i];
		f->bad_end = places[i] + 1;
		ck_fails(partition_table_read(&t, &f->disk, &op, &err), ERR_DISK_READ,
			"Input/output");
		disk_close(&f->disk);
	}
}
END_TEST

/* Whatever a table says: an answer within the disk, or an error; and soon. */
START_TEST(hostile_tables)
{
	static const char *const tables[] = {GPT_WINDOWS, MBR_EXTENDED_CHAIN};
	srand(3);
	for (size_t k = 0; k < ARRAY_SIZE(tables); k++) {
		make_disk("64M", 512, tables[k]);
		CLEANUP_FREE char *copy =
			xasprintf("cp --sparse=always '%s' '%s.orig'", image(), image());
		ck_assert_int_eq(unit_run("%s", copy), 0);
		CLEANUP_CLOSE int fd = open(image(), O_RDWR);
		uint8_t head[4096], bent[4096];
		ck_assert_int_eq(pread_full(fd, head, sizeof(head), 0), sizeof(head));
		for (int round = 0; round < 400; round++) {
			memcpy(bent, head, sizeof(bent));
			for (int i = rand() % 6; i >= 0; i--) {
				size_t at = k ? 446 + (size_t)rand() % 66 : (size_t)rand() % 2048;
				bent[at] = rand() % 3 ? (uint8_t)rand() : 0xff;
			}
			ck_assert_int_eq(pwrite_full(fd, bent, sizeof(bent), 0), 0);
			struct disk *d = NULL;
			struct partition_table *t = NULL;
			struct error *failure = NULL;
			struct op op = {0};
			ck_ok(disk_open(&d, image(), 0, &err));
			if (partition_table_read(&t, d, &op, &failure) < 0) {
				ck_assert_int_eq(failure->code, ERR_DISK_TRUNCATED);
				err_free(failure);
			} else {
				for (size_t i = 0; i < t->n; i++)
					ck_assert(
						u64_range_ok(t->v[i].start, t->v[i].size, d->size));
			}
			partition_table_free(t);
			disk_close(d);
		}
	}
}
END_TEST

UNIT_MAIN("partition", a_gpt_of_windows, facts_of_a_gpt_partition, an_mbr_with_logical_partitions,
	a_damaged_first_gpt_is_replaced_by_its_backup, without_any_gpt_nothing_is_assumed,
	a_disk_that_grew, a_truncated_disk_is_refused, overlapping_partitions_are_named,
	a_chain_that_loops_ends, dynamic_disks_keep_their_database,
	file_systems_are_told_by_content, disks_without_a_table, real_tables,
	read_errors_come_through, hostile_tables)
