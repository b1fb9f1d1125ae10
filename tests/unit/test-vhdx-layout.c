/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VHDX files as the layout makes them. Oracles: qemu-img, qemu-io, libvhdi. */
#include "vhdx-util.h"

#include <malloc.h>
#include <sys/stat.h>

START_TEST(checksums)
{
	/* RFC 3720 B.4 and the usual check value. */
	static const struct {
		uint32_t crc;
		int fill;
	} vectors[] = {{0x8a9136aa, 0}, {0x62a8ab43, 0xff}};
	uint8_t buf[4099];
	uint64_t random = 1;
	ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283);
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		memset(buf, vectors[i].fill, 32);
		ck_assert_uint_eq(crc32c(0, buf, 32), vectors[i].crc);
		ck_assert_uint_eq(crc32c_table(0, buf, 32), vectors[i].crc);
	}
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)util_random(&random);
	for (size_t n = 0; n < sizeof(buf); n += 1 + n / 8) {
		ck_assert_uint_eq(crc32c(7, buf, n), crc32c_table(7, buf, n));
		ck_assert_uint_eq(
			crc32c(crc32c(0, buf, n / 3), buf + n / 3, n - n / 3), crc32c(0, buf, n));
	}
}
END_TEST

/* ---- what others read ---- */

static const struct {
	uint64_t size;
	enum image_type type;
	uint32_t block_size;
	struct range map[4];
} created[] = {
	{1, IMAGE_DYNAMIC, 1 * MiB, {{0, 1}}},
	{1, IMAGE_FIXED, 1 * MiB, {{0, 1}}},
	{5 * MiB, IMAGE_DYNAMIC, 0, {{0}}},
	{5 * MiB, IMAGE_FIXED, 2 * MiB, {{0, 5 * MiB}}},
	{5 * MiB + 513, IMAGE_FIXED, 1 * MiB, {{511, 513}, {5 * MiB, 5 * MiB + 513}}},
	{5 * MiB + 513, IMAGE_DYNAMIC, 1 * MiB, {{511, 513}, {5 * MiB, 5 * MiB + 513}}},
	{300 * MiB, IMAGE_DYNAMIC, 8 * MiB, {{0, 512}, {40 * MiB - 1, 40 * MiB + 1}}},
	{300 * MiB, IMAGE_DYNAMIC, 256 * MiB, {{299 * MiB, 300 * MiB}}},
	{300 * MiB, IMAGE_FIXED, 256 * MiB, {{0, 4096}, {299 * MiB, 300 * MiB}}},
};

static void check_created(size_t i)
{
	struct util_disk disk = {.size = created[i].size, .seed = i};
	CLEANUP_RANGES struct ranges map = {0};
	for (size_t k = 0; k < ARRAY_SIZE(created[i].map); k++)
		ranges_add(&map, created[i].map[k].start, created[i].map[k].end);
	CLEANUP(layout_free_p)
	struct layout *l = vx_layout(disk.size, &map, created[i].type, created[i].block_size, 512);
	CLEANUP_FREE char *image = vx_path("created.vhdx"), *raw = vx_path("expected.raw");
	util_write_layout(l, &disk, image);
	util_write_expected(l, &disk, raw);
	ck_assert_msg(unit_run("qemu-img check -q -f vhdx %s", image) == 0, "case %zu", i);
	ck_assert_msg(unit_run("qemu-img compare -q -f vhdx -F raw %s %s", image, raw) == 0,
		"case %zu: qemu-img reads something else", i);
	CLEANUP_FREE char *findings = vx_findings(image);
	ck_assert_str_eq(findings, "");
	CLEANUP(io_close_p) struct io *io = vx_io(image, false);
	CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
	ck_ok(vhdx_open(&v, io, 0, NULL, &err));
	vx_check_content(v, raw);
	ck_assert(vhdx_info(v)->type == created[i].type);
}

START_TEST(qemu_reads_what_we_create)
{
	for (size_t i = 0; i < ARRAY_SIZE(created); i++)
		check_created(i);
}
END_TEST

