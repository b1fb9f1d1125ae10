/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding a Windows on a disk and opening its hives. */
#include "guest-private.h"

#include <stdlib.h>
#include <inttypes.h>
#include <string.h>

#include "guest-bcd.h"
#include "guest-find.h"
#include "hive-format.h"
#include "mem.h"

static const char *const hive_files[_HIVE_MAX] = {[HIVE_SYSTEM] = "SYSTEM",
	[HIVE_SOFTWARE] = "SOFTWARE",
	[HIVE_DRIVERS] = "DRIVERS",
	[HIVE_DEFAULT] = "DEFAULT"};

/* ---- hives ---- */

static int read_if_there(
	struct ntfs_volume *v, const char *path, uint8_t **ret, size_t *ret_len, struct error **err)
{
	struct ntfs_stat st = {0};
	if (ntfs_file_stat(v, path, &st, err) < 0)
		return -1;
	if (!st.exists || st.size == 0)
		return 0;
	if (st.size > HIVE_SIZE_MAX)
		return err_set(err, ERR_HIVE_TOO_LARGE,
			"\"%s\" has %" PRIu64 " bytes (at most %u can be handled)", path, st.size,
			HIVE_SIZE_MAX);
	return ntfs_file_read(v, path, HIVE_SIZE_MAX, ret, ret_len, err);
}

static int open_hive(struct guest *g, enum hive_id id, struct error **err)
{
	struct guest_hive *gh = &g->hives[id];
	static const char *const log_names[2] = {".LOG1", ".LOG2"};
	CLEANUP_FREE uint8_t *data = NULL;
	CLEANUP_FREE uint8_t *log0 = NULL;
	CLEANUP_FREE uint8_t *log1 = NULL;
	uint8_t **log_data[2] = {&log0, &log1};
	struct hive_log logs[2] = {{0}};
	size_t size = 0;
	CLEANUP_FREE char *path = xasprintf("%s\\System32\\config\\%s", g->root, hive_files[id]);
	if (read_if_there(g->volume, path, &data, &size, err) < 0)
		return -1;
	if (!data)
		return 0;
	gh->path = TAKE_PTR(path);
	for (int i = 0; i < 2; i++) {
		CLEANUP_FREE char *log_path = xasprintf("%s%s", gh->path, log_names[i]);
		if (read_if_there(g->volume, log_path, log_data[i], &logs[i].size, err) < 0)
			return -1;
		logs[i].name = log_names[i];
		logs[i].data = *log_data[i];
	}
	if (hive_replay(&data, &size, logs, &gh->replay, err) < 0)
		return err_prefix(err, "hive %s", hive_files[id]);
	return hive_open(&gh->h, data, size, hive_files[id], err);
}

/* What cannot be read is kept as that hive's problem: an inspection shows it, guest_check() refuses. */
static void open_hives(struct guest *g)
{
	for (enum hive_id id = 0; id < _HIVE_MAX; id++)
		if (hive_files[id])
			(void)open_hive(g, id, &g->hives[id].problem);
	(void)guest_bcd_open(g, &g->hives[HIVE_BCD].problem);
}

static int open_volume(struct guest *g, const struct guest_options *o, struct error **err)
{
	const struct partition *part = g->partition;
	if (o->write)
		return ntfs_volume_open_write(&g->volume, g->disk, part->start, part->size,
			o->discard_hibernation ? NTFS_DISCARD_HIBERNATION : 0, err);
	return ntfs_volume_open(&g->volume, g->disk, part->start, part->size, err);
}

int guest_open_at(struct guest **ret, struct disk *disk, const struct partition_table *table,
	const struct guest_place *place, const struct guest_options *o, struct error **err)
{
	struct guest *g CLEANUP(guest_close_p) = xcalloc(1, sizeof(*g));
	g->disk = disk;
	g->table = table;
	g->partition = place->partition;
	g->root = xstrdup(place->root);
	if (open_volume(g, o, err) < 0)
		return -1;
	open_hives(g);
	guest_read_facts(g);
	*ret = TAKE_PTR(g);
	return 0;
}

int guest_open(struct guest **ret, struct disk *disk, const struct partition_table *table,
	const struct guest_options *o, struct error **err)
{
	CLEANUP(guest_places_done) struct guest_places places = {0};
	guest_places_find(&places, disk, table);
	const struct guest_place *place = guest_places_choose(&places, disk, table, o->root, err);
	if (!place || guest_open_at(ret, disk, table, place, o, err) < 0)
		return -1;
	if (places.failure && !o->root)
		(*ret)->unread =
			xasprintf("partition %u cannot be read, and may hold another Windows: %s",
				places.unread->number, places.failure->message);
	return 0;
}

int guest_file_is(const struct guest *g, const char *path, const void *data, size_t len, bool *ret,
	struct error **err)
{
	struct ntfs_stat st = {0};
	CLEANUP_FREE uint8_t *old = NULL;
	size_t old_len;
	if (ntfs_file_stat(g->volume, path, &st, err) < 0)
		return -1;
	*ret = st.exists && !st.directory && st.size == len;
	if (!*ret || len == 0)
		return 0;
	if (ntfs_file_read(g->volume, path, len, &old, &old_len, err) < 0)
		return -1;
	*ret = old_len == len && memcmp(old, data, len) == 0;
	return 0;
}

void guest_close(struct guest *g)
{
	if (!g)
		return;
	for (int i = 0; i < _HIVE_MAX; i++) {
		free(g->hives[i].path);
		hive_close(g->hives[i].h);
		hive_replay_report_done(&g->hives[i].replay);
		err_free(g->hives[i].problem);
	}
	ntfs_volume_close(g->volume);
	free(g->root);
	free(g->unread);
	guest_facts_done(g);
	free(g);
}
