/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntfs-tool-file.h"

/* libntfs-3g's headers expect these to be there. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/index.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/logging.h>
#include <ntfs-3g/reparse.h>
#include <ntfs-3g/security.h>
#include <ntfs-3g/unistr.h>
#include <ntfs-3g/volume.h>

#include "unit.h"

static ntfs_inode *open_file(const char *image, const char *path, ntfs_mount_flags flags)
{
	ntfs_log_set_handler(ntfs_log_handler_null);
	ntfs_volume *vol = ntfs_mount(image, flags);
	ck_assert_msg(vol, "%s: ntfs_mount: %m", image);
	ntfs_inode *ni = ntfs_pathname_to_inode(vol, NULL, path);
	ck_assert_msg(ni, "%s: %s: %m", image, path);
	return ni;
}

static ntfs_inode *to_change(const char *image, const char *path)
{
	return open_file(image, path, NTFS_MNT_RECOVER);
}

static ntfs_inode *to_read(const char *image, const char *path)
{
	return open_file(image, path, NTFS_MNT_RDONLY);
}

static void close_file(ntfs_inode *ni)
{
	ntfs_volume *vol = ni->vol;
	ck_assert_int_eq(ntfs_inode_close(ni), 0);
	ck_assert_int_eq(ntfs_umount(vol, FALSE), 0);
}

/* ---- content ---- */

void ntfs_tool_reparse(const char *image, const char *path, const void *data, size_t len)
{
	ntfs_inode *ni = to_change(image, path);
	ck_assert_int_eq(ntfs_set_ntfs_reparse_data(ni, data, len, 0), 0);
	close_file(ni);
}

static void add_stream(ntfs_inode *ni, const char *name, const void *bytes, size_t len)
{
	ntfschar *units = NULL;
	int n = ntfs_mbstoucs(name, &units);
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(ntfs_attr_add(ni, AT_DATA, units, (u8)n, NULL, 0), 0);
	ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, units, (u32)n);
	ck_assert_int_eq(ntfs_attr_pwrite(na, 0, (s64)len, bytes), (s64)len);
	ntfs_attr_close(na);
	free(units);
}

void ntfs_tool_stream(
	const char *image, const char *path, const char *name, const void *bytes, size_t len)
{
	ntfs_inode *ni = to_change(image, path);
	add_stream(ni, name, bytes, len);
	close_file(ni);
}

void ntfs_tool_wof(const char *image, const char *path, uint64_t size, const void *stream,
	size_t stream_len, const void *reparse, size_t reparse_len)
{
	ntfs_inode *ni = to_change(image, path);
	ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	ck_assert_int_eq(ntfs_attr_truncate(na, 0), 0);
	ck_assert_int_eq(ntfs_attr_truncate(na, (s64)size), 0);
	ntfs_attr_close(na);
	add_stream(ni, "WofCompressedData", stream, stream_len);
	close_file(ni);
	ntfs_tool_reparse(image, path, reparse, reparse_len);
}

/* ---- attributes ---- */

void ntfs_tool_set_flags(const char *image, const char *path, uint32_t flags)
{
	ntfs_inode *ni = to_change(image, path);
	ni->flags = cpu_to_le32(flags);
	NInoFileNameSetDirty(ni);
	NInoSetDirty(ni);
	close_file(ni);
}

uint32_t ntfs_tool_flags(const char *image, const char *path)
{
	ntfs_inode *ni = to_read(image, path);
	uint32_t flags = le32_to_cpu(ni->flags);
	close_file(ni);
	return flags;
}

void ntfs_tool_times(const char *image, const char *path, uint64_t ret[4])
{
	ntfs_inode *ni = to_read(image, path);
	ck_assert_int_eq(ntfs_inode_get_times(ni, (char *)ret, 32), 32);
	close_file(ni);
}

void ntfs_tool_set_times(const char *image, const char *path, const uint64_t times[4])
{
	ntfs_inode *ni = to_change(image, path);
	ck_assert_int_eq(ntfs_inode_set_times(ni, (const char *)times, 32, 0), 0);
	close_file(ni);
}

