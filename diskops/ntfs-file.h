/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files and folders of an NTFS volume, by path from its root ("\\Windows\\System32\\config\\SYSTEM"): case
 * ignored, '\\' between parts, UTF-8. Reading understands what Windows 10 does to files behind the user's
 * back: sparse, NTFS-compressed, and CompactOS/WOF (XPRESS4K/8K/16K, LZX through wimlib's decompressors).
 * Writing never patches: a file is replaced whole, on a volume opened with ntfs_volume_open_write() on an
 * overlay.
 */
#pragma once

#include "ntfs-volume.h"

/*
 * For changes. Refused with ERR_NTFS_DAMAGED: a dirty volume, an unclean journal; with ERR_HIBERNATED: a
 * hibernated Windows or Fast Startup (the volume's newest state is then in memory saved elsewhere). A write
 * test follows: a file is made, read back, removed.
 */
int ntfs_volume_open_write(struct ntfs_volume **ret, struct disk *d, uint64_t offset, uint64_t size,
	struct error **err);

struct ntfs_stat {
	bool exists, directory;
	bool wof;	    /* CompactOS: content is in a WOF reparse point */
	uint64_t size;	    /* bytes, as a reader sees it */
	uint64_t allocated; /* bytes on disk */
	int64_t modified;   /* seconds since 1970 */
};
int ntfs_file_stat(
	struct ntfs_volume *v, const char *path, struct ntfs_stat *ret, struct error **err);

/*
 * The whole content, NUL-terminated; ERR_NOT_FOUND, or ERR_NTFS_DAMAGED over limit. What is encrypted
 * (EFS) or a reparse point other than WOF is refused by name.
 */
int ntfs_file_read(struct ntfs_volume *v, const char *path, uint64_t limit, uint8_t **ret,
	size_t *ret_len, struct error **err);
/* Names in a folder, without "." and ".."; NULL-terminated array of malloc()ed strings. Absent: empty. */
int ntfs_dir_list(struct ntfs_volume *v, const char *path, char ***ret, struct error **err);

/*
 * Makes or replaces the file, and the folders above it. A replaced file keeps its security and creation
 * time; a new one inherits its folder's security (as Windows would: inheritable ACEs) and gets an 8.3
 * name where the volume has them. A WOF, compressed or sparse file becomes a plain one.
 */
int ntfs_file_put(
	struct ntfs_volume *v, const char *path, const void *data, size_t len, struct error **err);
/* A file, or a folder with all it holds; absent: nothing. */
int ntfs_file_delete(struct ntfs_volume *v, const char *path, struct op *op, struct error **err);
/* Bytes that can still be written. */
uint64_t ntfs_volume_free_bytes(const struct ntfs_volume *v);
/* Everything to the disk (the overlay), the volume marked clean again; before ntfs_volume_close(). */
int ntfs_volume_sync(struct ntfs_volume *v, struct error **err);