/* qemu has no map of a VHDX and reads all of it: of a large disk, take n MiB at first. */
static void check_qemu_part(const char *image, struct util_disk *disk, const struct ranges *map,
	uint64_t first, size_t n)
{
	CLEANUP_FREE char *part = xasprintf("%s.part", image);
	CLEANUP_FREE char *got = xmalloc(MiB);
	CLEANUP_FREE char *want = xmalloc(MiB);
	ck_assert_int_eq(unit_run("qemu-img dd -f vhdx -O raw bs=1M skip=%" PRIu64 " count=%" PRIu64
				  " if=%s of=%s",
				 first, first + n, image, part),
		0);
	for (size_t i = 0; i < n; i++) {
		uint64_t at = (first + i) * MiB;
		vx_peek(part, i * MiB, got, MiB);
		memset(want, 0, MiB);
		RANGES_FOREACH (r, map) {
			uint64_t start = max_u64(r->start, at), end = min_u64(r->end, at + MiB);
			if (start < end)
				ck_ok(util_disk_read(
					disk, want + (start - at), end - start, start, &err));
		}
		ck_assert_msg(memcmp(got, want, MiB) == 0, "MiB %zu of qemu's differs", i);
	}
}

START_TEST(qemu_agrees_past_a_bitmap_entry)
{
	/* Chunk ratio 4096: the BAT's entry for the block at 4 GiB is not number 4096 but 4097. */
	struct util_disk disk = {.size = 5 * GiB, .seed = 4};
	CLEANUP_RANGES struct ranges map = {0};
	CLEANUP_FREE char *image = vx_path("chunks.vhdx");
	ranges_add(&map, 4 * GiB - 2 * MiB, 4 * GiB + 3 * MiB + 512);
	ranges_add(&map, 5 * GiB - 512, 5 * GiB);
	CLEANUP(layout_free_p)
	struct layout *l = vx_layout(disk.size, &map, IMAGE_DYNAMIC, 1 * MiB, 512);
	util_write_layout(l, &disk, image);
	check_qemu_part(image, &disk, &map, 4090, 12);
	check_qemu_part(image, &disk, &map, 5119, 1);
}
END_TEST

START_TEST(libvhdi_reads_what_we_create)
{
	static const uint32_t sectors[] = {512, 4096};
	for (size_t i = 0; i < ARRAY_SIZE(sectors); i++) {
		struct util_disk disk = {.size = 70 * MiB, .seed = i};
		CLEANUP_RANGES struct ranges map = {0};
		ranges_add(&map, 3 * MiB, 3 * MiB + 700);
		CLEANUP(layout_free_p)
		struct layout *l = vx_layout(disk.size, &map, IMAGE_DYNAMIC, 0, sectors[i]);
		CLEANUP_FREE char *image = vx_path("libvhdi.vhdx"), *out = vx_path("vhdiinfo.txt");
		CLEANUP_FREE char *text = NULL;
		char id[GUID_STRING_SIZE], want[64];
		util_write_layout(l, &disk, image);
		ck_assert_int_eq(unit_run("vhdiinfo %s >%s", image, out), 0);
		ck_ok(file_read(out, MiB, &text, NULL, &err));
		guid_format(&layout_options(l)->data_id, id);
		ck_assert_msg(strstr(text, id), "no identifier %s in %s", id, text);
		ck_assert_ptr_nonnull(strstr(text, "(73400320 bytes)"));
		snprintf(want, sizeof(want), ": %u bytes\n", sectors[i]);
		ck_assert_ptr_nonnull(strstr(text, want));
		ck_assert_ptr_nonnull(strstr(text, "Dynamic"));
	}
}
END_TEST

