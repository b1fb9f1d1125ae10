/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding a Windows on a disk and opening its hives. */
#include "guest-private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hive-format.h"
#include "mem.h"
#include "strbuf.h"

static const char *const hive_files[_HIVE_MAX] = {[HIVE_SYSTEM] = "SYSTEM",
	[HIVE_SOFTWARE] = "SOFTWARE",
	[HIVE_DRIVERS] = "DRIVERS",
	[HIVE_DEFAULT] = "DEFAULT"};

/* ---- where it is ---- */

/* A folder that holds a Windows, on one of the disk's NTFS volumes. */
struct candidate {
	const struct partition *partition;
	char *root;
};
struct candidates {
	struct candidate *v;
	size_t n;
};

static void candidates_done(struct candidates *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].root);
	free(c->v);
}

static bool holds_windows(struct ntfs_volume *v, const char *root)
{
	struct ntfs_stat st = {0};
	CLEANUP_ERR struct error *ignored = NULL;
	CLEANUP_FREE char *path = xasprintf("%s\\System32\\config\\SYSTEM", root);
	return ntfs_file_stat(v, path, &st, &ignored) == 0 && st.exists && !st.directory;
}

/* Folders of the volume's root: there are few, and Windows is one of them whatever it is called. */
static int find_on_volume(struct candidates *c, const struct partition *part, struct ntfs_volume *v,
	struct error **err)
{
	char **names = NULL;
	if (ntfs_dir_list(v, "\\", &names, err) < 0)
		return -1;
	for (size_t i = 0; names[i]; i++) {
		CLEANUP_FREE char *root = xasprintf("\\%s", names[i]);
		if (!holds_windows(v, root))
			continue;
		c->v = xrealloc_array(c->v, c->n + 1, sizeof(*c->v));
		c->v[c->n++] = (struct candidate){.partition = part, .root = TAKE_PTR(root)};
	}
	reg_texts_free(names);
	return 0;
}

/* A volume that cannot be opened may be the one: its reason is kept for the message. */
static void find_all(
	struct candidates *c, struct disk *disk, const struct partition_table *t, char **ret_reason)
{
	for (size_t i = 0; i < t->n; i++) {
		CLEANUP_ERR struct error *failure = NULL;
		struct ntfs_volume *v CLEANUP(ntfs_volume_close_p) = NULL;
		const struct partition *part = &t->v[i];
		if (strcmp(part->fs, "ntfs") != 0)
			continue;
		if (ntfs_volume_open(&v, disk, part->start, part->size, &failure) < 0 ||
			find_on_volume(c, part, v, &failure) < 0) {
			free(*ret_reason);
			*ret_reason = xasprintf("partition %u: %s", part->number, failure->message);
		}
	}
}

static bool has_bitlocker(const struct partition_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcasecmp(t->v[i].fs, "BitLocker") == 0)
			return true;
	return false;
}

static bool has_ldm(const struct partition_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].role == ROLE_LDM)
			return true;
	return false;
}

static int none_found(const struct partition_table *t, const char *reason, struct error **err)
{
	if (has_bitlocker(t))
		return err_set(
			err, ERR_BITLOCKER, "the Windows volume is encrypted with BitLocker");
	if (has_ldm(t))
		return err_set(err, ERR_DYNAMIC_DISK,
			"Windows lies on a dynamic disk or in a storage pool");
	if (reason)
		return err_set(err, ERR_NO_WINDOWS, "no Windows was found (%s)", reason);
	return err_set(err, ERR_NO_WINDOWS, "no NTFS volume of the disk holds a Windows");
}

static int choose(const struct candidates *c, const char *root, size_t *ret, struct error **err)
{
	struct strbuf list = {0};
	size_t found = c->n;
	for (size_t i = 0; i < c->n; i++) {
		strbuf_addf(&list, "%s%s (partition %u)", i ? ", " : "", c->v[i].root,
			c->v[i].partition->number);
		if (root ? strcasecmp(c->v[i].root, root) == 0 : c->n == 1)
			found = i;
	}
	CLEANUP_FREE char *names = strbuf_take(&list);
	if (found == c->n && root)
		return err_set(
			err, ERR_NO_WINDOWS, "no Windows in \"%s\": there is %s", root, names);
	if (found == c->n)
		return err_set(
			err, ERR_TWO_WINDOWS, "the disk holds more than one Windows: %s", names);
	*ret = found;
	return 0;
}

/* ---- hives ---- */

static int read_if_there(
	struct ntfs_volume *v, const char *path, uint8_t **ret, size_t *ret_len, struct error **err)
{
	struct ntfs_stat st = {0};
	if (ntfs_file_stat(v, path, &st, err) < 0)
		return -1;
	if (!st.exists || st.size == 0)
		return 0;
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
		(void)open_hive(g, id, &g->hives[id].problem);
}

static int open_volume(struct guest *g, const struct guest_options *o, struct error **err)
{
	const struct partition *part = g->partition;
	if (o->write)
		return ntfs_volume_open_write(&g->volume, g->disk, part->start, part->size,
			o->discard_hibernation ? NTFS_DISCARD_HIBERNATION : 0, err);
	return ntfs_volume_open(&g->volume, g->disk, part->start, part->size, err);
}

int guest_open(struct guest **ret, struct disk *disk, const struct partition_table *table,
	const struct guest_options *o, struct error **err)
{
	CLEANUP(candidates_done) struct candidates found = {0};
	CLEANUP_FREE char *reason = NULL;
	size_t chosen = 0;
	find_all(&found, disk, table, &reason);
	if (found.n == 0)
		return none_found(table, reason, err);
	if (choose(&found, o->root, &chosen, err) < 0)
		return -1;
	struct guest *g CLEANUP(guest_close_p) = xcalloc(1, sizeof(*g));
	g->disk = disk;
	g->table = table;
	g->partition = found.v[chosen].partition;
	g->root = xstrdup(found.v[chosen].root);
	if (open_volume(g, o, err) < 0)
		return -1;
	open_hives(g);
	guest_read_facts(g);
	*ret = TAKE_PTR(g);
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
	guest_facts_done(g);
	free(g);
}
