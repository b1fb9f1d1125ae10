/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random layouts of every format: made in random pieces they equal what was made in one go, and
 * others read from them what was planned: QEMU, or libvhdi where QEMU cannot (4 KiB sectors).
 * Each case prints its seed; CE_TEST_SEED=N runs that case alone.
 */
#include <inttypes.h>
#include <libvhdi.h>
#include <time.h>

#include "unit.h"

#include "layout-util.h"
#include "vhd.h"
#include "vhdx.h"

enum { CASES = 25, MAX_RANGES = 40 };
#define MAX_DATA (12 * MiB) /* so that a case stays quick */

static const struct variant {
	const char *qemu_name;
	enum image_format format;
	enum image_type type;
	uint32_t block_sizes[4];
} variants[] = {
	{"raw", IMAGE_RAW, IMAGE_DYNAMIC, {0}},
	{"vpc", IMAGE_VHD, IMAGE_FIXED, {0}},
	{"vpc", IMAGE_VHD, IMAGE_DYNAMIC, {512 * KiB, 2 * MiB, 0, 2 * MiB}},
	{"vhdx", IMAGE_VHDX, IMAGE_DYNAMIC, {1 * MiB, 2 * MiB, 0, 256 * MiB}},
	{"vhdx", IMAGE_VHDX, IMAGE_FIXED, {1 * MiB, 8 * MiB, 0, 64 * MiB}},
};

/* Any size up to 200 MiB, the small ones and those next to a whole MiB more often. */
static uint64_t random_size(uint64_t *random)
{
	switch (util_random_below(random, 5)) {
	case 0:
		return 1 + util_random_below(random, 10000);
	case 1:
		return util_random_below(random, 200) * MiB + 1 + util_random_below(random, 1024);
	case 2:
		return (1 + util_random_below(random, 200)) * MiB;
	default:
		return 1 + util_random_below(random, 200 * MiB);
	}
}

static void random_map(uint64_t *random, uint64_t size, struct ranges *map)
{
	uint64_t n = util_random_below(random, MAX_RANGES), left = MAX_DATA;
	while (n--) {
		uint64_t start = util_random_below(random, size);
		uint64_t most = util_random_below(random, 3) ? 20000 : 5 * MiB;
		uint64_t length = 1 + util_random_below(random, most);
		length = min_u64(min_u64(length, size - start), left);
		ranges_add(map, start, start + length);
		left -= length;
	}
	if (util_random_below(random, 3) == 0)
		ranges_add(map, size - 1, size);
}

static struct image_options random_options(uint64_t *random, const struct variant *variant)
{
	struct image_options o = {.format = variant->format,
		.type = variant->type,
		.block_size = variant->block_sizes[util_random_below(random, 4)]};
	if (variant->format != IMAGE_VHD)
		o.logical_sector = util_random_below(random, 4) ? 512 : 4096;
	ck_ok(image_options_complete(&o, &err));
	return o;
}

/* ---- what must hold ---- */

static void check_segments(const struct layout *l)
{
	CLEANUP_RANGES struct ranges data = {0};
	uint64_t offset = 0, bytes = 0;
	while (offset < layout_length(l)) {
		struct segment s = layout_segment(l, offset);
		ck_assert_uint_eq(s.offset, offset);
		ck_assert_uint_gt(s.length, 0);
		if (s.kind == SEGMENT_DATA) {
			ranges_add(&data, s.disk_offset, s.disk_offset + s.length);
			bytes += s.length;
		}
		offset += s.length;
	}
	ck_assert_uint_eq(offset, layout_length(l));
	ck_assert_uint_eq(bytes, layout_data_bytes(l));
	ck_assert(ranges_equal(&data, layout_map(l)));
}

static void check_qemu(
	const struct layout *l, const char *format, const char *image, const char *raw)
{
	uint64_t size = layout_virtual_size(l);
	ck_assert_int_eq(
		unit_run("qemu-img convert -f %s -O raw %s %s.qemu", format, image, raw), 0);
	ck_assert_int_eq(unit_run("cmp -n %" PRIu64 " %s.qemu %s", size, raw, raw), 0);
	/* QEMU counts in sectors: it rounds the size of a raw file up. */
	ck_assert_int_eq(
		unit_run("test $(stat -c %%s %s.qemu) = %" PRIu64, raw, round_up(size, 512)), 0);
}

typedef void read_fn(void *data, void *buf, size_t len, uint64_t offset);

