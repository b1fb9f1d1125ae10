/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of allocation maps share. */
#pragma once

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "unit.h"

#include "allocmap.h"
#include "mem.h"
#include "ntfs-tool.h"

/* A file in this test's folder; the names stay. */
static inline const char *tmp(const char *name)
{
	static char *paths[16];
	CLEANUP_FREE char *path = xasprintf("%s/%s", unit_tmp(), name);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (!paths[i])
			paths[i] = TAKE_PTR(path);
		else if (strcmp(paths[i], path) != 0)
			continue;
		return paths[i];
	}
	ck_abort_msg("too many names");
}

/* The last warning of a build, "code: text", and how many notes there were. */
static char warning[500];
static unsigned notes;

static inline void watch(void *data, const struct op_event *ev)
{
	(void)data;
	if (ev->kind == OP_EVENT_WARNING)
		snprintf(warning, sizeof(warning), "%s: %s", ev->code, ev->message);
	notes += ev->kind == OP_EVENT_NOTE;
}

static inline int build_from(struct allocmap **ret, struct disk *d,
	const struct allocmap_options *options, const atomic_int *stop, struct error **err)
{
	static const struct allocmap_options defaults;
	struct partition_table *t = NULL;
	struct op op;
	warning[0] = '\0';
	notes = 0;
	op_init(&op, watch, NULL, NULL);
	if (partition_table_read(&t, d, &op, err) < 0)
		return -1;
	op.stop = stop;
	int result = allocmap_build(ret, d, t, options ? options : &defaults, &op, err);
	partition_table_free(t);
	return result;
}

static inline struct allocmap *build(const char *path, const struct allocmap_options *options)
{
	struct disk *d = NULL;
	struct allocmap *m = NULL;
	uint64_t parts = 0, excluded = 0;
	struct stat before, after;
	ck_assert_int_eq(stat(path, &before), 0);
	ck_ok(disk_open(&d, path, 0, &err));
	ck_ok(build_from(&m, d, options, NULL, &err));
	ck_assert_uint_eq(m->kept, ranges_total(&m->keep));
	for (size_t i = 0; i < m->n; i++) {
		parts += m->v[i].kept;
		excluded += m->v[i].excluded;
	}
	ck_assert_uint_eq(m->kept, parts);
	ck_assert_uint_eq(m->excluded, excluded);
	if (m->keep.n)
		ck_assert_uint_le(m->keep.v[m->keep.n - 1].end, d->size);
	disk_close(d);
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_int_eq(memcmp(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim)), 0);
	ck_assert_int_eq(memcmp(&before.st_ctim, &after.st_ctim, sizeof(before.st_ctim)), 0);
	return m;
}

/* The part of a partition; NTFS parts of a disk without a table are number 0. */
static inline const struct allocmap_part *part_of(const struct allocmap *m, unsigned number)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].partition == number && m->v[i].how != MAP_STRUCTURES)
			return &m->v[i];
	ck_abort_msg("no part %u", number);
}

/* A copy that holds what the map keeps, and zeros. */
static inline void copy_kept(const struct allocmap *m, const char *from, const char *to)
{
	struct disk *d = NULL;
	CLEANUP_FREE char *buf = xmalloc(MiB);
	ck_ok(disk_open(&d, from, 0, &err));
	CLEANUP_CLOSE int fd = open(to, O_RDWR | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_eq(ftruncate(fd, (off_t)d->size), 0);
	RANGES_FOREACH (p, &m->keep) {
		for (uint64_t at = p->start; at < p->end;) {
			size_t n = (size_t)min_u64(p->end - at, MiB);
			ck_ok(disk_pread(d, buf, n, at, &err));
			ck_assert_int_eq(pwrite_full(fd, buf, n, at), 0);
			at += n;
		}
	}
	disk_close(d);
}
