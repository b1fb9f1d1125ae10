/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VHD files that we create. Oracles: qemu-img, libvhdi, and the specification's own numbers. */
#include "jsonx.h"
#include "vhd-util.h"

static uint64_t qemu_size(const char *path)
{
	CLEANUP_FREE char *out = util_path("info.json");
	ck_assert_int_eq(unit_run("qemu-img info -f vpc --output=json %s >%s", path, out), 0);
	CLEANUP_JSON json_t *info = NULL;
	ck_ok(jsonx_read_file(out, &info, &err));
	uint64_t size = 0;
	ck_ok(jsonx_get_u64(info, "", "virtual-size", 0, UINT64_MAX, &size, &err));
	return size;
}

static const struct {
	uint64_t size;
	enum image_type type;
	uint32_t block_size;
	struct range map[4];
} created[] = {
	{1, IMAGE_DYNAMIC, 0, {{0, 1}}},
	{1, IMAGE_FIXED, 0, {{0, 1}}},
	{5 * MiB, IMAGE_DYNAMIC, 0, {{0}}},
	{5 * MiB, IMAGE_FIXED, 0, {{0, 5 * MiB}}},
	{5 * MiB + 513, IMAGE_FIXED, 0, {{511, 513}, {5 * MiB, 5 * MiB + 513}}},
	{5 * MiB + 513, IMAGE_DYNAMIC, 0, {{511, 513}, {5 * MiB, 5 * MiB + 513}}},
	{64 * MiB, IMAGE_DYNAMIC, 512 * KiB, {{0, 1 * MiB}, {3 * MiB + 1, 9 * MiB}}},
	{300 * MiB, IMAGE_DYNAMIC, 2 * MiB,
		{{0, 2 * MiB}, {4 * MiB - 1, 4 * MiB + 1}, {90 * MiB, 95 * MiB}}},
	/* From here on the geometry is at its largest: readers may take another branch. */
	{200 * GiB, IMAGE_DYNAMIC, 0, {{1 * MiB, 2 * MiB}, {200 * GiB - 1, 200 * GiB}}},
	{2040 * GiB, IMAGE_DYNAMIC, 0, {{0, 512}, {2040 * GiB - 512, 2040 * GiB}}},
	{2040 * GiB, IMAGE_FIXED, 0, {{0, 512}, {2040 * GiB - 512, 2040 * GiB}}},
};

static struct layout *created_layout(size_t i, struct util_disk *disk)
{
	*disk = (struct util_disk){.size = created[i].size, .seed = i};
	CLEANUP_RANGES struct ranges map = {0};
	for (size_t k = 0; k < ARRAY_SIZE(created[i].map); k++)
		ranges_add(&map, created[i].map[k].start, created[i].map[k].end);
	return vhd_layout(disk->size, &map, created[i].type, created[i].block_size);
}

static void check_created(size_t i)
{
	struct util_disk disk;
	CLEANUP(layout_free_p) struct layout *l = created_layout(i, &disk);
	CLEANUP_FREE char *image = util_path("created.vhd"), *raw = util_path("expected.raw");
	util_write_layout(l, &disk, image);
	util_write_expected(l, &disk, raw);
	ck_assert_uint_eq(qemu_size(image), layout_virtual_size(l));
	ck_assert_int_eq(unit_run("qemu-img compare -q -f vpc -F raw %s %s", image, raw), 0);

	CLEANUP(io_close_p) struct io *io = util_open_io(image);
	CLEANUP(vhd_close_p) struct vhd *v = util_open_vhd(io, NULL);
	ck_assert_int_eq(vhd_info(v)->type, created[i].type);
	compare_with_raw(v, raw);
	CLEANUP(findings_done) struct findings findings = {0};
	ck_ok(vhd_check(io, &findings, &err));
	ck_assert_msg(findings.n == 0, "%s", findings.n ? findings.v[0].message : "");
}

START_TEST(created_reads_as_planned)
{
	for (size_t i = 0; i < ARRAY_SIZE(created); i++)
		check_created(i);
}
END_TEST

