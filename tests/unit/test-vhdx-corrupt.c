/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Damaged VHDX files: what open() says, what check() finds, and that nothing else happens. */
#include "vhdx-util.h"

#define METADATA (2 * MiB) /* where layout-vhdx.c puts them */
#define BAT	 (3 * MiB)
#define ITEMS	 (METADATA + VHDX_METADATA_TABLE)
#define ENTRY(n) (METADATA + offsetof(struct vhdx_metadata_table, entries) + 32 * (n))

/* A file in memory: three blocks of 1 MiB, of which the middle one is absent. */
static uint8_t *file;
static size_t file_size;

static void start(void)
{
	struct util_disk disk = {.size = 3 * MiB, .seed = 8};
	CLEANUP_RANGES struct ranges map = {0};
	ranges_add(&map, 0, MiB);
	ranges_add(&map, 2 * MiB, 3 * MiB);
	CLEANUP(layout_free_p)
	struct layout *l = vx_layout(disk.size, &map, IMAGE_DYNAMIC, MiB, 512);
	file_size = layout_length(l);
	file = xmalloc(file_size);
	ck_ok(layout_pread(l, util_disk_read, &disk, 0, file, file_size, &err));
}

static void finish(void)
{
	free(file);
}

static void seal_all(void)
{
	vx_seal(file + VHDX_HEADER1, sizeof(struct vhdx_header));
	vx_seal(file + VHDX_HEADER2, sizeof(struct vhdx_header));
	vx_seal(file + VHDX_REGIONS1, sizeof(struct vhdx_region_table));
	vx_seal(file + VHDX_REGIONS2, sizeof(struct vhdx_region_table));
}

static char *findings_of(struct io *io)
{
	struct findings f = {0};
	char *codes = xstrdup("");
	ck_ok(vhdx_check(io, &f, &err));
	for (size_t i = 0; i < f.n; i++) {
		char *more = f.v[i].level == FINDING_NOTE ? xstrdup(codes)
							  : xasprintf("%s%s ", codes, f.v[i].code);
		ck_assert_uint_gt(strlen(f.v[i].message), 0);
		free(codes);
		codes = more;
	}
	findings_done(&f);
	return codes;
}

/* One damage; opens: code and text of the error, text NULL: it opens all the same. */
static void check_damage(size_t i, enum err_code code, const char *text, const char *findings)
{
	CLEANUP(io_close_p) struct io *io = io_from_memory(file, file_size, "damaged");
	CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
	CLEANUP_ERR struct error *e = NULL;
	CLEANUP_FREE char *got = findings_of(io);
	int result = vhdx_open(&v, io, 0, NULL, &e);
	ck_assert_msg(
		(result == 0) == (text == NULL), "damage %zu: %s", i, e ? e->message : "opened");
	ck_assert_msg(!text || (e->code == code && strstr(e->message, text)),
		"damage %zu: [%s] %s (\"%s\" expected)", i, e ? err_code_name(e->code) : "",
		e ? e->message : "", text);
	ck_assert_msg(strcmp(got, findings) == 0, "damage %zu: %s(%sexpected)", i, got, findings);
}

/* ---- what is said of each field ---- */

#define C ERR_IMAGE_CORRUPT
#define U ERR_IMAGE_UNSUPPORTED

struct damage {
	uint64_t offset;
	unsigned width; /* bytes of value, little-endian */
	uint64_t value;
	enum err_code code;
	const char *text; /* of open's error; NULL: opens */
	const char *findings;
};

static void put(uint64_t offset, unsigned width, uint64_t value)
{
	le64 v = le64_make(value);
	memcpy(file + offset, v.b, width);
}

static void check_damages(const struct damage *d, size_t n, uint64_t twin)
{
	for (size_t i = 0; i < n; i++) {
		start();
		put(d[i].offset, d[i].width, d[i].value);
		if (twin)
			put(d[i].offset + twin, d[i].width, d[i].value);
		seal_all();
		check_damage(i, d[i].code, d[i].text, d[i].findings);
		finish();
	}
}

