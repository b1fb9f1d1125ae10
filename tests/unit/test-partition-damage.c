/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Partition tables that are damaged, contradict themselves or are hostile. */
#include "partition-util.h"

#include "disk-fault.h"

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

/* What was a swap area before, or is one now: nobody can tell. */
START_TEST(two_signatures_are_no_file_system)
{
	make_disk("64M", 512, GPT_WINDOWS);
	ck_assert_int_eq(
		unit_run("cd '%s' && truncate -s 20M vol &&"
			 " mkntfs -F -q -Q vol >/dev/null 2>&1 &&"
			 " dd if=vol of=disk bs=1M seek=4 conv=notrunc status=none && rm vol",
			unit_tmp()),
		0);
	poke(4 * MiB + 1024, "\1\0\0\0\xff\x0f\0\0", 8);
	poke(4 * MiB + 4086, "SWAPSPACE2", 10);
	struct partition_table *t = read_table();
	ck_assert_str_eq(t->v[2].fs, "");
	ck_assert(t->v[2].ambiguous);
	partition_table_free(t);
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

UNIT_MAIN("partition-damage", a_damaged_first_gpt_is_replaced_by_its_backup,
	without_any_gpt_nothing_is_assumed, a_truncated_disk_is_refused,
	overlapping_partitions_are_named, a_chain_that_loops_ends,
	two_signatures_are_no_file_system, read_errors_come_through, hostile_tables)
