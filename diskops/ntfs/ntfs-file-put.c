/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files made or replaced whole. */
#include "ntfs-private.h"

#include <inttypes.h>
#include <string.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/reparse.h>

#include "filename.h"
#include "mem.h"
#include "ntfs-wof.h"

/* Streams of one file. */
#define STREAMS_MAX 10000u
/* What indexes, $MFT and $Secure may grow by. */
#define GROWTH (64 * KiB)
/* What describes content that is no more; <ntfs-3g/layout.h> does not know the last four. */
#define CONTENT_FLAGS                                                                    \
	(FILE_ATTR_SPARSE_FILE | FILE_ATTR_REPARSE_POINT | FILE_ATTR_COMPRESSED |        \
		FILE_ATTR_OFFLINE | const_cpu_to_le32(0x00040000 /* recall on open */) | \
		const_cpu_to_le32(0x00400000 /* recall on data access */))

/* ---- may it be? ---- */

/* What is there can be replaced; *ret_held: bytes that it gives back. */
static int check_existing(struct ntfs_volume *v, const char *path, const struct ntfs_spot *spot,
	uint64_t *ret_held, struct error **err)
{
	uint32_t tag;
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = NULL;
	if (ntfs_open(v, spot->at, path, &ni, err) < 0)
		return -1;
	if (ntfs_is_folder(ni)) {
		err_set(err, ERR_FILE_UNSUPPORTED, "\"%s\" is a folder, not a file", path);
		return err_hint(
			err, "in Windows, rename the folder: a file of that name is to be made");
	}
	if (ni->flags & FILE_ATTR_ENCRYPTED)
		return err_set(err, ERR_FILE_UNSUPPORTED, "\"%s\" is encrypted (EFS)", path);
	if (ntfs_reparse_tag(v, ni, path, &tag, err) < 0)
		return -1;
	if (tag && tag != WOF_REPARSE_TAG) {
		CLEANUP_FREE char *kind = ntfs_reparse_name(tag);
		return err_set(err, ERR_FILE_UNSUPPORTED, "\"%s\" is %s", path, kind);
	}
	*ret_held = ni->allocated_size > 0 ? (uint64_t)ni->allocated_size : 0;
	return 0;
}

/* The part of the path that is not there can be made. */
static int check_new(
	struct ntfs_volume *v, const char *path, const struct ntfs_spot *spot, struct error **err)
{
	const char *part;
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = NULL;
	if (ntfs_open(v, spot->at, path, &ni, err) < 0)
		return -1;
	if (!ntfs_is_folder(ni)) {
		err_set(err, ERR_FILE_UNSUPPORTED, "\"%s\": \"%s\" is a file, not a folder", path,
			spot->name.text);
		return err_hint(
			err, "in Windows, rename the file: a folder of that name is to be made");
	}
	for (const char *rest = spot->rest; *rest;) {
		size_t len = ntfs_path_part(rest, &part);
		CLEANUP_FREE char *name = xstrndup(part, len);
		if (file_name_check(name, err) < 0)
			return err_prefix(err, "\"%s\"", path);
		rest = part + len + strspn(part + len, "\\");
	}
	return 0;
}

static int check_room(
	struct ntfs_volume *v, const char *path, uint64_t len, uint64_t held, struct error **err)
{
	uint64_t need = round_up(len, v->facts.cluster_size) + GROWTH, room;
	if (need <= held)
		return 0;
	if (ntfs_volume_free_bytes(v, need - held, &room, err) < 0)
		return -1;
	if (room >= need - held)
		return 0;
	return err_set(err, ERR_NO_SPACE,
		"\"%s\" has %" PRIu64 " bytes, the volume %" PRIu64 " free ones", path, len, room);
}

