/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a path to a file. */
#include "ntfs-private.h"

#include <string.h>

#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>

#include "mem.h"
#include "utf16.h"

/* ---- names ---- */

struct ntfs_name ntfs_name_of(const char *text, size_t len)
{
	struct ntfs_name name = {.text = xstrndup(text, len)};
	size_t units = 0;
	uint8_t *utf16 = utf8_to_utf16(name.text, &units);
	/* The root has a "." that other folders have not. */
	bool dots = strcmp(name.text, ".") == 0 || strcmp(name.text, "..") == 0;
	if (utf16 && units && units <= NTFS_MAX_NAME_LEN && !dots) {
		name.units = (ntfschar *)utf16;
		name.len = (u8)units;
	} else {
		free(utf16);
	}
	return name;
}

void ntfs_name_done(struct ntfs_name *name)
{
	free(name->text);
	free(name->units);
	*name = (struct ntfs_name){0};
}

size_t ntfs_path_part(const char *path, const char **ret)
{
	*ret = path + strspn(path, "\\");
	return strcspn(*ret, "\\");
}

/* ---- one step ---- */

int ntfs_lookup(struct ntfs_volume *v, ntfs_inode *folder, const struct ntfs_name *name, u64 *ret,
	struct error **err)
{
	*ret = NTFS_NONE;
	if (!name->units)
		return 0;
	errno = 0;
	u64 found = ntfs_inode_lookup_by_name(folder, name->units, name->len);
	if (v->source.error || (found == NTFS_NONE && errno != ENOENT))
		return ntfs_failure(v, err, name->text);
	*ret = found;
	return 0;
}

int ntfs_open(
	struct ntfs_volume *v, u64 mref, const char *what, ntfs_inode **ret, struct error **err)
{
	*ret = ntfs_inode_open(v->vol, mref);
	return *ret && !v->source.error ? 0 : ntfs_failure(v, err, what);
}

bool ntfs_is_folder(const ntfs_inode *ni)
{
	return ni->mrec->flags & MFT_RECORD_IS_DIRECTORY;
}

static int refuse_link(
	struct ntfs_volume *v, ntfs_inode *folder, const char *path, size_t len, struct error **err)
{
	uint32_t tag;
	CLEANUP_FREE char *way = xstrndup(path, len);
	if (ntfs_reparse_tag(v, folder, way, &tag, err) < 0)
		return -1;
	if (!ntfs_reparse_is_link(tag))
		return 0;
	CLEANUP_FREE char *kind = ntfs_reparse_name(tag);
	return err_set(err, ERR_FILE_UNSUPPORTED, "\"%s\" is %s: not followed", way, kind);
}

/* Looks for the part of the path that begins at part in what spot stands at. */
static int step(struct ntfs_volume *v, const char *path, const char *part,
	const struct ntfs_name *name, const struct ntfs_spot *spot, u64 *ret, struct error **err)
{
	size_t way = (size_t)(part - path);
	CLEANUP(ntfs_free_inode) ntfs_inode *folder = NULL;
	*ret = NTFS_NONE;
	if (ntfs_open(v, spot->at, way ? spot->name.text : "the root directory", &folder, err) < 0)
		return -1;
	if (!ntfs_is_folder(folder))
		return 0;
	if (refuse_link(v, folder, path, way, err) < 0)
		return -1;
	return ntfs_lookup(v, folder, name, ret, err);
}

/* ---- the way ---- */

void ntfs_spot_done(struct ntfs_spot *spot)
{
	ntfs_name_done(&spot->name);
}

static int walk(struct ntfs_volume *v, const char *path, struct ntfs_spot *spot, struct error **err)
{
	const char *part;
	u64 found;
	for (size_t len; (len = ntfs_path_part(spot->rest, &part)) > 0;) {
		struct ntfs_name name = ntfs_name_of(part, len);
		if (step(v, path, part, &name, spot, &found, err) < 0 || found == NTFS_NONE) {
			ntfs_name_done(&name);
			return *err ? -1 : 0;
		}
		ntfs_name_done(&spot->name);
		spot->name = name;
		spot->folder = spot->at;
		spot->at = found;
		spot->rest = part + len;
		spot->system |= MREF(found) < FILE_first_user;
	}
	spot->rest = "";
	return 0;
}

int ntfs_path_walk(
	struct ntfs_volume *v, const char *path, struct ntfs_spot *ret, struct error **err)
{
	ntfs_begin(v);
	*ret = (struct ntfs_spot){.at = FILE_root, .folder = NTFS_NONE, .rest = path};
	if (walk(v, path, ret, err) == 0)
		return 0;
	ntfs_spot_done(ret);
	return -1;
}