#define H1(field) (VHDX_HEADER1 + offsetof(struct vhdx_header, field))
#define H2(field) (VHDX_HEADER2 + offsetof(struct vhdx_header, field))

START_TEST(headers)
{
	static const struct damage damages[] = {
		{0, 1, 'V', C, "no VHDX", "file-id "},
		{VHDX_HEADER1, 1, 'H', C, NULL, "header-checksum "},
		{VHDX_HEADER2, 1, 'H', C, NULL, "header-checksum "},
		{H2(version), 2, 2, U, "VHDX version 2", "header "},
		{H2(log_offset), 8, 4096, C, "log of", "header "},
		{H2(log_offset), 8, 0, C, "log of", "header "},
		{H2(log_offset), 8, UINT64_C(0xfffffffffff00000), C, "log of", "header "},
		{H2(log_length), 4, 4096, C, "log of", "header "},
		{H2(log_length), 4, 0xfff00000, C, "overlap", "log-past-end region-overlap "},
		{H2(log_offset), 8, 100 * MiB, C, NULL, "log-past-end "},
		{H2(log_offset), 8, 2 * MiB, C, "overlap", "region-overlap "},
		{H2(log_length), 4, 0, C, NULL, ""},
		{H2(log_guid), 1, 1, C, "no complete sequence", "log-replay "},
		{H1(sequence), 8, 2, C, NULL, ""},	    /* the headers are equal */
		{H1(version), 2, 9, C, NULL, ""},	    /* the old header */
		{H1(sequence), 8, UINT64_MAX, C, NULL, ""}, /* the newer now */
	};
	check_damages(damages, ARRAY_SIZE(damages), 0);
}
END_TEST

START_TEST(header_choice)
{
	static const struct guid newer = {"the newer header"};
	start();
	memcpy(file + H2(data_write), &newer, sizeof(newer));
	seal_all();
	CLEANUP(io_close_p) struct io *io = io_from_memory(file, file_size, "choice");
	struct vhdx *v = NULL;
	ck_ok(vhdx_open(&v, io, 0, NULL, &err));
	ck_assert(guid_equal(&vhdx_info(v)->data_id, &newer));
	vhdx_close(v);
	/* Torn while it was written: the older one counts. */
	file[H2(reserved) + 7] ^= 1;
	ck_ok(vhdx_open(&v, io, 0, NULL, &err));
	ck_assert(!guid_equal(&vhdx_info(v)->data_id, &newer));
	vhdx_close(v);
	/* Neither. */
	file[H1(reserved) + 7] ^= 1;
	ck_fails(vhdx_open(&v, io, 0, NULL, &err), C, "neither header is valid");
	CLEANUP_FREE char *findings = findings_of(io);
	ck_assert_str_eq(findings, "header-checksum header-checksum header ");
	/* Both, of one number, and different. */
	put(H1(sequence), 8, 2);
	seal_all();
	ck_fails(vhdx_open(&v, io, 0, NULL, &err), C, "both headers have sequence number 2");
	finish();
}
END_TEST

#define R(n, field)                                                               \
	(VHDX_REGIONS1 + offsetof(struct vhdx_region_table, entries) + 32 * (n) + \
		offsetof(struct vhdx_region_entry, field))

