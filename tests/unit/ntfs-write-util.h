/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A volume open for changes on an overlay of an image. */
#pragma once

#include <string.h>

#include "checked.h"
#include "mem.h"
#include "ntfs-file.h"
#include "ntfs-mount.h"
#include "ntfs-tool-file.h"
#include "ntfs-tool.h"
#include "overlay.h"
#include "unit.h"

static inline const char *tmp(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s-%d", unit_tmp(), name, (int)getpid());
	return path;
}

struct changing {
	const char *image;
	struct disk *disk;
	struct overlay *overlay;
	struct ntfs_volume *v;
};

static inline int change_try(
	struct changing *c, const char *image, unsigned flags, struct error **why)
{
	*c = (struct changing){.image = image};
	CLEANUP_FREE char *journal = xasprintf("%s.journal", image);
	ck_ok(disk_open(&c->disk, image, 0, &err));
	ck_ok(overlay_new(&c->overlay, c->disk, journal, "test", &err));
	return ntfs_volume_open_write(
		&c->v, overlay_disk(c->overlay), 0, c->disk->size, flags, why);
}

static inline struct changing change(const char *image)
{
	struct changing c;
	ck_assert_int_eq(unit_run("sha256sum <'%s' >'%s.sum'", image, image), 0);
	ck_ok(change_try(&c, image, 0, &err));
	return c;
}

static inline void change_drop(struct changing *c)
{
	ntfs_volume_close(c->v);
	overlay_free(c->overlay);
	disk_close(c->disk);
}

/* What a disk holds now, as one number. */
static inline uint64_t disk_digest(struct disk *d)
{
	uint64_t sum = 0, words[4096];
	for (uint64_t at = 0; at < d->size; at += sizeof(words)) {
		size_t n = (size_t)min_u64(sizeof(words), d->size - at);
		ck_ok(disk_pread(d, words, n, at, &err));
		for (size_t i = 0; i < n / 8; i++)
			sum = (sum ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15) + 1;
	}
	return sum;
}

/* Until here the image is untouched, byte for byte; then it is what was written, and sound. */
static inline void change_commit(struct changing *c)
{
	struct op op = {0};
	struct disk *target = NULL;
	ck_ok(ntfs_volume_sync(c->v, &err));
	uint64_t synced = disk_digest(overlay_disk(c->overlay));
	ntfs_volume_close(c->v);
	/* Nothing was left to be written on closing. */
	ck_assert_uint_eq(disk_digest(overlay_disk(c->overlay)), synced);
	ck_assert_int_eq(unit_run("sha256sum <'%s' | cmp -s - '%s.sum'", c->image, c->image), 0);
	ck_ok(disk_open(&target, c->image, DISK_OPEN_WRITE, &err));
	ck_ok(overlay_commit(c->overlay, target, &op, &err));
	disk_close(target);
	overlay_free(c->overlay);
	disk_close(c->disk);
	ntfs_check_sound(c->image);
}

static inline void put_text(struct changing *c, const char *path, const char *text)
{
	ck_ok(ntfs_file_put(c->v, path, text, strlen(text), &err));
}

static inline void delete_path(struct changing *c, const char *path)
{
	struct op op = {0};
	ck_ok(ntfs_file_delete(c->v, path, &op, &err));
}