/* Calls fn for each attribute, and gives what it printed. */
static const char *each(const char *image, const char *path,
	void (*fn)(FILE *out, const ATTR_RECORD *a, const char *name))
{
	static char text[2000];
	ntfs_inode *ni = to_read(image, path);
	text[0] = '\0';
	FILE *out = fmemopen(text, sizeof(text), "w");
	ntfs_attr_search_ctx *ctx = ntfs_attr_get_search_ctx(ni, NULL);
	while (!ntfs_attrs_walk(ctx)) {
		char *name = ntfs_attr_name_get(
			(ntfschar *)((uint8_t *)ctx->attr + le16_to_cpu(ctx->attr->name_offset)),
			ctx->attr->name_length);
		fn(out, ctx->attr, name ? name : "");
		free(name);
	}
	ntfs_attr_put_search_ctx(ctx);
	ck_assert_int_eq(fclose(out), 0);
	close_file(ni);
	return text[0] ? text + 1 : text;
}

static void print_name(FILE *out, const ATTR_RECORD *a, bool dos)
{
	const FILE_NAME_ATTR *fn =
		(const void *)((const uint8_t *)a + le16_to_cpu(a->value_offset));
	ntfschar units[256];
	char *name = NULL;
	if (a->type != AT_FILE_NAME || (fn->file_name_type == FILE_NAME_DOS) != dos)
		return;
	memcpy(units, (const uint8_t *)fn + sizeof(*fn), fn->file_name_length * sizeof(*units));
	ck_assert_int_ge(ntfs_ucstombs(units, fn->file_name_length, &name, 0), 0);
	fprintf(out, "|%u:%s", fn->file_name_type, name);
	free(name);
}

static void print_long_name(FILE *out, const ATTR_RECORD *a, const char *unused)
{
	(void)unused;
	print_name(out, a, false);
}

static void print_dos_name(FILE *out, const ATTR_RECORD *a, const char *unused)
{
	(void)unused;
	print_name(out, a, true);
}

const char *ntfs_tool_names(const char *image, const char *path)
{
	static char text[2000];
	snprintf(text, sizeof(text), "%s", each(image, path, print_long_name));
	size_t len = strlen(text);
	const char *dos = each(image, path, print_dos_name);
	snprintf(text + len, sizeof(text) - len, "%s%s", *dos ? "|" : "", dos);
	return text;
}

static void print_attribute(FILE *out, const ATTR_RECORD *a, const char *name)
{
	if (a->non_resident && a->lowest_vcn)
		return;
	fprintf(out, " %x%s%s%s", le32_to_cpu(a->type), *name ? ":" : "", name,
		a->flags ? "!" : "");
}

const char *ntfs_tool_attributes(const char *image, const char *path)
{
	return each(image, path, print_attribute);
}

/* ---- names and security ---- */

void ntfs_tool_dos_name(const char *image, const char *path, const char *name)
{
	ntfs_inode *ni = to_change(image, path);
	ntfs_volume *vol = ni->vol;
	char folder[512];
	const char *slash = strrchr(path, '/');
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	ntfs_inode *dir = ntfs_pathname_to_inode(vol, NULL, *folder ? folder : "/");
	ck_assert(dir);
	ck_assert_int_eq(ntfs_set_ntfs_dos_name(ni, dir, name, strlen(name), 0), 0);
	ck_assert_int_eq(ntfs_umount(vol, FALSE), 0);
}

void ntfs_tool_set_security(const char *image, const char *path, const void *sd, size_t len)
{
	ntfs_inode *ni = to_change(image, path);
	struct SECURITY_CONTEXT context = {.vol = ni->vol};
	ck_assert_int_eq(ntfs_set_ntfs_acl(&context, ni, sd, len, 0), 0);
	close_file(ni);
}

size_t ntfs_tool_security(const char *image, const char *path, void *buf, size_t size)
{
	ntfs_inode *ni = to_read(image, path);
	struct SECURITY_CONTEXT context = {.vol = ni->vol};
	int n = ntfs_get_ntfs_acl(&context, ni, buf, size);
	ck_assert_int_gt(n, 0);
	ck_assert_uint_le((size_t)n, size);
	close_file(ni);
	return (size_t)n;
}

unsigned ntfs_tool_reparse_points(const char *image)
{
	static ntfschar index_name[] = {const_cpu_to_le16('$'), const_cpu_to_le16('R')};
	ntfs_inode *ni = to_read(image, "/$Extend/$Reparse");
	ntfs_index_context *ctx = ntfs_index_ctx_get(ni, index_name, 2);
	REPARSE_INDEX_KEY key = {0};
	unsigned n = 0;
	ck_assert_int_lt(ntfs_index_lookup(&key, sizeof(key), ctx), 0);
	for (INDEX_ENTRY *e = ctx->entry; e; e = ntfs_index_next(e, ctx))
		n += !(e->ie_flags & INDEX_ENTRY_END);
	ntfs_index_ctx_put(ctx);
	close_file(ni);
	return n;
}
