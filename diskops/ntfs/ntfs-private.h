/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the ntfs-*.c files. Never included together with le.h: see ntfs-device.h. */
#pragma once

#include "ntfs-device.h"
#include "ntfs-file.h"

#include <ntfs-3g/volume.h>

struct ntfs_volume {
	struct ntfs_source source;
	struct _ntfs_volume *vol; /* libntfs-3g's "ntfs_volume" is a typedef of the same name */
	struct ntfs_volume_facts facts;
	struct ranges metadata; /* of the volume's own files, disk offsets; by ntfs_volume_used() */
	struct error *broken;	/* the change that failed half way: no other follows it */
	u64 whole_folder;	/* the folder that ntfs_folder_check() read last; 0: none */
	uint64_t free_from;	/* piece of $Bitmap where free clusters were found last */
};

/* ---- ntfs-volume.c ---- */

int ntfs_volume_mount(struct ntfs_volume **ret, struct disk *d, uint64_t offset, uint64_t size,
	bool writable, struct error **err);
/* An operation begins: earlier complaints are forgotten, its reads are counted. */
void ntfs_begin(struct ntfs_volume *v);
/*
 * The error behind a failed call of libntfs-3g: an error of the disk where there was one, ERR_NO_SPACE,
 * else ERR_NTFS_DAMAGED with what libntfs-3g said. Returns -1.
 */
int ntfs_failure(struct ntfs_volume *v, struct error **err, const char *what);
/* Says which disk and volume; returns -1. */
int ntfs_prefix(const struct ntfs_volume *v, struct error **err);

/* Cleanups. */
void ntfs_free_attr(ntfs_attr **na);
void ntfs_free_inode(ntfs_inode **ni);

/* ---- ntfs-path.c ---- */

/* A name in a folder. */
struct ntfs_name {
	char *text;
	ntfschar *units; /* NULL: no file can be called so */
	u8 len;		 /* in units */
};
struct ntfs_name ntfs_name_of(const char *text, size_t len);
void ntfs_name_done(struct ntfs_name *name);

/* MFT references; libntfs-3g's own sign for "none". */
#define NTFS_NONE ((u64)-1)

/* How far a path goes. */
struct ntfs_spot {
	u64 at;		       /* the last part of the path that is there; the root at least */
	u64 folder;	       /* that holds it; NTFS_NONE: at is the root */
	struct ntfs_name name; /* at's in folder, as the path has it */
	const char *rest;      /* of the path, from the part that is not there; "": all is */
	bool system;	       /* one of the volume's own files, or below one */
};
/* A link among the folders on the way is refused: ERR_FILE_UNSUPPORTED. */
int ntfs_path_walk(
	struct ntfs_volume *v, const char *path, struct ntfs_spot *ret, struct error **err);
void ntfs_spot_done(struct ntfs_spot *spot);
/* The length of the first part of a path; *ret its beginning. 0: the path has none. */
size_t ntfs_path_part(const char *path, const char **ret);

/* The file of that name in a folder, or NTFS_NONE. */
int ntfs_lookup(struct ntfs_volume *v, ntfs_inode *folder, const struct ntfs_name *name, u64 *ret,
	struct error **err);
/* what: a path or name, for the message. */
int ntfs_open(
	struct ntfs_volume *v, u64 mref, const char *what, ntfs_inode **ret, struct error **err);
/* A file by its path, '\\' between names, case ignored; *ret NULL: there is none. */
int ntfs_find_file(struct ntfs_volume *v, const char *path, ntfs_inode **ret, struct error **err);
bool ntfs_is_folder(const ntfs_inode *ni);

/* A name in a folder as it stands there; false: enough. */
typedef bool ntfs_entry_fn(
	void *data, const ntfschar *name, unsigned len, unsigned space, u64 mref);
/*
 * Calls fn for every name but "." and "..", the volume's own files left out. space: FILE_NAME_DOS or
 * another; names that belong to one file come in any order.
 */
int ntfs_each_entry(struct ntfs_volume *v, ntfs_inode *folder, const char *what, ntfs_entry_fn *fn,
	void *data, struct error **err);

/*
 * Before a name is put into a folder or taken out: its whole index can be read. libntfs-3g ends the process over
 * one that cannot, in the middle of the change.
 */
int ntfs_folder_check(struct ntfs_volume *v, u64 folder, const char *what, struct error **err);

/* ---- ntfs-reparse.c ---- */

enum { REPARSE_DATA_MAX = 64 };
/*
 * A reparse point as it is stored, at most its first bytes; *ret_len 0: ni is none.
 */
int ntfs_reparse_read(struct ntfs_volume *v, ntfs_inode *ni, const char *what,
	uint8_t ret[REPARSE_DATA_MAX], size_t *ret_len, struct error **err);
/* "a junction"; unknown tags by number. The caller frees. */
char *ntfs_reparse_name(uint32_t tag);
/* Whether it leads elsewhere: a link, a mount point. */
bool ntfs_reparse_is_link(uint32_t tag);
int ntfs_reparse_tag(
	struct ntfs_volume *v, ntfs_inode *ni, const char *what, uint32_t *ret, struct error **err);

/* ---- ntfs-discarded.c ---- */

/* Whether the volume is dirty because of our ntfs_discarded_say(), and nobody has written to it since. */
bool ntfs_discarded_is(struct ntfs_volume *v);
int ntfs_discarded_say(struct ntfs_volume *v, struct error **err);
int ntfs_discarded_forget(
	struct ntfs_volume *v, struct error **err); /* fine where nothing is said */

/* ---- ntfs-volume-write.c ---- */

/* Before a change: refused on a volume that is not open for writing, or spoilt. */
int ntfs_change_begin(struct ntfs_volume *v, struct error **err);
/* A change failed when it had begun: the volume is spoilt. Returns -1. */
int ntfs_change_failed(struct ntfs_volume *v, struct error **err);

/* ---- ntfs-file-make.c ---- */

/* An empty file or folder in a folder that has none of that name. */
int ntfs_make(struct ntfs_volume *v, u64 folder, const struct ntfs_name *name, bool is_folder,
	u64 *ret, struct error **err);
/* Closes with the error that closing, which writes, can have. */
int ntfs_close(struct ntfs_volume *v, ntfs_inode **ni, const char *what, struct error **err);
