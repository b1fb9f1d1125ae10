/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What NTFS knows of single files, set and read through libntfs-3g alone. Paths with '/'; the file or
 * folder exists.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

void ntfs_tool_reparse(const char *image, const char *path, const void *data, size_t len);
/* A file as CompactOS leaves it: a hole of size bytes, the stream, the reparse point. */
void ntfs_tool_wof(const char *image, const char *path, uint64_t size, const void *stream,
	size_t stream_len, const void *reparse, size_t reparse_len);
/* A named stream with these bytes. */
void ntfs_tool_stream(
	const char *image, const char *path, const char *name, const void *bytes, size_t len);
/* File attributes, FILE_ATTRIBUTE_… of Windows. */
void ntfs_tool_set_flags(const char *image, const char *path, uint32_t flags);
uint32_t ntfs_tool_flags(const char *image, const char *path);
/* An 8.3 name beside the file's own. */
void ntfs_tool_dos_name(const char *image, const char *path, const char *name);
/* "0:name", with its namespace (0 POSIX, 1 Win32, 2 DOS, 3 both), for each name of the file, '|' between
 * them, DOS names last. */
const char *ntfs_tool_names(const char *image, const char *path);
/* "80 80:stream c0": types and names of its attributes, in their order. */
const char *ntfs_tool_attributes(const char *image, const char *path);
/* Creation, modification, change, access: 100 ns since 1601. */
void ntfs_tool_times(const char *image, const char *path, uint64_t ret[4]);
void ntfs_tool_set_times(const char *image, const char *path, const uint64_t times[4]);
void ntfs_tool_set_security(const char *image, const char *path, const void *sd, size_t len);
size_t ntfs_tool_security(const char *image, const char *path, void *buf, size_t size);
/* Entries of the index of reparse points, \$Extend\$Reparse:$R. */
unsigned ntfs_tool_reparse_points(const char *image);