START_TEST(four_kib_sectors)
{
	/* qemu refuses such a disk, so libvhdi (above) and our reader speak for it. */
	struct util_disk disk = {.size = 100 * MiB, .seed = 9};
	CLEANUP_RANGES struct ranges map = {0};
	ranges_add(&map, 5000, 5001);
	ranges_add(&map, 99 * MiB, 100 * MiB);
	CLEANUP(layout_free_p)
	struct layout *l = vx_layout(disk.size, &map, IMAGE_DYNAMIC, 1 * MiB, 4096);
	ck_assert_uint_eq(layout_map(l)->v[0].start, 4096);
	ck_assert_uint_eq(layout_map(l)->v[0].end, 8192);
	CLEANUP_FREE char *image = vx_path("4kn.vhdx"), *raw = vx_path("4kn.raw");
	util_write_layout(l, &disk, image);
	util_write_expected(l, &disk, raw);
	CLEANUP(io_close_p) struct io *io = vx_io(image, false);
	CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
	ck_ok(vhdx_open(&v, io, 0, NULL, &err));
	ck_assert_uint_eq(vhdx_info(v)->logical_sector, 4096);
	vx_check_content(v, raw);
}
END_TEST

/* ---- properties ---- */

static void random_map(struct ranges *map, uint64_t size, uint64_t *random)
{
	uint64_t n = util_random_below(random, 12);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t start = util_random_below(random, size);
		uint64_t length = util_random_below(random, 3 * MiB);
		if (util_random_below(random, 3) == 0)
			length = util_random_below(random, 3000);
		ranges_add(map, start, min_u64(start + length, size));
	}
}

/* What the header promises of the segments. */
static void check_segments(const struct layout *l, uint64_t *random)
{
	uint64_t data = 0, disk_end = 0;
	for (uint64_t at = 0; at < layout_length(l);) {
		struct segment s = layout_segment(l, at);
		uint64_t skip = util_random_below(random, s.length);
		struct segment part = layout_segment(l, at + skip);
		ck_assert(part.kind == s.kind);
		if (s.kind == SEGMENT_DATA) {
			ck_assert_uint_eq(part.disk_offset, s.disk_offset + skip);
			ck_assert(ranges_contain(
				layout_map(l), s.disk_offset, s.disk_offset + s.length));
			ck_assert_uint_ge(s.disk_offset, disk_end); /* the order of the disk */
			disk_end = s.disk_offset + s.length;
			data += s.length;
		}
		at += s.length;
	}
	ck_assert_uint_eq(data, layout_data_bytes(l));
	ck_assert_uint_eq(data, ranges_total(layout_map(l)));
	ck_assert_uint_eq(layout_length(l) % MiB, 0);
	ck_assert_uint_eq(layout_virtual_size(l), round_up(layout_disk_size(l), MiB));
}

/* Any piece, in any order, is what the same bytes are when the file is made in one go. */
static void check_any_order(const struct layout *l, struct util_disk *disk, uint64_t *random)
{
	size_t length = layout_length(l);
	CLEANUP_FREE uint8_t *whole = xmalloc(length);
	CLEANUP_FREE uint8_t *part = xmalloc(length);
	ck_ok(layout_pread(l, util_disk_read, disk, 0, whole, length, &err));
	for (int i = 0; i < 60; i++) {
		uint64_t at = util_random_below(random, length);
		size_t n = (size_t)min_u64(
			1 + util_random_below(random, i % 2 ? 999 : 2 * MiB), length - at);
		ck_ok(layout_pread(l, util_disk_read, disk, at, part, n, &err));
		ck_assert_msg(memcmp(part, whole + at, n) == 0, "%zu bytes at 0x%" PRIx64, n, at);
	}
}

/* test-layout-oracle.c makes files of random layouts; here is what needs no file. */
START_TEST(random_layouts)
{
	uint64_t random = 20240101;
	for (int i = 0; i < 60; i++) {
		struct util_disk disk = {
			.size = 1 + util_random_below(&random, 20 * MiB), .seed = (uint64_t)i};
		CLEANUP_RANGES struct ranges map = {0};
		random_map(&map, disk.size, &random);
		CLEANUP(layout_free_p)
		struct layout *l = vx_layout(disk.size, &map,
			util_random_below(&random, 4) ? IMAGE_DYNAMIC : IMAGE_FIXED,
			(uint32_t)(MiB << util_random_below(&random, 3)),
			util_random_below(&random, 3) ? 512 : 4096);
		check_segments(l, &random);
		if (i % 6 == 0)
			check_any_order(l, &disk, &random);
	}
}
END_TEST