START_TEST(regions)
{
	static const struct damage damages[] = {
		{VHDX_REGIONS1, 1, 'R', C, "neither region table",
			"region-table region-table region-table "},
		{VHDX_REGIONS1 + 8, 4, 2048, C, "2048 entries",
			"region-table region-table region-table "},
		{VHDX_REGIONS1 + 8, 4, UINT32_MAX, C, "entries",
			"region-table region-table region-table "},
		{VHDX_REGIONS1 + 8, 4, 0, C, "no entry for the BAT", "region-entry "},
		{VHDX_REGIONS1 + 8, 4, 1, C, "no entry for the metadata", "region-entry "},
		{VHDX_REGIONS1 + 8, 4, 3, C, "whole MiB", "region-entry "},
		{R(0, guid), 1, 0, U, "is unknown", "region-entry "},
		{R(0, offset), 8, 3 * MiB + 4096, C, "whole MiB", "region-entry "},
		{R(0, offset), 8, 0, C, "whole MiB", "region-entry "},
		{R(0, offset), 8, UINT64_C(0xfffffffffff00000), C, "whole MiB", "region-entry "},
		{R(0, offset), 8, 512 * MiB, C, "past the end", "region-entry "},
		{R(0, length), 4, 5, C, "whole MiB", "region-entry "},
		{R(0, length), 4, 0xfff00000, C, "past the end", "region-entry "},
		{R(0, length), 4, 0, C, "BAT of 0 bytes", "bat-size "},
		{R(0, offset), 8, 2 * MiB, C, "overlap", "region-overlap "},
		{R(1, offset), 8, 1 * MiB, C, "overlap", "region-overlap "},
		{R(1, length), 4, 0, C, "metadata region: 0 bytes", "metadata-table "},
		{R(1, required), 4, 0, C, NULL, ""}, /* as QEMU 1.6 writes it */
	};
	check_damages(damages, ARRAY_SIZE(damages), VHDX_REGIONS2 - VHDX_REGIONS1);
}
END_TEST

START_TEST(one_region_table_is_enough)
{
	for (int i = 0; i < 2; i++) {
		start();
		file[(i ? VHDX_REGIONS2 : VHDX_REGIONS1) + 16] ^= 1;
		check_damage((size_t)i, C, NULL, "region-table ");
		finish();
	}
	start();
	put(VHDX_REGIONS2 + 8, 4, 1);
	seal_all();
	check_damage(2, C, NULL, "region-tables-differ ");
	finish();
	/* A region that may be ignored is; what it holds is nobody else's. */
	start();
	for (int i = 0; i < 2; i++) {
		uint64_t at = (i ? VHDX_REGIONS2 : VHDX_REGIONS1) + 8;
		put(at, 4, 3);
		put(at + 8 + 64, 8, 77);
		put(at + 8 + 64 + 16, 8, 5 * MiB);
		put(at + 8 + 64 + 24, 4, MiB);
	}
	seal_all();
	check_damage(3, C, NULL, "bat-overlap ");
	finish();
}
END_TEST

