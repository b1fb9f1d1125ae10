/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading VHD files that others made, differencing ones too, and from several threads. */
#include <pthread.h>

#include "vhd-util.h"

/* Unpacked into the temporary folder; ends the case as skipped where it is not there. */
static char *sample(const char *name)
{
	const char *dir = unit_data_dir();
	if (!dir)
		unit_skip("no $CE_TEST_DATA: images made by Windows, Disk2vhd and Virtual PC");
	char *path = util_path("sample.vhd");
	const char *unpack = strstr(name, ".bz2") ? "bzip2" : "xz";
	ck_assert_int_eq(unit_run("%s -dc '%s/vhdx/%s' >%s", unpack, dir, name, path), 0);
	return path;
}

static const struct {
	const char *name, *creator;
	uint64_t size;
} real[] = {
	{"d2v-zerofilled.vhd.bz2", "d2v 1.0 (Wi2k)", 263454720},
	{"hyperv2012r2-dynamic.vhd.bz2", "win  6.3 (Wi2k)", 136365211648},
	/* Virtual PC means the geometry: the size in its footer is 136365211648. */
	{"virtualpc-dynamic.vhd.bz2", "vpc  1.0 (Wi2k)", 136363130880},
};

static void check_real(size_t i)
{
	CLEANUP_FREE char *path = sample(real[i].name), *raw = util_path("sample.raw");
	ck_assert_int_eq(unit_run("qemu-img convert -f vpc -O raw %s %s", path, raw), 0);
	CLEANUP(io_close_p) struct io *io = util_open_io(path);
	CLEANUP(vhd_close_p) struct vhd *v = util_open_vhd(io, NULL);
	ck_assert_uint_eq(vhd_info(v)->virtual_size, real[i].size);
	ck_assert_str_eq(vhd_info(v)->creator, real[i].creator);
	compare_with_raw(v, raw);
}

START_TEST(real_files_read_as_qemu_reads_them)
{
	for (size_t i = 0; i < ARRAY_SIZE(real); i++)
		check_real(i);
}
END_TEST

/* Two samples whose makers edited ids in and left the checksums wrong: refused as they are. */
static char *sample_with_checksums(const char *name, const char *as)
{
	CLEANUP_FREE char *path = sample(name);
	struct vhd *v = NULL;
	CLEANUP(io_close_p) struct io *io = util_open_io(path);
	ck_fails(vhd_open(&v, io, VHD_OPEN_NO_PARENT, NULL, &err), ERR_IMAGE_CORRUPT, "checksum");
	CLEANUP_FREE char *image = NULL;
	size_t size;
	ck_ok(file_read(path, 8 * MiB, &image, &size, &err));
	fix_checksums((uint8_t *)image, size);
	char *fixed = util_path(as);
	ck_ok(file_write_atomic(fixed, image, size, 0600, &err));
	return fixed;
}

static int parent_pread(void *data, void *buf, size_t len, uint64_t offset, struct error **err)
{
	return vhd_pread(data, buf, len, offset, err);
}

static int parent_ranges(
	void *data, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)
{
	return vhd_data_ranges(data, start, end, ret, err);
}

static struct image_parent as_parent(struct vhd *v)
{
	return (struct image_parent){.pread = parent_pread,
		.data_ranges = parent_ranges,
		.size = vhd_info(v)->virtual_size,
		.id = vhd_info(v)->file_id,
		.data = v};
}

START_TEST(differencing_sample_with_its_parent)
{
	CLEANUP_FREE char *parent_path = sample_with_checksums("dfvfs/image.vhd.xz", "parent.vhd");
	CLEANUP_FREE char *path =
		sample_with_checksums("dfvfs/image-differential.vhd.xz", "child.vhd");
	CLEANUP_FREE char *raw = util_path("parent.raw");
	ck_assert_int_eq(unit_run("qemu-img convert -f vpc -O raw %s %s", parent_path, raw), 0);
	CLEANUP(io_close_p) struct io *parent_io = util_open_io(parent_path);
	CLEANUP(vhd_close_p) struct vhd *parent = util_open_vhd(parent_io, NULL);
	compare_with_raw(parent, raw);

	struct image_parent p = as_parent(parent);
	CLEANUP(io_close_p) struct io *io = util_open_io(path);
	CLEANUP(vhd_close_p) struct vhd *v = util_open_vhd(io, &p);
	uint64_t size = vhd_info(v)->virtual_size;
	ck_assert_uint_eq(size, 104448);
	CLEANUP_FREE char *got = xmalloc(size), *want = xmalloc(size);
	libvhdi_file_t *lp = open_libvhdi(parent_path, NULL), *lc = open_libvhdi(path, lp);
	libvhdi_read(lc, want, size, 0);
	ck_ok(vhd_pread(v, got, size, 0, &err));
	ck_assert_mem_eq(got, want, size);
	close_libvhdi(lc);
	close_libvhdi(lp);

	p.id.b[3] ^= 1;
	struct vhd *other = NULL;
	ck_fails(vhd_open(&other, io, 0, &p, &err), ERR_IMAGE_PARENT, "expected");
}
END_TEST