START_TEST(same_input_same_file)
{
	struct util_disk disk = {.size = 9 * MiB, .seed = 3};
	CLEANUP_RANGES struct ranges map = {0};
	ranges_add(&map, 0, disk.size);
	CLEANUP(layout_free_p) struct layout *a = vx_layout(disk.size, &map, IMAGE_DYNAMIC, 0, 512);
	CLEANUP(layout_free_p) struct layout *b = NULL, *other = NULL;
	ck_ok(layout_new(&b, disk.size, &map, layout_options(a), &err));
	other = vx_layout(disk.size, &map, IMAGE_DYNAMIC, 0, 512);
	CLEANUP_FREE char *first = xmalloc(3 * MiB);
	CLEANUP_FREE char *again = xmalloc(3 * MiB);
	ck_ok(layout_pread(a, util_disk_read, &disk, 0, first, 3 * MiB, &err));
	ck_ok(layout_pread(b, util_disk_read, &disk, 0, again, 3 * MiB, &err));
	ck_assert_int_eq(memcmp(first, again, 3 * MiB), 0);
	/* Fresh ids make another file. */
	ck_ok(layout_pread(other, util_disk_read, &disk, 0, again, 3 * MiB, &err));
	ck_assert_int_ne(memcmp(first, again, 3 * MiB), 0);
}
END_TEST

START_TEST(without_its_seal_nothing_opens)
{
	struct util_disk disk = {.size = 9 * MiB, .seed = 3};
	CLEANUP_FREE char *image = vx_path("unsealed.vhdx");
	CLEANUP_FREE void *zero = xcalloc(1, MiB);
	CLEANUP_RANGES struct ranges map = {0};
	ranges_add(&map, 0, disk.size);
	CLEANUP(layout_free_p) struct layout *l = vx_layout(disk.size, &map, IMAGE_DYNAMIC, 0, 512);
	util_write_layout(l, &disk, image);
	struct segment seal = layout_seal(l);
	ck_assert_uint_eq(seal.offset, 0);
	ck_assert_uint_eq(seal.length, MiB);
	vx_poke(image, seal.offset, zero, seal.length);
	CLEANUP(io_close_p) struct io *io = vx_io(image, false);
	struct vhdx *v = NULL;
	ck_assert(!vhdx_probe(io));
	ck_fails(vhdx_open(&v, io, 0, NULL, &err), ERR_IMAGE_CORRUPT, "no VHDX");
	ck_assert_int_ne(unit_run("qemu-img info -f vhdx %s >%s.out 2>&1", image, image), 0);
}
END_TEST

/* ---- large disks ---- */