/* libvhdi reads slowly: only the images that are not huge. */
START_TEST(libvhdi_reads_what_we_create)
{
	for (size_t i = 0; i < ARRAY_SIZE(created) && created[i].size < GiB; i++) {
		struct util_disk disk;
		CLEANUP(layout_free_p) struct layout *l = created_layout(i, &disk);
		CLEANUP_FREE char *image = util_path("created.vhd"),
				  *raw = util_path("expected.raw");
		util_write_layout(l, &disk, image);
		util_write_expected(l, &disk, raw);
		libvhdi_file_t *file = open_libvhdi(image, NULL);
		size64_t size = 0;
		ck_assert_int_eq(libvhdi_file_get_media_size(file, &size, NULL), 1);
		ck_assert_uint_eq(size, layout_virtual_size(l));
		CLEANUP_CLOSE int fd = open(raw, O_RDONLY | O_CLOEXEC);
		CLEANUP_FREE char *got = xmalloc(MiB), *want = xmalloc(MiB);
		for (uint64_t at = 0; at < size; at += MiB) {
			size_t n = (size_t)min_u64(MiB, size - at);
			libvhdi_read(file, got, n, at);
			ck_assert_int_eq(pread_full(fd, want, n, at), n);
			ck_assert_msg(memcmp(got, want, n) == 0,
				"case %zu, within 1 MiB at 0x%" PRIx64, i, at);
		}
		close_libvhdi(file);
	}
}
END_TEST

START_TEST(pieces_equal_the_whole)
{
	uint64_t random = 7;
	for (size_t i = 0; i < ARRAY_SIZE(created) && created[i].size < 100 * MiB; i++) {
		struct util_disk disk;
		CLEANUP(layout_free_p) struct layout *l = created_layout(i, &disk);
		CLEANUP_FREE char *image = util_path("pieces.vhd");
		util_write_layout(l, &disk, image);
		util_check_pieces(l, &disk, image, &random);
	}
}
END_TEST

/* What Azure demands of an upload, from the bytes themselves. */
START_TEST(fixed_is_what_azure_takes)
{
	struct ranges none = {0};
	CLEANUP(layout_free_p) struct layout *l = vhd_layout(5 * MiB + 1, &none, IMAGE_FIXED, 0);
	ck_assert_uint_eq(layout_virtual_size(l), 6 * MiB);
	ck_assert_uint_eq(layout_length(l), 6 * MiB + 512);
	struct segment seal = layout_seal(l);
	ck_assert_uint_eq(seal.offset, 6 * MiB);
	ck_assert_uint_eq(seal.length, 512);
	uint8_t f[512];
	layout_meta(l, seal.offset, f, sizeof(f));
	ck_assert_mem_eq(f, "conectix", 8);
	ck_assert_uint_eq(be32_at(f + 8), 2);
	ck_assert_uint_eq(be32_at(f + 12), 0x00010000);
	ck_assert_uint_eq(be64_at(f + 16), UINT64_MAX);
	ck_assert_uint_eq(be32_at(f + 24), layout_options(l)->timestamp);
	ck_assert_uint_eq(be64_at(f + 40), 6 * MiB);
	ck_assert_uint_eq(be64_at(f + 48), 6 * MiB);
	ck_assert_uint_eq(be32_at(f + 60), 2);
	ck_assert_mem_eq(f + 68, layout_options(l)->file_id.b, 16);
	ck_assert(mem_is_zero(f + 84, 428));
	uint32_t sum = 0;
	for (size_t i = 0; i < sizeof(f); i++)
		sum += i < 64 || i >= 68 ? f[i] : 0;
	ck_assert_uint_eq(be32_at(f + 64), ~sum);
}
END_TEST

/* Sizes and geometries: Hyper-V 2012 R2's and diskpart's own files, QEMU's, then the limits. */
static const struct {
	uint64_t sectors;
	unsigned cylinders, heads, sectors_per_track;
} geometries[] = {
	{266338304, 65278, 16, 255},
	{8192, 120, 4, 17},
	{204, 3, 4, 17},
	{65535u * 16 * 255, 65535, 16, 255},
	{4278190080, 65535, 16, 255},
};

