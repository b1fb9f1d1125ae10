/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading files and folders. */
#include "ntfs-private.h"

#include <inttypes.h>
#include <string.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>

#include "mem.h"
#include "ntfs-wof.h"
#include "utf16.h"

#define ENTRIES_MAX 1000000u
/* Between 1601 and 1970. */
#define EPOCH_SECONDS INT64_C(11644473600)

static ntfs_attr *open_wof_stream(ntfs_inode *ni)
{
	CLEANUP(ntfs_name_done)
	struct ntfs_name name = ntfs_name_of(WOF_STREAM, strlen(WOF_STREAM));
	return ntfs_attr_open(ni, AT_DATA, name.units, name.len);
}

/* ---- stat ---- */

static uint64_t size_on_disk(const ntfs_attr *na)
{
	if (!NAttrNonResident(na))
		return 0;
	bool less = na->data_flags & (ATTR_IS_SPARSE | ATTR_COMPRESSION_MASK);
	s64 size = less ? na->compressed_size : na->allocated_size;
	return size > 0 ? (uint64_t)size : 0;
}

static int stat_sizes(struct ntfs_volume *v, ntfs_inode *ni, const char *path,
	struct ntfs_stat *ret, struct error **err)
{
	errno = 0;
	CLEANUP(ntfs_free_attr)
	ntfs_attr *na = ret->wof ? open_wof_stream(ni) : ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	if (!na && (errno != ENOENT || v->source.error))
		return ntfs_failure(v, err, path);
	ret->size = ni->data_size > 0 ? (uint64_t)ni->data_size : 0;
	ret->allocated = na ? size_on_disk(na) : 0;
	return 0;
}

static int stat_file(
	struct ntfs_volume *v, const char *path, struct ntfs_stat *ret, struct error **err)
{
	uint32_t tag;
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = NULL;
	struct ntfs_stat st = {0};
	if (ntfs_find_file(v, path, &ni, err) < 0)
		return -1;
	if (ni) {
		if (ntfs_reparse_tag(v, ni, path, &tag, err) < 0)
			return -1;
		st.exists = true;
		st.directory = ntfs_is_folder(ni);
		st.wof = tag == WOF_REPARSE_TAG;
		st.modified = sle64_to_cpu(ni->last_data_change_time) / 10000000 - EPOCH_SECONDS;
		if (!st.directory && stat_sizes(v, ni, path, &st, err) < 0)
			return -1;
	}
	*ret = st;
	return 0;
}

int ntfs_file_stat(
	struct ntfs_volume *v, const char *path, struct ntfs_stat *ret, struct error **err)
{
	return stat_file(v, path, ret, err) < 0 ? ntfs_prefix(v, err) : 0;
}

/* ---- a stream as an io ---- */

struct attr_io {
	struct io io;
	struct ntfs_volume *v;
	ntfs_attr *na;
};

static int attr_pread(struct io *io, void *buf, size_t len, uint64_t offset, struct error **err)
{
	struct attr_io *a = (struct attr_io *)io;
	errno = 0;
	s64 n = ntfs_attr_pread(a->na, (s64)offset, (s64)len, buf);
	return n == (s64)len && !a->v->source.error ? 0 : ntfs_failure(a->v, err, io->name);
}

static const struct io_ops attr_io_ops = {.name = "ntfs-stream", .pread = attr_pread};

/* ---- read ---- */

/* A buffer of size bytes and a NUL behind them. */
static uint8_t *content_alloc(const char *path, int64_t size, uint64_t limit, struct error **err)
{
	if (size < 0 || (uint64_t)size > limit || limit == UINT64_MAX) {
		err_set(err, ERR_NTFS_DAMAGED,
			"\"%s\" has %" PRId64 " bytes (at most %" PRIu64 " expected)", path, size,
			limit);
		return NULL;
	}
	return mem_alloc((uint64_t)size + 1, limit + 1, path, err);
}

static int read_wof(struct ntfs_volume *v, ntfs_inode *ni, const char *path, enum wof_format format,
	uint64_t limit, uint8_t **ret, struct error **err)
{
	errno = 0;
	CLEANUP(ntfs_free_attr) ntfs_attr *na = open_wof_stream(ni);
	if (!na)
		return ntfs_failure(v, err, path);
	CLEANUP_FREE uint8_t *buf = content_alloc(path, ni->data_size, limit, err);
	if (!buf)
		return -1;
	struct attr_io a = {
		.io = {&attr_io_ops, (char *)path, (uint64_t)na->data_size}, .v = v, .na = na};
	if (wof_read(&a.io, format, (uint64_t)ni->data_size, buf, err) < 0)
		return -1;
	*ret = TAKE_PTR(buf);
	return 0;
}

