/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between ntfs-volume.c and ntfs-used.c. Never included together with le.h: see ntfs-device.h. */
#pragma once

#include "ntfs-device.h"
#include "ntfs-volume.h"

#include <ntfs-3g/volume.h>

struct ntfs_volume {
	struct ntfs_source source;
	struct _ntfs_volume *vol; /* libntfs-3g's "ntfs_volume" is a typedef of the same name */
	struct ntfs_volume_facts facts;
	struct ranges metadata; /* of the volume's own files, disk offsets; by ntfs_volume_used() */
};

/*
 * The error behind a failed call of libntfs-3g: a read error of the disk where there was one, else
 * ERR_NTFS_DAMAGED with what libntfs-3g said. Returns -1.
 */
int ntfs_failure(struct ntfs_volume *v, struct error **err, const char *what);
/* Says which disk and volume; returns -1. */
int ntfs_prefix(const struct ntfs_volume *v, struct error **err);
/* A file by its path, '\\' between names, case ignored; *ret NULL: there is none. */
int ntfs_find_file(struct ntfs_volume *v, const char *path, ntfs_inode **ret, struct error **err);

/* Cleanups. */
void ntfs_free_attr(ntfs_attr **na);
void ntfs_free_inode(ntfs_inode **ni);