static struct vhd *open_without_parent(struct io *io)
{
	struct vhd *v = NULL;
	ck_ok(vhd_open(&v, io, VHD_OPEN_NO_PARENT, NULL, &err));
	return v;
}

START_TEST(differencing_without_its_parent)
{
	CLEANUP_FREE char *path = sample("dfvfs/fat-differential.vhd.xz");
	CLEANUP(io_close_p) struct io *io = util_open_io(path);
	struct vhd *none = NULL;
	ck_fails(vhd_open(&none, io, 0, NULL, &err), ERR_IMAGE_PARENT, "\".\\fat-parent.vhd\"");
	CLEANUP(vhd_close_p) struct vhd *v = open_without_parent(io);
	const char *const *paths;
	ck_assert_uint_eq(vhd_parent_paths(v, &paths), 2);
	ck_assert_str_eq(paths[0], ".\\fat-parent.vhd");
	ck_assert_str_eq(paths[1], "C:\\Projects\\dfvfs\\test_data\\fat-parent.vhd");
	ck_assert_str_eq(vhd_info(v)->parent, paths[0]);
	ck_assert_int_eq(vhd_info(v)->type, IMAGE_DIFFERENCING);
	char sector[512];
	ck_fails(vhd_pread(v, sector, 512, 0, &err), ERR_IMAGE_PARENT, "needs its parent");
	CLEANUP(findings_done) struct findings findings = {0};
	ck_ok(vhd_check(io, &findings, &err));
	ck_assert_uint_eq(findings.n, 0);
}
END_TEST

/* The same file over a parent of ours: each sector must come from where its own bit says. */
START_TEST(differencing_sectors_follow_their_bits)
{
	CLEANUP_FREE char *path = sample("dfvfs/fat-differential.vhd.xz");
	CLEANUP(io_close_p) struct io *io = util_open_io(path);
	struct guid parent_id;
	{
		CLEANUP(vhd_close_p) struct vhd *v = open_without_parent(io);
		parent_id = vhd_info(v)->parent_id;
	}
	struct util_disk disk = {.size = 4 * MiB, .seed = 99};
	CLEANUP_RANGES struct ranges map = {0};
	ranges_add(&map, 1536, 3 * MiB);
	struct image_options o = {.format = IMAGE_VHD, .file_id = parent_id};
	ck_ok(image_options_complete(&o, &err));
	CLEANUP(layout_free_p) struct layout *l = NULL;
	ck_ok(layout_new(&l, disk.size, &map, &o, &err));
	CLEANUP_FREE char *parent_path = util_path("parent.vhd");
	util_write_layout(l, &disk, parent_path);
	CLEANUP(io_close_p) struct io *parent_io = util_open_io(parent_path);
	CLEANUP(vhd_close_p) struct vhd *parent = util_open_vhd(parent_io, NULL);
	struct image_parent p = as_parent(parent);
	CLEANUP(vhd_close_p) struct vhd *v = util_open_vhd(io, &p);

	CLEANUP_FREE uint8_t *child = NULL;
	size_t child_size;
	ck_ok(file_read(path, 8 * MiB, (char **)&child, &child_size, &err));
	/* BAT at 0x2000: block 0 is in the file, block 1 is not. */
	uint64_t block = (uint64_t)be32_at(child + 0x2000) * 512;
	ck_assert_uint_eq(be32_at(child + 0x2004), UINT32_MAX);
	CLEANUP_RANGES struct ranges data = {0};
	ck_ok(vhd_data_ranges(v, 0, disk.size, &data, &err));
	size_t from_child = 0;
	for (uint64_t i = 0; i < disk.size / 512; i++) {
		uint8_t got[512], want[512] = {0};
		bool in_child = i < 4096 && child[block + i / 8] & (0x80 >> i % 8);
		if (in_child)
			memcpy(want, child + block + 512 + i * 512, 512);
		else if (ranges_contain(&map, i * 512, i * 512 + 512))
			ck_ok(util_disk_read(&disk, want, 512, i * 512, &err));
		from_child += in_child;
		ck_ok(vhd_pread(v, got, 512, i * 512, &err));
		ck_assert_msg(memcmp(got, want, 512) == 0, "sector %" PRIu64, i);
		ck_assert(mem_is_zero(want, 512) || ranges_contain(&data, i * 512, i * 512 + 512));
	}
	ck_assert_uint_eq(from_child, 18);
}
END_TEST

