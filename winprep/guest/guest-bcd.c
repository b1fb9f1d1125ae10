/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-bcd.h"

#include <string.h>

#include "checked.h"
#include "fat-file.h"
#include "mem.h"

#define STORE_MAX MiB /* a store has some 30 KiB */

/* ---- one file, whatever volume it is on ---- */

static bool is_fat(const struct partition *p)
{
	return strcmp(p->fs, "vfat") == 0;
}

static int fat_read(struct disk *d, const struct partition *p, const char *path, uint8_t **ret,
	size_t *ret_len, struct error **err)
{
	struct fat_volume *v CLEANUP(fat_volume_close_p) = NULL;
	if (fat_volume_open(&v, d, p->start, p->size, err) < 0)
		return -1;
	return fat_file_read(v, path, STORE_MAX, ret, ret_len, err);
}

static int ntfs_read(struct disk *d, const struct partition *p, const char *path, uint8_t **ret,
	size_t *ret_len, struct error **err)
{
	struct ntfs_volume *v CLEANUP(ntfs_volume_close_p) = NULL;
	if (ntfs_volume_open(&v, d, p->start, p->size, err) < 0)
		return -1;
	return ntfs_file_read(v, path, STORE_MAX, ret, ret_len, err);
}

/* 1 where there is such a file and something in it. */
static int read_file(struct guest *g, const struct partition *p, const char *path, uint8_t **ret,
	size_t *ret_len, struct error **err)
{
	int rc;
	if (p == g->partition)
		rc = ntfs_file_read(g->volume, path, STORE_MAX, ret, ret_len, err);
	else if (is_fat(p))
		rc = fat_read(g->disk, p, path, ret, ret_len, err);
	else
		rc = ntfs_read(g->disk, p, path, ret, ret_len, err);
	if (rc < 0 && (*err)->code == ERR_NOT_FOUND) {
		err_free(*err);
		*err = NULL;
		return 0;
	}
	return rc < 0 ? -1 : *ret_len > 0;
}

static int fat_write(struct disk *d, const struct partition *p, const char *path, const void *data,
	size_t size, struct error **err)
{
	struct fat_volume *v CLEANUP(fat_volume_close_p) = NULL;
	if (fat_volume_open(&v, d, p->start, p->size, err) < 0)
		return -1;
	return fat_file_replace(v, path, data, size, err);
}

static int ntfs_write(struct disk *d, const struct partition *p, const char *path, const void *data,
	size_t size, struct error **err)
{
	struct ntfs_volume *v CLEANUP(ntfs_volume_close_p) = NULL;
	if (ntfs_volume_open_write(&v, d, p->start, p->size, 0, err) < 0 ||
		ntfs_file_put(v, path, data, size, err) < 0)
		return -1;
	return ntfs_volume_sync(v, err);
}

/* ---- the store ---- */

/* Windows keeps one log for a store; LOG1 is there, and empty, where it was loaded like any other hive. */
static int replay(struct guest *g, uint8_t **data, size_t *size, struct error **err)
{
	static const char *const names[2] = {".LOG", ".LOG1"};
	struct guest_hive *gh = &g->hives[HIVE_BCD];
	CLEANUP_FREE uint8_t *log0 = NULL;
	CLEANUP_FREE uint8_t *log1 = NULL;
	uint8_t **content[2] = {&log0, &log1};
	struct hive_log logs[2] = {{0}};
	for (int i = 0; i < 2; i++) {
		CLEANUP_FREE char *path = xasprintf("%s%s", gh->path, names[i]);
		int there = read_file(g, gh->partition, path, content[i], &logs[i].size, err);
		if (there < 0)
			return -1;
		logs[i].name = names[i];
		logs[i].data = there ? *content[i] : NULL;
	}
	return hive_replay(data, size, logs, &gh->replay, err);
}

static int open_store(
	struct guest *g, const struct partition *p, const char *path, struct error **err)
{
	struct guest_hive *gh = &g->hives[HIVE_BCD];
	CLEANUP_FREE uint8_t *data = NULL;
	size_t size = 0;
	int there = read_file(g, p, path, &data, &size, err);
	if (there <= 0)
		return there;
	gh->partition = p;
	gh->path = xstrdup(path);
	if (replay(g, &data, &size, err) < 0 ||
		hive_open(&gh->h, data, size, hive_id_name(HIVE_BCD), err) < 0)
		return -1;
	return 1;
}

int guest_bcd_open(struct guest *g, struct error **err)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < g->table->n; i++) {
		const struct partition *p = &g->table->v[i];
		bool ntfs = strcmp(p->fs, "ntfs") == 0;
		if (p->role == ROLE_ESP && is_fat(p))
			rc = open_store(g, p, "\\EFI\\Microsoft\\Boot\\BCD", err);
		else if (g->table->kind == TABLE_MBR && p->active && (ntfs || is_fat(p)))
			rc = open_store(g, p, "\\Boot\\BCD", err);
	}
	return rc < 0 ? err_prefix(err, "boot configuration") : 0;
}

/* Its log is of no use to anybody any more: the hive is clean, and Windows looks at no log of a clean one. */
int guest_bcd_write(struct guest *g, const void *data, size_t size, struct error **err)
{
	const struct guest_hive *gh = &g->hives[HIVE_BCD];
	int rc;
	if (gh->partition == g->partition)
		rc = ntfs_file_put(g->volume, gh->path, data, size, err);
	else if (is_fat(gh->partition))
		rc = fat_write(g->disk, gh->partition, gh->path, data, size, err);
	else
		rc = ntfs_write(g->disk, gh->partition, gh->path, data, size, err);
	return rc < 0 ? err_prefix(err, "partition %u", gh->partition->number) : 0;
}