START_TEST(geometry)
{
	for (size_t i = 0; i < ARRAY_SIZE(geometries); i++) {
		struct ranges none = {0};
		CLEANUP(layout_free_p)
		struct layout *l = vhd_layout(geometries[i].sectors * 512, &none, IMAGE_DYNAMIC, 0);
		uint8_t f[512];
		layout_meta(l, 0, f, sizeof(f));
		ck_assert_uint_eq(be16_at(f + 56), geometries[i].cylinders);
		ck_assert_uint_eq(f[58], geometries[i].heads);
		ck_assert_uint_eq(f[59], geometries[i].sectors_per_track);
	}
}
END_TEST

START_TEST(dynamic_data_is_aligned)
{
	CLEANUP_RANGES struct ranges map = {0};
	ranges_add(&map, 1, 2);
	ranges_add(&map, 7 * MiB, 13 * MiB);
	CLEANUP(layout_free_p) struct layout *l = vhd_layout(64 * MiB, &map, IMAGE_DYNAMIC, 0);
	for (uint64_t offset = 0; offset < layout_length(l);) {
		struct segment s = layout_segment(l, offset);
		if (s.kind == SEGMENT_DATA)
			ck_assert_uint_eq(s.offset % 4096, s.disk_offset % 4096);
		offset += s.length;
	}
	uint8_t start[512], end[512];
	layout_meta(l, 0, start, sizeof(start));
	layout_meta(l, layout_length(l) - sizeof(end), end, sizeof(end));
	ck_assert_mem_eq(start, end, sizeof(end));
}
END_TEST

/* Everything but the seal is there: nobody may take the file for an image. */
static void check_unsealed(enum image_type type)
{
	struct util_disk disk = {.size = 5 * MiB, .seed = 1};
	CLEANUP_RANGES struct ranges map = {0};
	ranges_add(&map, 0, disk.size);
	CLEANUP(layout_free_p) struct layout *l = vhd_layout(disk.size, &map, type, 0);
	CLEANUP_FREE char *path = util_path("unsealed.vhd"), *zero = NULL;
	util_write_layout(l, &disk, path);
	struct segment seal = layout_seal(l);
	ck_assert_uint_eq(seal.length, layout_segment(l, seal.offset).length);
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	zero = xcalloc(1, seal.length);
	ck_assert_int_eq(pwrite_full(fd, zero, seal.length, seal.offset), 0);
	ck_assert_int_ne(unit_run("qemu-img info -f vpc %s >/dev/null 2>&1", path), 0);
	ck_assert_int_ne(unit_run("vhdiinfo %s >/dev/null 2>&1", path), 0);
	CLEANUP(io_close_p) struct io *io = util_open_io(path);
	struct vhd *v = NULL;
	ck_fails(vhd_open(&v, io, 0, NULL, &err), ERR_IMAGE_CORRUPT, "expected");
}

START_TEST(unreadable_without_the_seal)
{
	check_unsealed(IMAGE_FIXED);
	check_unsealed(IMAGE_DYNAMIC);
}
END_TEST

START_TEST(too_large)
{
	struct layout *l = NULL;
	struct ranges map = {0};
	struct image_options o = {.format = IMAGE_VHD, .block_size = 512 * KiB};
	ck_ok(image_options_complete(&o, &err));
	ck_fails(layout_new(&l, 2040 * GiB + 1, &map, &o, &err), ERR_SIZE_UNSUPPORTED, "2040 GiB");
	/* All of it in small blocks: sector numbers of the last ones would not fit the BAT. */
	ranges_add(&map, 0, 2040 * GiB);
	ck_fails(layout_new(&l, 2040 * GiB, &map, &o, &err), ERR_SIZE_UNSUPPORTED, "2 TiB");
	o.block_size = 2 * MiB;
	ck_ok(layout_new(&l, 2040 * GiB, &map, &o, &err));
	ck_assert_uint_lt(layout_length(l), 2045 * GiB);
	layout_free(l);
	ranges_done(&map);
}
END_TEST

UNIT_MAIN("vhd", created_reads_as_planned, libvhdi_reads_what_we_create, pieces_equal_the_whole,
	fixed_is_what_azure_takes, geometry, dynamic_data_is_aligned, unreadable_without_the_seal,
	too_large)