static int read_plain(struct ntfs_volume *v, ntfs_inode *ni, const char *path, uint64_t limit,
	uint8_t **ret, size_t *ret_len, struct error **err)
{
	errno = 0;
	CLEANUP(ntfs_free_attr) ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	if (!na && (errno != ENOENT || v->source.error))
		return ntfs_failure(v, err, path);
	s64 size = na ? na->data_size : 0;
	CLEANUP_FREE uint8_t *buf = content_alloc(path, size, limit, err);
	if (!buf)
		return -1;
	errno = 0;
	if (size && (ntfs_attr_pread(na, 0, size, buf) != size || v->source.error))
		return ntfs_failure(v, err, path);
	*ret = TAKE_PTR(buf);
	*ret_len = (size_t)size;
	return 0;
}

static int read_reparsed(struct ntfs_volume *v, ntfs_inode *ni, const char *path, uint64_t limit,
	uint8_t **ret, size_t *ret_len, struct error **err)
{
	uint8_t data[REPARSE_DATA_MAX];
	size_t len;
	uint32_t tag;
	enum wof_format format;
	if (ntfs_reparse_tag(v, ni, path, &tag, err) < 0 ||
		ntfs_reparse_read(v, ni, path, data, &len, err) < 0)
		return -1;
	if (tag != WOF_REPARSE_TAG) {
		CLEANUP_FREE char *kind = ntfs_reparse_name(tag);
		return err_set(err, ERR_FILE_UNSUPPORTED, "\"%s\" is %s", path, kind);
	}
	if (wof_parse(data, len, &format, err) < 0 ||
		read_wof(v, ni, path, format, limit, ret, err) < 0)
		return err_prefix(err, "\"%s\"", path);
	*ret_len = (size_t)ni->data_size;
	return 0;
}

static int read_file(struct ntfs_volume *v, const char *path, uint64_t limit, uint8_t **ret,
	size_t *ret_len, struct error **err)
{
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = NULL;
	if (ntfs_find_file(v, path, &ni, err) < 0)
		return -1;
	if (!ni)
		return err_set(err, ERR_NOT_FOUND, "there is no \"%s\"", path);
	if (ntfs_is_folder(ni))
		return err_set(err, ERR_NOT_FOUND, "\"%s\" is a folder, not a file", path);
	if (ni->flags & FILE_ATTR_ENCRYPTED)
		return err_set(err, ERR_FILE_UNSUPPORTED, "\"%s\" is encrypted (EFS)", path);
	if (ni->flags & FILE_ATTR_REPARSE_POINT)
		return read_reparsed(v, ni, path, limit, ret, ret_len, err);
	return read_plain(v, ni, path, limit, ret, ret_len, err);
}

int ntfs_file_read(struct ntfs_volume *v, const char *path, uint64_t limit, uint8_t **ret,
	size_t *ret_len, struct error **err)
{
	return read_file(v, path, limit, ret, ret_len, err) < 0 ? ntfs_prefix(v, err) : 0;
}

/* ---- list ---- */

struct list {
	char **v; /* NULL-terminated */
	size_t n, cap;
};

static void list_done(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

static bool list_add(void *data, const ntfschar *name, unsigned len, unsigned space, u64 mref)
{
	struct list *l = data;
	(void)mref;
	if (space == FILE_NAME_DOS)
		return true;
	if (l->n == ENTRIES_MAX)
		return false;
	if (l->n + 1 >= l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->v = xrealloc_array(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = utf16_to_utf8(name, len);
	l->v[l->n] = NULL;
	return true;
}

static int list_folder(struct ntfs_volume *v, const char *path, struct list *l, struct error **err)
{
	uint32_t tag;
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = NULL;
	if (ntfs_find_file(v, path, &ni, err) < 0)
		return -1;
	if (!ni)
		return 0;
	if (!ntfs_is_folder(ni))
		return err_set(err, ERR_NOT_FOUND, "\"%s\" is a file, not a folder", path);
	if (ntfs_reparse_tag(v, ni, path, &tag, err) < 0)
		return -1;
	if (ntfs_reparse_is_link(tag)) {
		CLEANUP_FREE char *kind = ntfs_reparse_name(tag);
		return err_set(err, ERR_FILE_UNSUPPORTED, "\"%s\" is %s", path, kind);
	}
	if (ntfs_each_entry(v, ni, path, list_add, l, err) < 0)
		return -1;
	if (l->n == ENTRIES_MAX)
		return err_set(err, ERR_NTFS_DAMAGED, "\"%s\" holds more than %u names", path,
			ENTRIES_MAX - 1);
	return 0;
}

int ntfs_dir_list(struct ntfs_volume *v, const char *path, char ***ret, struct error **err)
{
	CLEANUP(list_done) struct list l = {0};
	if (list_folder(v, path, &l, err) < 0)
		return ntfs_prefix(v, err);
	if (!l.v)
		l.v = xcalloc(1, sizeof(*l.v));
	*ret = TAKE_PTR(l.v);
	l.n = 0;
	return 0;
}