static void compare(const struct layout *l, const char *raw, read_fn *read, void *data)
{
	CLEANUP_CLOSE int fd = open(raw, O_RDONLY | O_CLOEXEC);
	CLEANUP_FREE char *got = xmalloc(4 * MiB), *want = xmalloc(4 * MiB);
	for (uint64_t at = 0; at < layout_virtual_size(l); at += 4 * MiB) {
		size_t n = (size_t)min_u64(4 * MiB, layout_virtual_size(l) - at);
		read(data, got, n, at);
		ck_assert_int_eq(pread_full(fd, want, n, at), n);
		ck_assert_msg(memcmp(got, want, n) == 0, "differs within 4 MiB at 0x%" PRIx64, at);
	}
}

static void read_libvhdi(void *data, void *buf, size_t len, uint64_t offset)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = libvhdi_file_read_buffer_at_offset(
			data, (char *)buf + done, len - done, (off64_t)(offset + done), NULL);
		ck_assert_int_gt(n, 0);
		done += (size_t)n;
	}
}

static void check_libvhdi(const struct layout *l, const char *image, const char *raw)
{
	libvhdi_file_t *file = NULL;
	size64_t size = 0;
	ck_assert_int_eq(libvhdi_file_initialize(&file, NULL), 1);
	ck_assert_int_eq(libvhdi_file_open(file, image, LIBVHDI_OPEN_READ, NULL), 1);
	ck_assert_int_eq(libvhdi_file_get_media_size(file, &size, NULL), 1);
	ck_assert_uint_eq(size, layout_virtual_size(l));
	compare(l, raw, read_libvhdi, file);
	libvhdi_file_close(file, NULL);
	libvhdi_file_free(&file, NULL);
}

static void read_vhd(void *data, void *buf, size_t len, uint64_t offset)
{
	ck_ok(vhd_pread(data, buf, len, offset, &err));
}

static void read_vhdx(void *data, void *buf, size_t len, uint64_t offset)
{
	ck_ok(vhdx_pread(data, buf, len, offset, &err));
}

/* Our own readers agree, and find nothing to complain about. */
static void check_own(const struct layout *l, const char *image, const char *raw)
{
	CLEANUP(io_close_p) struct io *io = NULL;
	CLEANUP(vhd_close_p) struct vhd *vhd = NULL;
	CLEANUP(vhdx_close_p) struct vhdx *vhdx = NULL;
	CLEANUP(findings_done) struct findings findings = {0};
	ck_ok(io_from_fd(&io, open(image, O_RDONLY | O_CLOEXEC), image, false, &err));
	if (layout_options(l)->format == IMAGE_VHD) {
		ck_ok(vhd_open(&vhd, io, 0, NULL, &err));
		compare(l, raw, read_vhd, vhd);
		ck_ok(vhd_check(io, &findings, &err));
	} else {
		ck_ok(vhdx_open(&vhdx, io, 0, NULL, &err));
		compare(l, raw, read_vhdx, vhdx);
		ck_ok(vhdx_check(io, &findings, &err));
	}
	ck_assert_msg(findings.n == 0, "%s", findings.n ? findings.v[0].message : "");
}

static void run_case(uint64_t seed)
{
	uint64_t random = seed;
	const struct variant *variant = &variants[seed % ARRAY_SIZE(variants)];
	struct util_disk disk = {.size = random_size(&random), .seed = seed};
	struct image_options o = random_options(&random, variant);
	CLEANUP_RANGES struct ranges map = {0};
	random_map(&random, disk.size, &map);
	CLEANUP(layout_free_p) struct layout *l = NULL;
	ck_ok(layout_new(&l, disk.size, &map, &o, &err));
	printf("# seed %" PRIu64 ": %s %s, %" PRIu64 " bytes, %zu ranges, blocks of %" PRIu32
	       ", sectors of %" PRIu32 "\n",
		seed, image_format_name(o.format), image_type_name(o.type), disk.size,
		layout_map(l)->n, o.block_size, o.logical_sector);
	fflush(stdout);

	CLEANUP_FREE char *image = xasprintf("%s/image", unit_tmp());
	CLEANUP_FREE char *raw = xasprintf("%s/raw", unit_tmp());
	check_segments(l);
	util_write_layout(l, &disk, image);
	util_write_expected(l, &disk, raw);
	util_check_pieces(l, &disk, image, &random);
	if (o.format == IMAGE_VHDX && o.logical_sector == 4096)
		check_libvhdi(l, image, raw);
	else
		check_qemu(l, variant->qemu_name, image, raw);
	if (o.format != IMAGE_RAW)
		check_own(l, image, raw);
}

START_TEST(random_layouts)
{
	const char *given = getenv("CE_TEST_SEED");
	if (given) {
		run_case(strtoull(given, NULL, 10));
		return;
	}
	uint64_t first = (uint64_t)time(NULL) * 1000;
	for (uint64_t i = 0; i < CASES; i++)
		run_case(first + i);
}
END_TEST

UNIT_MAIN("layout-oracle", random_layouts)
