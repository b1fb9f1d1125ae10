/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VHDX files for tests: made of layouts, opened, compared, edited with their checksums put right. */
#pragma once

#include <inttypes.h>

#include "unit.h"

#include "crc32c.h"
#include "layout-util.h"
#include "vhdx-format.h"
#include "vhdx.h"

static inline char *vx_path(const char *name)
{
	return xasprintf("%s/%s", unit_tmp(), name);
}

static inline struct io *vx_io(const char *path, bool writable)
{
	struct io *io = NULL;
	int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_ok(io_from_fd(&io, fd, path, writable, &err));
	return io;
}

static inline struct layout *vx_layout(uint64_t size, const struct ranges *map,
	enum image_type type, uint32_t block_size, uint32_t logical_sector)
{
	struct image_options o = {.format = IMAGE_VHDX,
		.type = type,
		.block_size = block_size,
		.logical_sector = logical_sector};
	struct layout *l = NULL;
	ck_ok(image_options_complete(&o, &err));
	ck_ok(layout_new(&l, size, map, &o, &err));
	return l;
}

/* Writes an image whose map is the whole disk or, where n is not 0, the ranges given. */
static inline void vx_make(const char *path, struct util_disk *d, const struct range *map, size_t n,
	enum image_type type, uint32_t block_size)
{
	CLEANUP_RANGES struct ranges r = {0};
	for (size_t i = 0; i < n; i++)
		ranges_add(&r, map[i].start, map[i].end);
	if (!n)
		ranges_add(&r, 0, d->size);
	CLEANUP(layout_free_p)
	struct layout *l = vx_layout(d->size, &r, type, block_size, 512);
	util_write_layout(l, d, path);
}

/* Everything the reader says of the disk equals the raw file; data_ranges covers what is not zero. */
static inline void vx_check_content(struct vhdx *v, const char *raw)
{
	CLEANUP_CLOSE int fd = open(raw, O_RDONLY | O_CLOEXEC);
	CLEANUP_FREE char *got = xmalloc(MiB);
	CLEANUP_FREE char *want = xmalloc(MiB);
	CLEANUP_RANGES struct ranges data = {0};
	uint64_t size = vhdx_info(v)->virtual_size;
	ck_assert_int_ge(fd, 0);
	ck_ok(vhdx_data_ranges(v, 0, size, &data, &err));
	for (uint64_t at = 0; at < size; at += MiB) {
		/* Of a large disk, the parts that are zero on both sides are only sampled. */
		off_t next = lseek(fd, (off_t)at, SEEK_DATA);
		bool hole = next < 0 || (uint64_t)next >= at + MiB;
		if (hole && !ranges_intersects(&data, at, at + MiB) && at / MiB % 61)
			continue;
		size_t n = (size_t)min_u64(MiB, size - at);
		ck_ok(vhdx_pread(v, got, n, at, &err));
		ck_assert_int_eq(pread_full(fd, want, n, at), n);
		ck_assert_msg(memcmp(got, want, n) == 0, "1 MiB at 0x%" PRIx64 " differs", at);
		ck_assert_msg(ranges_intersects(&data, at, at + n) || mem_is_zero(want, n),
			"1 MiB at 0x%" PRIx64 " is not zero and in no data range", at);
	}
}

/* The codes of all findings, with a space after each; notes are left out. */
static inline char *vx_findings(const char *path)
{
	CLEANUP(io_close_p) struct io *io = vx_io(path, false);
	struct findings f = {0};
	char *codes = xstrdup("");
	ck_ok(vhdx_check(io, &f, &err));
	for (size_t i = 0; i < f.n; i++) {
		if (f.v[i].level == FINDING_NOTE)
			continue;
		char *more = xasprintf("%s%s ", codes, f.v[i].code);
		free(codes);
		codes = more;
	}
	findings_done(&f);
	return codes;
}

/* ---- editing ---- */

static inline void vx_poke(const char *path, uint64_t offset, const void *buf, size_t len)
{
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite_full(fd, buf, len, offset), 0);
}

static inline void vx_peek(const char *path, uint64_t offset, void *buf, size_t len)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread_full(fd, buf, len, offset), (ssize_t)len);
}

/* Puts the checksum of a structure right; it is the second word of each. */
static inline void vx_seal(void *structure, size_t len)
{
	le32_put((char *)structure + 4, 0);
	le32_put((char *)structure + 4, crc32c(0, structure, len));
}