static int check_put(struct ntfs_volume *v, const char *path, uint64_t len,
	const struct ntfs_spot *spot, struct error **err)
{
	uint64_t held = 0;
	if (len > INT64_MAX / 2)
		return err_set(err, ERR_INVALID_ARGUMENT, "\"%s\": %" PRIu64 " bytes", path, len);
	if (spot->system)
		return err_set(
			err, ERR_INVALID_ARGUMENT, "\"%s\" is one of the volume's own files", path);
	if (*spot->rest ? check_new(v, path, spot, err) < 0
			: check_existing(v, path, spot, &held, err) < 0)
		return -1;
	return check_room(v, path, len, held, err);
}

/* ---- out with the old ---- */

static void free_search(ntfs_attr_search_ctx **ctx)
{
	if (*ctx)
		ntfs_attr_put_search_ctx(*ctx);
}

/* The name of a stream that has one; *ret_len 0: there is none. */
static int find_stream(struct ntfs_volume *v, ntfs_inode *ni, const char *path,
	ntfschar ret[NTFS_MAX_NAME_LEN], u8 *ret_len, struct error **err)
{
	CLEANUP(free_search) ntfs_attr_search_ctx *ctx = ntfs_attr_get_search_ctx(ni, NULL);
	if (!ctx)
		return ntfs_failure(v, err, path);
	*ret_len = 0;
	while (errno = 0, ntfs_attrs_walk(ctx) == 0) {
		const ATTR_RECORD *a = ctx->attr;
		if (a->type != AT_DATA || !a->name_length)
			continue;
		memcpy(ret, (const uint8_t *)a + le16_to_cpu(a->name_offset),
			a->name_length * sizeof(*ret));
		*ret_len = a->name_length;
		return 0;
	}
	return errno == ENOENT && !v->source.error ? 0 : ntfs_failure(v, err, path);
}

static int remove_attr(struct ntfs_volume *v, ntfs_inode *ni, ATTR_TYPES type, ntfschar *name,
	u8 len, const char *path, struct error **err)
{
	errno = 0;
	if (!ntfs_attr_exist(ni, type, name, len) && errno == ENOENT && !v->source.error)
		return 0;
	if (ntfs_attr_remove(ni, type, name, len) < 0 || v->source.error)
		return ntfs_failure(v, err, path);
	return 0;
}

static int remove_streams(
	struct ntfs_volume *v, ntfs_inode *ni, const char *path, struct error **err)
{
	ntfschar name[NTFS_MAX_NAME_LEN];
	u8 len = 0;
	for (unsigned i = 0; i < STREAMS_MAX; i++) {
		if (find_stream(v, ni, path, name, &len, err) < 0)
			return -1;
		if (!len)
			return 0;
		if (remove_attr(v, ni, AT_DATA, name, len, path, err) < 0)
			return -1;
	}
	return err_set(err, ERR_NTFS_DAMAGED, "\"%s\" has more than %u streams", path, STREAMS_MAX);
}

static int remove_reparse(
	struct ntfs_volume *v, ntfs_inode *ni, const char *path, struct error **err)
{
	if (!(ni->flags & FILE_ATTR_REPARSE_POINT))
		return 0;
	errno = 0;
	if (ntfs_remove_ntfs_reparse_data(ni) < 0 || v->source.error)
		return ntfs_failure(v, err, path);
	/* Without an index of reparse points on the volume it leaves it. */
	return remove_attr(v, ni, AT_REPARSE_POINT, AT_UNNAMED, 0, path, err);
}

/* Everything that belongs to the old content; what is left is an inode with names and security. */
static int remove_content(
	struct ntfs_volume *v, ntfs_inode *ni, const char *path, struct error **err)
{
	if (remove_reparse(v, ni, path, err) < 0 || remove_streams(v, ni, path, err) < 0 ||
		remove_attr(v, ni, AT_EA_INFORMATION, AT_UNNAMED, 0, path, err) < 0 ||
		remove_attr(v, ni, AT_EA, AT_UNNAMED, 0, path, err) < 0)
		return -1;
	/* libntfs-3g wants this of a file with a sparse stream; not all that Windows wrote has it. */
	ni->flags |= FILE_ATTR_SPARSE_FILE;
	if (remove_attr(v, ni, AT_DATA, AT_UNNAMED, 0, path, err) < 0)
		return -1;
	ni->flags &= ~CONTENT_FLAGS;
	NInoFileNameSetDirty(ni);
	NInoSetDirty(ni);
	return 0;
}

