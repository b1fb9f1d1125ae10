/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Partition tables against fdisk and sfdisk. */
#include "partition-util.h"

#include "jsonx.h"

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

START_TEST(a_hybrid_mbr)
{
	make_disk("64M", 512, GPT_WINDOWS);
	ck_assert_int_eq(unit_run("sgdisk --hybrid 3:4 '%s' >/dev/null", image()), 0);
	struct partition_table *t = read_table();
	ck_assert_int_eq(t->kind, TABLE_GPT);
	ck_assert_ptr_null(t->problem);
	ck_assert_uint_eq(t->n, 4);
	check_fdisk(t, image(), 512);
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

UNIT_MAIN("partition", a_gpt_of_windows, facts_of_a_gpt_partition, an_mbr_with_logical_partitions,
	a_disk_that_grew, dynamic_disks_keep_their_database, file_systems_are_told_by_content,
	a_hybrid_mbr, disks_without_a_table, real_tables)