static size_t heap(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

/* A disk of 64 TiB of which little is kept, as a file of the real length. */
static void check_huge(uint32_t block_size, size_t extents)
{
	struct util_disk disk = {.size = 64 * TiB, .seed = 64};
	uint64_t random = 5;
	CLEANUP_RANGES struct ranges map = {0};
	ranges_add(&map, 0, 4096);
	ranges_add(&map, disk.size - 4096, disk.size);
	for (size_t i = 0; i < extents; i++) {
		uint64_t at = util_random_below(&random, disk.size / MiB - 1) * MiB;
		ranges_add(&map, at, at + 4096);
	}
	size_t before = heap();
	CLEANUP(layout_free_p)
	struct layout *l = vx_layout(disk.size, &map, IMAGE_DYNAMIC, block_size, 512);
	ck_assert_uint_le(heap() - before, map.n * (2 * sizeof(struct range) + 8) + 4096);
	CLEANUP_FREE char *image = vx_path("huge.vhdx");
	util_write_layout(l, &disk, image);
	struct stat st;
	ck_assert_int_eq(stat(image, &st), 0);
	ck_assert_uint_le((uint64_t)st.st_blocks * 512, MiB * 2 + map.n * (128 * KiB + 8 * KiB));

	before = heap();
	CLEANUP(io_close_p) struct io *io = vx_io(image, false);
	CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
	CLEANUP_RANGES struct ranges data = {0};
	char got[4096], want[4096];
	ck_ok(vhdx_open(&v, io, 0, NULL, &err));
	RANGES_FOREACH (r, &map) {
		ck_ok(vhdx_pread(v, got, sizeof(got), r->start, &err));
		ck_ok(util_disk_read(&disk, want, sizeof(want), r->start, &err));
		ck_assert_int_eq(memcmp(got, want, sizeof(got)), 0);
	}
	ck_ok(vhdx_data_ranges(v, 0, disk.size, &data, &err));
	ck_assert_uint_le(heap() - before, 512 * KiB + data.cap * sizeof(struct range));
	ranges_intersect(&data, &map);
	ck_assert(ranges_equal(&data, &map));
	/* qemu loads the whole BAT: 512 MiB with small blocks. */
	if (block_size >= 32 * MiB)
		check_qemu_part(image, &disk, &map, disk.size / MiB - 1, 1);
}

START_TEST(sixty_four_tib)
{
	check_huge(32 * MiB, 100);
	check_huge(1 * MiB, 300);
}
END_TEST

/* Tables of a layout, but a BAT that says every other block is there: a file of 2 TiB, made up. */
struct comb_io {
	struct io io;
	uint8_t tables[3 * MiB];
};

static int comb_pread(struct io *io, void *buf, size_t len, uint64_t offset, struct error **err)
{
	uint8_t *p = buf;
	(void)err;
	for (; len; p++, offset++, len--) {
		uint64_t index = (offset - 3 * MiB) / 8;
		if (offset < 3 * MiB)
			*p = ((struct comb_io *)io)->tables[offset];
		else
			*p = offset % 8 == 0 && index % 2 ? 6 : offset % 8 == 5 && index % 2;
	}
	return 0;
}

static void comb_close(struct io *io)
{
	free(io);
}

START_TEST(more_ranges_than_memory)
{
	static const struct io_ops ops = {.name = "comb", .pread = comb_pread, .close = comb_close};
	const uint64_t size = 4 * TiB;
	struct util_disk disk = {.size = size};
	CLEANUP_RANGES struct ranges map = {0}, data = {0};
	CLEANUP(layout_free_p) struct layout *l = vx_layout(size, &map, IMAGE_DYNAMIC, MiB, 512);
	struct comb_io *comb = xcalloc(1, sizeof(*comb));
	CLEANUP(io_close_p) struct io *io = &comb->io;
	*io = (struct io){.ops = &ops, .name = xstrdup("comb"), .size = 8 * TiB};
	ck_ok(layout_pread(l, util_disk_read, &disk, 0, comb->tables, 3 * MiB, &err));
	CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
	ck_ok(vhdx_open(&v, io, 0, NULL, &err));
	/* 2 million blocks that are there, neighbours of none. */
	ck_ok(vhdx_data_ranges(v, 0, size, &data, &err));
	ck_assert_uint_gt(data.n, 1 << 18);
	ck_assert_uint_le(data.n, 1 << 20);
	for (uint64_t block = 1; block < 4096; block += 2)
		ck_assert(ranges_contain(&data, block * MiB, (block + 1) * MiB));
}
END_TEST

START_TEST(sizes_refused)
{
	CLEANUP_RANGES struct ranges map = {0};
	struct image_options o = {.format = IMAGE_VHDX};
	struct layout *l = NULL;
	ck_ok(image_options_complete(&o, &err));
	ck_fails(layout_new(&l, 64 * TiB + 1, &map, &o, &err), ERR_SIZE_UNSUPPORTED, "64 TiB");
	ck_fails(layout_new(&l, 0, &map, &o, &err), ERR_SIZE_UNSUPPORTED, NULL);
}
END_TEST

UNIT_MAIN("vhdx-layout", checksums, qemu_reads_what_we_create, qemu_agrees_past_a_bitmap_entry,
	libvhdi_reads_what_we_create, four_kib_sectors, random_layouts, same_input_same_file,
	without_its_seal_nothing_opens, sixty_four_tib, more_ranges_than_memory, sizes_refused)