START_TEST(metadata)
{
	static const struct damage damages[] = {
		{METADATA, 1, 'M', C, "no table", "metadata-table "},
		{METADATA + 10, 2, 2048, C, "2048 entries", "metadata-table "},
		{METADATA + 10, 2, 0, C, "no file parameters", "metadata-value "},
		{METADATA + 10, 2, 4, C, "no physical sector size", "metadata-value "},
		{ENTRY(0), 1, 0, U, "is unknown", "metadata-entry "},
		{ENTRY(0) + 24, 4, VHDX_METADATA_REQUIRED | VHDX_METADATA_USER, U, "is unknown",
			"metadata-entry "},
		{ENTRY(0) + 16, 4, 0, C, "file parameters", "metadata-entry "},
		{ENTRY(1) + 16, 4, MiB - 4, C, "virtual disk size", "metadata-entry "},
		{ENTRY(1) + 16, 4, UINT32_MAX, C, "virtual disk size", "metadata-entry "},
		{ENTRY(1) + 20, 4, 16, C, "16 bytes (8 expected)", "metadata-entry "},
		{ENTRY(1) + 20, 4, UINT32_MAX, C, "virtual disk size", "metadata-entry "},
		{ENTRY(1) + 16, 4, 64 * KiB + 4, C,
			"metadata: ", "metadata-overlap metadata-value "},
		{ITEMS, 4, 0, C, "block size 0", "metadata-value "},
		{ITEMS, 4, 3 * MiB, C, "block size 3145728", "metadata-value "},
		{ITEMS, 4, 512 * KiB, C, "block size", "metadata-value "},
		{ITEMS, 4, 512 * MiB, C, "block size", "metadata-value "},
		{ITEMS + 4, 4, 2, C, "no parent locator", "metadata-value "},
		{ITEMS + 8, 8, 0, C, "virtual disk size 0", "metadata-value "},
		{ITEMS + 8, 8, 3 * MiB + 1, C, "virtual disk size", "metadata-value "},
		{ITEMS + 8, 8, 64 * TiB + 512, C, "virtual disk size", "metadata-value "},
		{ITEMS + 8, 8, UINT64_C(0xfffffffffffffe00), C, "virtual disk size",
			"metadata-value "},
		{ITEMS + 8, 8, 1 * TiB, C, "BAT of 1048576 bytes", "bat-size "},
		{ITEMS + 8, 8, 2 * MiB + 512, C, NULL, ""}, /* smaller, not whole MiB */
		{ITEMS + 32, 4, 1024, C, "logical sector size 1024", "metadata-value "},
		{ITEMS + 36, 4, 0, C, "physical sector size 0", "metadata-value "},
	};
	check_damages(damages, ARRAY_SIZE(damages), 0);
	/* The same item twice. */
	start();
	memcpy(file + ENTRY(4), file + ENTRY(3), sizeof(struct vhdx_metadata_entry));
	check_damage(99, C, "is in entry 3 already", "metadata-entry ");
	finish();
}
END_TEST

/* ---- the BAT: seen when the block is read ---- */

static void check_bat(
	size_t block, uint64_t entry, uint64_t size, const char *text, const char *findings)
{
	char buf[4096];
	start();
	put(BAT + 8 * block, 8, entry);
	CLEANUP(io_close_p) struct io *io = io_from_memory(file, size ? size : file_size, "BAT");
	CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
	CLEANUP_FREE char *got = findings_of(io);
	ck_assert_str_eq(got, findings);
	ck_ok(vhdx_open(&v, io, 0, NULL, &err));
	if (text)
		ck_fails(vhdx_pread(v, buf, sizeof(buf), block * MiB + MiB - sizeof(buf), &err), C,
			text);
	else
		ck_ok(vhdx_pread(v, buf, sizeof(buf), block * MiB + MiB - sizeof(buf), &err));
	/* The other blocks are read all the same. */
	ck_ok(vhdx_pread(v, buf, sizeof(buf), (block + 1) % 3 * MiB, &err));
	finish();
}

START_TEST(block_entries)
{
	check_bat(1, 4, 0, "state 4", "bat-state ");
	check_bat(1, 5, 0, "state 5", "bat-state ");
	check_bat(1, 7 | 5 * MiB, 0, "state 7", "bat-state bat-overlap ");
	check_bat(1, 6, 0, "state 6 at 0x0", "bat-offset ");
	check_bat(1, 6 | 5 * MiB, 0, NULL, "bat-overlap ");
	check_bat(1, 6 | 2 * MiB, 0, NULL, "bat-overlap ");
	check_bat(1, 6 | 6 * MiB, 0, "past the end", "bat-past-end ");
	check_bat(1, 6 | UINT64_C(0xfffffffffff00000), 0, "past the end", "bat-past-end ");
	check_bat(1, 1 | 6 * MiB, 0, NULL, "");
	check_bat(1, 2, 0, NULL, "");
	check_bat(1, 3 | 6 * MiB, 0, NULL, "");
	check_bat(1, 0x8, 0, NULL, "bat-reserved ");
	/* The file ends within the last block. */
	check_bat(2, 6 | 5 * MiB, 6 * MiB - 512, "past the end", "bat-past-end ");
}
END_TEST

