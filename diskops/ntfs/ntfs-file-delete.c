/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names removed, and with a file's last one the file. */
#include "ntfs-private.h"

#include <string.h>

#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>

#include "mem.h"

#define DEPTH_MAX   256u
#define ENTRIES_MAX 1000000u

/* ---- what is in a folder ---- */

struct entry {
	u64 mref;
	u8 len;
	ntfschar *name;
};

struct entries {
	struct entry *v;
	size_t n, cap;
};

static void entries_done(struct entries *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->v[i].name);
	free(e->v);
}

static bool add_entry(void *data, const ntfschar *name, unsigned len, unsigned space, u64 mref)
{
	struct entries *e = data;
	if (space == FILE_NAME_DOS)
		return true; /* goes with the name that it belongs to */
	if (e->n == ENTRIES_MAX)
		return false;
	if (e->n == e->cap) {
		e->cap = e->cap ? e->cap * 2 : 16;
		e->v = xrealloc_array(e->v, e->cap, sizeof(*e->v));
	}
	e->v[e->n++] = (struct entry){mref, (u8)len, xmemdup(name, len * sizeof(*name))};
	return true;
}

/* ---- one name ---- */

static int remove_name(struct ntfs_volume *v, u64 folder, u64 file, const ntfschar *name, u8 len,
	const char *path, struct error **err)
{
	CLEANUP(ntfs_free_inode) ntfs_inode *dir = NULL, *ni = NULL;
	if (MREF(folder) == MREF(file))
		return err_set(err, ERR_NTFS_DAMAGED, "\"%s\": a folder holds itself", path);
	if (ntfs_open(v, folder, path, &dir, err) < 0 || ntfs_open(v, file, path, &ni, err) < 0)
		return -1;
	errno = 0;
	/* Closes both, whatever comes of it. */
	if (ntfs_delete(v->vol, NULL, TAKE_PTR(ni), TAKE_PTR(dir), name, len) < 0 ||
		v->source.error)
		return ntfs_failure(v, err, path);
	return 0;
}

/* ---- a tree ---- */

struct removal {
	struct ntfs_volume *v;
	const char *path; /* the whole's */
	struct op *op;
};

/* What the folder holds; nothing where mref is a file, or a link to a folder. */
static int list(const struct removal *r, u64 mref, struct entries *ret, struct error **err)
{
	uint32_t tag;
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = NULL;
	if (ntfs_open(r->v, mref, r->path, &ni, err) < 0 ||
		ntfs_reparse_tag(r->v, ni, r->path, &tag, err) < 0)
		return -1;
	if (!ntfs_is_folder(ni) || ntfs_reparse_is_link(tag))
		return 0;
	if (ntfs_each_entry(r->v, ni, r->path, add_entry, ret, err) < 0)
		return -1;
	if (ret->n == ENTRIES_MAX)
		return err_set(err, ERR_NTFS_DAMAGED, "\"%s\": a folder of more than %u names",
			r->path, ENTRIES_MAX - 1);
	return 0;
}

static int empty_folder(const struct removal *r, u64 mref, unsigned depth, struct error **err)
{
	CLEANUP(entries_done) struct entries e = {0};
	if (depth > DEPTH_MAX)
		return err_set(err, ERR_NTFS_DAMAGED, "\"%s\": folders nested deeper than %u",
			r->path, DEPTH_MAX);
	if (list(r, mref, &e, err) < 0)
		return -1;
	for (size_t i = 0; i < e.n; i++) {
		ntfs_begin(r->v);
		if (op_tick(r->op, r->op->done, err) < 0 ||
			empty_folder(r, e.v[i].mref, depth + 1, err) < 0 ||
			remove_name(
				r->v, mref, e.v[i].mref, e.v[i].name, e.v[i].len, r->path, err) < 0)
			return -1;
	}
	return 0;
}

static int delete_path(struct ntfs_volume *v, const char *path, struct op *op, struct error **err)
{
	CLEANUP(ntfs_spot_done) struct ntfs_spot spot = {0};
	struct removal r = {v, path, op};
	if (ntfs_change_begin(v, err) < 0 || ntfs_path_walk(v, path, &spot, err) < 0)
		return -1;
	if (*spot.rest)
		return 0;
	if (spot.system || spot.folder == NTFS_NONE)
		return err_set(
			err, ERR_INVALID_ARGUMENT, "\"%s\" is one of the volume's own files", path);
	if (ntfs_folder_check(v, spot.folder, path, err) < 0)
		return -1;
	if (empty_folder(&r, spot.at, 0, err) < 0 ||
		remove_name(v, spot.folder, spot.at, spot.name.units, spot.name.len, path, err) < 0)
		return ntfs_change_failed(v, err);
	return 0;
}

int ntfs_file_delete(struct ntfs_volume *v, const char *path, struct op *op, struct error **err)
{
	return delete_path(v, path, op, err) < 0 ? ntfs_prefix(v, err) : 0;
}