/* ---- in with the new ---- */

/*
 * Allocates len bytes: as few runs as there can be, and no holes. libntfs-3g's allocator takes one run
 * out of 32768 clusters, then calls that zone full: on a fragmented volume it finds less than there is,
 * and is asked again for less.
 */
static int allocate(
	struct ntfs_volume *v, ntfs_attr *na, const char *path, size_t len, struct error **err)
{
	for (uint64_t have = 0, step = len; have < len;) {
		uint64_t to = have + min_u64(step, len - have);
		v->vol->full_zones = 0;
		errno = 0;
		if (ntfs_attr_truncate_solid(na, (s64)to) == 0 && !v->source.error)
			have = to;
		else if (errno == ENOSPC && !v->source.error && step > v->facts.cluster_size)
			step = round_up(step / 2, v->facts.cluster_size);
		else
			return ntfs_failure(v, err, path);
	}
	return 0;
}

static int add_content(struct ntfs_volume *v, ntfs_inode *ni, const char *path, const void *data,
	size_t len, struct error **err)
{
	errno = 0;
	if (ntfs_attr_add(ni, AT_DATA, AT_UNNAMED, 0, NULL, 0) < 0 || v->source.error)
		return ntfs_failure(v, err, path);
	CLEANUP(ntfs_free_attr) ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	if (!na)
		return ntfs_failure(v, err, path);
	if (allocate(v, na, path, len, err) < 0)
		return -1;
	errno = 0;
	if ((len && ntfs_attr_pwrite(na, 0, (s64)len, data) != (s64)len) || v->source.error)
		return ntfs_failure(v, err, path);
	return 0;
}

static int write_content(struct ntfs_volume *v, u64 mref, const char *path, const void *data,
	size_t len, struct error **err)
{
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = NULL;
	if (ntfs_open(v, mref, path, &ni, err) < 0 || remove_content(v, ni, path, err) < 0 ||
		add_content(v, ni, path, data, len, err) < 0)
		return -1;
	ni->flags |= FILE_ATTR_ARCHIVE;
	ntfs_inode_update_times(ni, NTFS_UPDATE_AMCTIME);
	return ntfs_close(v, &ni, path, err);
}

/* The folders that are missing, and an empty file; *at moves on to it. */
static int make_rest(struct ntfs_volume *v, const char *rest, u64 *at, struct error **err)
{
	const char *part;
	for (size_t len; (len = ntfs_path_part(rest, &part)) > 0; rest = part + len) {
		const char *more;
		bool is_folder = ntfs_path_part(part + len, &more) > 0;
		CLEANUP(ntfs_name_done) struct ntfs_name name = ntfs_name_of(part, len);
		if (ntfs_make(v, *at, &name, is_folder, at, err) < 0)
			return -1;
	}
	return 0;
}

static int put(
	struct ntfs_volume *v, const char *path, const void *data, size_t len, struct error **err)
{
	CLEANUP(ntfs_spot_done) struct ntfs_spot spot = {0};
	if (ntfs_change_begin(v, err) < 0 || ntfs_path_walk(v, path, &spot, err) < 0 ||
		check_put(v, path, len, &spot, err) < 0)
		return -1;
	if (make_rest(v, spot.rest, &spot.at, err) < 0 ||
		write_content(v, spot.at, path, data, len, err) < 0)
		return ntfs_change_failed(v, err);
	return 0;
}

int ntfs_file_put(
	struct ntfs_volume *v, const char *path, const void *data, size_t len, struct error **err)
{
	return put(v, path, data, len, err) < 0 ? ntfs_prefix(v, err) : 0;
}
