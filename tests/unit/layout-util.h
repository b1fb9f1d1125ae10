/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Test disks whose bytes follow from their offsets, and files made of layouts. */
#pragma once

#include <fcntl.h>
#include <string.h>

#include "io.h"
#include "layout.h"
#include "le.h"
#include "mem.h"

/* A sequence of its own for each seed (splitmix64). */
static inline uint64_t util_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint64_t util_random_below(uint64_t *state, uint64_t limit)
{
	return util_random(state) % limit;
}

struct util_disk {
	uint64_t size, seed;
};

/*
 * A layout_read_fn; the range must lie within the disk. No byte is zero, so that what is missing
 * shows.
 */
static inline int util_disk_read(
	void *data, void *buf, size_t len, uint64_t offset, struct error **err)
{
	const struct util_disk *d = data;
	if (!u64_range_ok(offset, len, d->size))
		return err_set(err, ERR_INTERNAL, "a read past the end of the test disk");
	uint8_t *p = buf;
	while (len) {
		uint64_t state = d->seed + offset / 8;
		le64 word = le64_make(util_random(&state) | UINT64_C(0x0101010101010101));
		size_t skip = (size_t)(offset % 8);
		size_t n = (size_t)min_u64(8 - skip, len);
		memcpy(p, word.b + skip, n);
		offset += n, p += n, len -= n;
	}
	return 0;
}

static inline int util_create(const char *path, uint64_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static inline void util_copy_disk(
	int fd, uint64_t offset, struct util_disk *d, uint64_t start, uint64_t length)
{
	CLEANUP_FREE char *buf = xmalloc(MiB);
	while (length) {
		size_t n = (size_t)min_u64(length, MiB);
		ck_ok(util_disk_read(d, buf, n, start, &err));
		ck_assert_int_eq(pwrite_full(fd, buf, n, offset), 0);
		offset += n, start += n, length -= n;
	}
}

/* The file, segment by segment; nothing is written for ZERO segments. */
static inline void util_write_layout(const struct layout *l, struct util_disk *d, const char *path)
{
	CLEANUP_CLOSE int fd = util_create(path, layout_length(l));
	for (uint64_t offset = 0; offset < layout_length(l);) {
		struct segment s = layout_segment(l, offset);
		ck_assert_uint_eq(s.offset, offset);
		if (s.kind == SEGMENT_DATA)
			util_copy_disk(fd, offset, d, s.disk_offset, s.length);
		if (s.kind == SEGMENT_META) {
			CLEANUP_FREE void *buf = xmalloc(s.length);
			layout_meta(l, offset, buf, s.length);
			ck_assert_int_eq(pwrite_full(fd, buf, s.length, offset), 0);
		}
		offset += s.length;
	}
}

/* What a reader of the image must see: the disk's bytes that are in the map, else zero. */
static inline void util_write_expected(
	const struct layout *l, struct util_disk *d, const char *path)
{
	CLEANUP_CLOSE int fd = util_create(path, layout_virtual_size(l));
	RANGES_FOREACH (r, layout_map(l))
		util_copy_disk(fd, r->start, d, r->start, r->end - r->start);
}

static inline void util_check_piece(
	const struct layout *l, struct util_disk *d, int file, uint64_t offset, size_t n)
{
	CLEANUP_FREE char *got = xmalloc(n), *want = xmalloc(n);
	ck_ok(layout_pread(l, util_disk_read, d, offset, got, n, &err));
	ck_assert_int_eq(pread_full(file, want, n, offset), n);
	ck_assert_msg(memcmp(got, want, n) == 0, "%zu bytes at 0x%llx differ", n,
		(unsigned long long)offset);
}

/* The layout's bytes asked for in random pieces equal those of the file: all of them, then some anew. */
static inline void util_check_pieces(
	const struct layout *l, struct util_disk *d, const char *path, uint64_t *random)
{
	CLEANUP_CLOSE int file = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(file, 0);
	uint64_t length = layout_length(l);
	for (uint64_t offset = 0; offset < length;) {
		uint64_t most = util_random_below(random, 8) ? 3 * MiB : 5000;
		size_t n = 1 + (size_t)util_random_below(random, most);
		n = (size_t)min_u64(n, length - offset);
		util_check_piece(l, d, file, offset, n);
		offset += n;
	}
	for (int i = 0; i < 50; i++) {
		uint64_t offset = util_random_below(random, length);
		size_t n = 1 + (size_t)util_random_below(random, 70000);
		util_check_piece(l, d, file, offset, (size_t)min_u64(n, length - offset));
	}
}