int ntfs_find_file(struct ntfs_volume *v, const char *path, ntfs_inode **ret, struct error **err)
{
	CLEANUP(ntfs_spot_done) struct ntfs_spot spot = {0};
	*ret = NULL;
	if (ntfs_path_walk(v, path, &spot, err) < 0)
		return -1;
	return *spot.rest ? 0 : ntfs_open(v, spot.at, path, ret, err);
}

/* ---- all of a folder ---- */

struct entries {
	ntfs_entry_fn *fn;
	void *data;
	bool enough;
};

static int see_entry(void *data, const ntfschar *name, const int len, const int space,
	const s64 pos, const MFT_REF mref, const unsigned type)
{
	struct entries *e = data;
	(void)pos, (void)type;
	static const ntfschar dots[] = {const_cpu_to_le16('.'), const_cpu_to_le16('.')};
	if (len <= 2 && memcmp(name, dots, (size_t)len * sizeof(*name)) == 0)
		return 0;
	if (MREF(mref) < FILE_first_user)
		return 0;
	e->enough = !e->fn(e->data, name, (unsigned)len, (unsigned)space, mref);
	return e->enough ? -1 : 0;
}

int ntfs_each_entry(struct ntfs_volume *v, ntfs_inode *folder, const char *what, ntfs_entry_fn *fn,
	void *data, struct error **err)
{
	struct entries e = {.fn = fn, .data = data};
	s64 position = 0;
	/* Else it gives every name in lower case. */
	NVolSetCaseSensitive(v->vol);
	int result = ntfs_readdir(folder, &position, &e, see_entry);
	NVolClearCaseSensitive(v->vol);
	if ((result < 0 && !e.enough) || v->source.error)
		return ntfs_failure(v, err, what);
	return 0;
}

#define INDEX_BLOCK_MAX 65536u

static bool pass_entry(void *data, const ntfschar *name, unsigned len, unsigned space, u64 mref)
{
	(void)data, (void)name, (void)len, (void)space, (void)mref;
	return true;
}

/* The update sequence of an index block, two bytes of each sector: libntfs-3g goes on where it is damaged. */
static bool block_is_whole(const uint8_t *block, size_t size)
{
	const INDEX_BLOCK *b = (const INDEX_BLOCK *)block;
	const size_t at = le16_to_cpu(b->usa_ofs), count = le16_to_cpu(b->usa_count);
	if (!ntfs_is_indx_record(b->magic))
		return true; /* not in use, or told by whoever reads its names */
	if (size % NTFS_BLOCK_SIZE || at % 2 || count != size / NTFS_BLOCK_SIZE + 1 ||
		at + 2 * count > NTFS_BLOCK_SIZE - 2)
		return false;
	for (size_t i = 1; i < count; i++)
		if (memcmp(block + i * NTFS_BLOCK_SIZE - 2, block + at, 2) != 0)
			return false;
	return true;
}

static int check_blocks(struct ntfs_volume *v, ntfs_inode *ni, const char *what, struct error **err)
{
	s64 len = 0;
	CLEANUP_FREE INDEX_ROOT *root =
		ntfs_attr_readall(ni, AT_INDEX_ROOT, NTFS_INDEX_I30, 4, &len);
	if (!root || len < (s64)sizeof(*root) || v->source.error)
		return ntfs_failure(v, err, what);
	const size_t size = le32_to_cpu(root->index_block_size);
	if (size < NTFS_BLOCK_SIZE || size > INDEX_BLOCK_MAX)
		return err_set(
			err, ERR_NTFS_DAMAGED, "\"%s\": index blocks of %zu bytes", what, size);
	CLEANUP(ntfs_free_attr)
	ntfs_attr *na = ntfs_attr_open(ni, AT_INDEX_ALLOCATION, NTFS_INDEX_I30, 4);
	CLEANUP_FREE uint8_t *block = xmalloc(size);
	for (s64 at = 0; na && at + (s64)size <= na->initialized_size; at += (s64)size) {
		errno = 0;
		if (ntfs_attr_pread(na, at, (s64)size, block) != (s64)size || v->source.error)
			return ntfs_failure(v, err, what);
		if (!block_is_whole(block, size))
			return err_set(err, ERR_NTFS_DAMAGED,
				"\"%s\": the folder's index block at 0x%llx has no valid update sequence",
				what, (unsigned long long)at);
	}
	return 0;
}

int ntfs_folder_check(struct ntfs_volume *v, u64 folder, const char *what, struct error **err)
{
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = NULL;
	if (v->whole_folder == folder)
		return 0;
	if (ntfs_open(v, folder, what, &ni, err) < 0 || check_blocks(v, ni, what, err) < 0 ||
		ntfs_each_entry(v, ni, what, pass_entry, NULL, err) < 0)
		return -1;
	v->whole_folder = folder;
	return 0;
}
