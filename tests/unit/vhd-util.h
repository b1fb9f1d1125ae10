/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of VHD share. */
#pragma once

#include <inttypes.h>
#include <libvhdi.h>

#include "unit.h"

#include "layout-util.h"
#include "vhd-format.h"
#include "vhd.h"

static inline char *util_path(const char *name)
{
	return xasprintf("%s/%s", unit_tmp(), name);
}

static inline struct layout *vhd_layout(
	uint64_t size, const struct ranges *map, enum image_type type, uint32_t block_size)
{
	struct image_options o = {.format = IMAGE_VHD, .type = type, .block_size = block_size};
	struct layout *l = NULL;
	ck_ok(image_options_complete(&o, &err));
	ck_ok(layout_new(&l, size, map, &o, &err));
	return l;
}

static inline struct io *util_open_io(const char *path)
{
	struct io *io = NULL;
	ck_ok(io_from_fd(&io, open(path, O_RDONLY | O_CLOEXEC), path, false, &err));
	return io;
}

static inline struct vhd *util_open_vhd(struct io *io, const struct image_parent *parent)
{
	struct vhd *v = NULL;
	ck_ok(vhd_open(&v, io, 0, parent, &err));
	return v;
}

/* Puts checksums right, of the header at 512 and of both footers. */
static inline void fix_checksums(uint8_t *image, size_t size)
{
	struct vhd_header *h = (struct vhd_header *)(image + 512);
	h->checksum = be32_make(vhd_header_checksum(h));
	for (int i = 0; i < 2; i++) {
		struct vhd_footer *f = (struct vhd_footer *)(image + (i ? size - 512 : 0));
		f->checksum = be32_make(vhd_footer_checksum(f));
	}
}

/* A small dynamic image in memory: 9 MiB, blocks 0, 1 and 3 of 5 exist. */
static inline uint8_t *small_image(enum image_type type, size_t *ret_size)
{
	struct util_disk disk = {.size = 9 * MiB, .seed = 3};
	CLEANUP_RANGES struct ranges map = {0};
	ranges_add(&map, 0, 3 * MiB);
	ranges_add(&map, 6 * MiB + 512, 6 * MiB + 5000);
	CLEANUP(layout_free_p) struct layout *l = vhd_layout(disk.size, &map, type, 0);
	*ret_size = layout_length(l);
	uint8_t *image = xmalloc(*ret_size);
	ck_ok(layout_pread(l, util_disk_read, &disk, 0, image, *ret_size, &err));
	return image;
}

/* ---- libvhdi ---- */

static inline libvhdi_file_t *open_libvhdi(const char *path, libvhdi_file_t *parent)
{
	libvhdi_file_t *file = NULL;
	ck_assert_int_eq(libvhdi_file_initialize(&file, NULL), 1);
	ck_assert_int_eq(libvhdi_file_open(file, path, LIBVHDI_OPEN_READ, NULL), 1);
	if (parent)
		ck_assert_int_eq(libvhdi_file_set_parent_file(file, parent, NULL), 1);
	return file;
}

static inline void close_libvhdi(libvhdi_file_t *file)
{
	libvhdi_file_close(file, NULL);
	libvhdi_file_free(&file, NULL);
}

static inline void libvhdi_read(libvhdi_file_t *file, void *buf, size_t len, uint64_t offset)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = libvhdi_file_read_buffer_at_offset(
			file, (char *)buf + done, len - done, (off64_t)(offset + done), NULL);
		ck_assert_int_gt(n, 0);
		done += (size_t)n;
	}
}

/* ---- comparing our reader with a raw file ---- */

/* [start, end) of both, and that what data_ranges leaves out is zero. */
static inline void compare_part(struct vhd *v, int raw, uint64_t start, uint64_t end)
{
	CLEANUP_RANGES struct ranges data = {0};
	ck_ok(vhd_data_ranges(v, start, end, &data, &err));
	CLEANUP_FREE char *got = xmalloc(MiB), *want = xmalloc(MiB);
	while (start < end) {
		size_t n = (size_t)min_u64(end - start, MiB);
		ck_ok(vhd_pread(v, got, n, start, &err));
		ck_assert_int_eq(pread_full(raw, want, n, start), n);
		ck_assert_msg(
			memcmp(got, want, n) == 0, "differs within 1 MiB at 0x%" PRIx64, start);
		ck_assert_msg(ranges_intersects(&data, start, start + n) || mem_is_zero(want, n),
			"data_ranges misses 0x%" PRIx64, start);
		start += n;
	}
}

/* Everything, or where that is too much both ends and what the raw file has on its disk. */
static inline void compare_with_raw(struct vhd *v, const char *path)
{
	CLEANUP_CLOSE int raw = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t size = vhd_info(v)->virtual_size;
	ck_assert_uint_eq(lseek(raw, 0, SEEK_END), size);
	if (size <= 400 * MiB) {
		compare_part(v, raw, 0, size);
		return;
	}
	compare_part(v, raw, 0, 8 * MiB);
	compare_part(v, raw, size - 8 * MiB - 513, size);
	for (off_t at = 0; (at = lseek(raw, at, SEEK_DATA)) >= 0;) {
		off_t end = lseek(raw, at, SEEK_HOLE);
		compare_part(v, raw, (uint64_t)at, (uint64_t)end);
		at = end;
	}
}
