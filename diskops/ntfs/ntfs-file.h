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

enum {
	/* A hibernated Windows is accepted: what only its saved session knew is lost. hiberfil.sys is
	 * deleted, the journal emptied, the volume marked dirty so that Windows checks it when it starts; a file
	 * says that this is why, and until then such a volume is opened again. */
	NTFS_DISCARD_HIBERNATION = 1,
};

/*
 * For changes. Refused: a hibernated Windows or Fast Startup (the volume's newest state is then in a
 * memory saved elsewhere) with ERR_HIBERNATED; a dirty volume and an unclean journal with
 * ERR_NTFS_DIRTY; NTFS before 3.0. A write test follows: a file is made, read back, removed.
 */
int ntfs_volume_open_write(struct ntfs_volume **ret, struct disk *d, uint64_t offset, uint64_t size,
	unsigned flags, struct error **err);

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
 * (EFS) or a reparse point other than WOF is refused by name: ERR_FILE_UNSUPPORTED; so is, here and
 * below, a path through a junction or link.
 */
int ntfs_file_read(struct ntfs_volume *v, const char *path, uint64_t limit, uint8_t **ret,
	size_t *ret_len, struct error **err);
/*
 * Names in a folder, without "." and "..", the volume's own files and 8.3 names that stand beside long
 * ones; NULL-terminated array of malloc()ed strings. Absent: empty.
 */
int ntfs_dir_list(struct ntfs_volume *v, const char *path, char ***ret, struct error **err);

/*
 * Makes or replaces the file, and the folders above it. A replaced file keeps its names, security,
 * attributes and creation time; its other streams and extended attributes go, as they do where Windows
 * overwrites a file (they describe the old content); if it was WOF, compressed or sparse it is plain
 * afterwards. A new file inherits its folder's security, belongs to SYSTEM, and gets an 8.3 name where
 * the volume has them.
 * Refused: an encrypted file, a reparse point other than WOF, the volume's own files; ERR_NO_SPACE.
 * Where a change fails half way the volume is spoilt: every later one and ntfs_volume_sync() repeat the
 * error, and the overlay is to be thrown away.
 */
int ntfs_file_put(
	struct ntfs_volume *v, const char *path, const void *data, size_t len, struct error **err);
/*
 * A file's name (the file with its last one), or a folder with all it holds; links are removed, not
 * followed. Absent: nothing.
 */
int ntfs_file_delete(struct ntfs_volume *v, const char *path, struct op *op, struct error **err);
/* Bytes that can still be written; counted until enough are found. UINT64_MAX: all. */
int ntfs_volume_free_bytes(
	struct ntfs_volume *v, uint64_t enough, uint64_t *ret, struct error **err);
/*
 * Everything to the disk (the overlay); nothing is left for ntfs_volume_close(), whose errors nobody
 * would see.
 */
int ntfs_volume_sync(struct ntfs_volume *v, struct error **err);