START_TEST(last_block_cut_behind_the_disk)
{
	/* The disk ends in the middle of its last block, and so does the file. */
	char buf[512];
	start();
	put(ITEMS + 8, 8, 2 * MiB + 4096);
	CLEANUP(io_close_p) struct io *io = io_from_memory(file, 5 * MiB + 4096, "cut");
	CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
	CLEANUP_FREE char *findings = findings_of(io);
	ck_assert_str_eq(findings, "block-truncated ");
	ck_ok(vhdx_open(&v, io, 0, NULL, &err));
	ck_ok(vhdx_pread(v, buf, sizeof(buf), 2 * MiB + 4096 - sizeof(buf), &err));
	finish();
}
END_TEST

/* ---- anything ---- */

/* Opens, checks, reads: errors are fine. */
static void exercise(size_t size)
{
	CLEANUP(io_close_p) struct io *io = io_from_memory(file, size, "mutant");
	CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
	struct findings f = {0};
	struct error *e = NULL;
	if (vhdx_check(io, &f, &e) < 0)
		ck_assert_ptr_nonnull(e);
	err_free(TAKE_PTR(e));
	bool errors = findings_have_errors(&f);
	findings_done(&f);
	if (vhdx_open(&v, io, VHDX_OPEN_NO_PARENT, NULL, &e) < 0) {
		ck_assert_msg(errors, "refused (%s), but the check has no error", e->message);
		err_free(e);
		return;
	}
	char buf[3000];
	CLEANUP_RANGES struct ranges data = {0};
	uint64_t disk = vhdx_info(v)->virtual_size;
	for (int i = 0; i < 4 && disk >= sizeof(buf); i++) {
		if (vhdx_pread(v, buf, sizeof(buf), (disk - sizeof(buf)) / 3 * (uint64_t)i, &e) < 0)
			err_free(TAKE_PTR(e));
	}
	if (vhdx_data_ranges(v, 0, min_u64(disk, GiB), &data, &e) < 0)
		err_free(e);
}

START_TEST(random_damage)
{
	static const struct {
		uint64_t offset, length;
	} areas[] = {{0, 64}, {VHDX_HEADER1, 80}, {VHDX_HEADER2, 80}, {VHDX_REGIONS1, 80},
		{VHDX_REGIONS2, 80}, {METADATA, 32 + 5 * 32}, {ITEMS, 40}, {BAT, 32}};
	uint64_t random = 4711;
	start();
	CLEANUP_FREE uint8_t *good = xmemdup(file, file_size);
	for (int i = 0; i < 3000; i++) {
		uint64_t n = 1 + util_random_below(&random, 4);
		for (; n; n--) {
			size_t a = util_random_below(&random, ARRAY_SIZE(areas));
			uint64_t at = areas[a].offset + util_random_below(&random, areas[a].length);
			file[at] =
				util_random_below(&random, 2)
					? (uint8_t)util_random(&random)
					: file[at] ^ (uint8_t)(1 << util_random_below(&random, 8));
		}
		if (util_random_below(&random, 8))
			seal_all();
		exercise(util_random_below(&random, 8) ? file_size
						       : util_random_below(&random, file_size));
		for (size_t a = 0; a < ARRAY_SIZE(areas); a++)
			memcpy(file + areas[a].offset, good + areas[a].offset, areas[a].length);
	}
	finish();
}
END_TEST

START_TEST(too_short)
{
	start();
	for (size_t size = 0; size < file_size; size += size < 400 * KiB ? 8191 : 300001) {
		CLEANUP(io_close_p) struct io *io = io_from_memory(file, size, "short");
		struct vhdx *v = NULL;
		/* Blocks are missed only when read: the tables end with the BAT. */
		if (size < 4 * MiB)
			ck_fails(vhdx_open(&v, io, 0, NULL, &err), C, NULL);
		exercise(size);
	}
	finish();
}
END_TEST

UNIT_MAIN("vhdx-corrupt", headers, header_choice, regions, one_region_table_is_enough, metadata,
	block_entries, last_block_cut_behind_the_disk, random_damage, too_short)