/* ---- reading ---- */

START_TEST(clear_bits_read_as_zero)
{
	size_t size;
	CLEANUP_FREE uint8_t *image = small_image(IMAGE_DYNAMIC, &size);
	uint64_t bitmap = (uint64_t)be32_at(image + 1536) * 512;
	ck_assert_uint_eq(image[bitmap], 0xff);
	image[bitmap] = 0xa0; /* sectors 1 and 3 to 7 */
	image[bitmap + 511] = 0;
	CLEANUP(io_close_p) struct io *io = io_from_memory(image, size, "bits");
	CLEANUP(vhd_close_p) struct vhd *v = util_open_vhd(io, NULL);
	for (uint64_t i = 0; i < 4096; i++) {
		uint8_t got[512];
		bool clear = i == 1 || (i >= 3 && i < 8) || i >= 4088;
		ck_ok(vhd_pread(v, got, 512, i * 512, &err));
		if (clear)
			ck_assert(mem_is_zero(got, 512));
		else
			ck_assert_mem_eq(got, image + bitmap + 512 + i * 512, 512);
	}
	CLEANUP_RANGES struct ranges data = {0}, want = {0};
	ck_ok(vhd_data_ranges(v, 100, 6 * MiB, &data, &err));
	ranges_add(&want, 100, 512);
	ranges_add(&want, 1024, 1536);
	ranges_add(&want, 4096, 4088 * 512);
	ranges_add(&want, 2 * MiB, 4 * MiB);
	ck_assert(ranges_equal(&data, &want));
}
END_TEST

START_TEST(reads_past_the_end_are_refused)
{
	size_t size;
	CLEANUP_FREE uint8_t *image = small_image(IMAGE_DYNAMIC, &size);
	CLEANUP(io_close_p) struct io *io = io_from_memory(image, size, "small");
	CLEANUP(vhd_close_p) struct vhd *v = util_open_vhd(io, NULL);
	char byte;
	struct ranges data = {0};
	ck_ok(vhd_pread(v, &byte, 1, 9 * MiB - 1, &err));
	ck_ok(vhd_pread(v, &byte, 0, 9 * MiB, &err));
	ck_fails(vhd_pread(v, &byte, 1, 9 * MiB, &err), ERR_INVALID_ARGUMENT, "past the end");
	ck_fails(vhd_pread(v, &byte, 1, UINT64_MAX, &err), ERR_INVALID_ARGUMENT, "past the end");
	ck_fails(vhd_data_ranges(v, 0, UINT64_MAX, &data, &err), ERR_INVALID_ARGUMENT, NULL);
}
END_TEST

struct reader {
	struct vhd *v;
	const char *want;
	uint64_t size, seed;
	bool same;
};

static void *read_at_random(void *data)
{
	struct reader *r = data;
	CLEANUP_FREE char *buf = xmalloc(100000);
	struct error *err = NULL;
	r->same = true;
	for (int i = 0; i < 2000 && r->same; i++) {
		uint64_t offset = util_random_below(&r->seed, r->size);
		size_t n =
			(size_t)min_u64(1 + util_random_below(&r->seed, 100000), r->size - offset);
		r->same = vhd_pread(r->v, buf, n, offset, &err) == 0 &&
			  memcmp(buf, r->want + offset, n) == 0;
	}
	return NULL;
}

START_TEST(several_threads_read)
{
	size_t size;
	CLEANUP_FREE uint8_t *image = small_image(IMAGE_DYNAMIC, &size);
	CLEANUP(io_close_p) struct io *io = io_from_memory(image, size, "small");
	CLEANUP(vhd_close_p) struct vhd *v = util_open_vhd(io, NULL);
	CLEANUP_FREE char *want = xmalloc(9 * MiB);
	ck_ok(vhd_pread(v, want, 9 * MiB, 0, &err));
	struct reader readers[4];
	pthread_t threads[4];
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		readers[i] = (struct reader){.v = v, .want = want, .size = 9 * MiB, .seed = i};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, read_at_random, &readers[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], NULL);
		ck_assert(readers[i].same);
	}
}
END_TEST

UNIT_MAIN("vhd-read", real_files_read_as_qemu_reads_them, differencing_sample_with_its_parent,
	differencing_without_its_parent, differencing_sectors_follow_their_bits,
	clear_bits_read_as_zero, reads_past_the_end_are_refused, several_threads_read)
