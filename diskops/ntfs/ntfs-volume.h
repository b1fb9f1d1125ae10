/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An NTFS volume opened through libntfs-3g on (disk, offset, size): no mount, no device node, every
 * byte it reads comes through disk_pread(), and what it writes goes to disk_pwrite(). Here for reading;
 * ntfs-file.h opens it for changes.
 */
#pragma once

#include "disk.h"
#include "op.h"

struct ntfs_volume_facts {
	uint64_t cluster_size; /* bytes */
	uint64_t clusters;
	uint64_t free_clusters; /* known after ntfs_volume_used() */
	char label[260];
	unsigned major, minor; /* NTFS version */
	bool dirty;	       /* volume flag: chkdsk wanted */
	bool discarded;	       /* dirty because a hibernated session was discarded here, no more */
	bool journal_unclean;  /* $LogFile holds changes not written yet, or cannot be read */
	bool hibernated;       /* hiberfil.sys holds a session ("hibr", "HIBR", "RSTR" header) */
	bool shadow_copies;    /* there are volume shadow copies */
};

struct ntfs_volume;

/* ERR_NTFS_DAMAGED with the reason where it is not, or no longer, an NTFS that can be trusted. */
int ntfs_volume_open(struct ntfs_volume **ret, struct disk *d, uint64_t offset, uint64_t size,
	struct error **err);
void ntfs_volume_close(struct ntfs_volume *v);
DEFINE_CLEANUP(struct ntfs_volume *, ntfs_volume_close);

const struct ntfs_volume_facts *ntfs_volume_facts(const struct ntfs_volume *v);
/*
 * What $Bitmap says is in use, plus what lies outside of it: the first 16 sectors, and everything
 * behind the last cluster (the copy of the boot sector). Disk offsets. Checked: $Bitmap covers the
 * volume, and the volume's own files (MFT records 0 to 11) are marked. Bounded: above a million
 * ranges, neighbours are joined (bit-runs.h). ERR_NTFS_DAMAGED.
 */
int ntfs_volume_used(struct ntfs_volume *v, struct ranges *ret, struct op *op, struct error **err);
/*
 * The clusters of a file's unnamed data, disk offsets. Path with '\\' from the root, case ignored.
 * Absent, a directory, resident, encoded otherwise (sparse, compressed, encrypted), a reparse point or
 * with a second name: 0 and nothing added. Returns 1 where runs were added. ERR_NTFS_DAMAGED where
 * they are not marked in use, or belong to the volume's own files. That no other file has them, too,
 * is not checked: it would take a walk of the whole MFT, and Windows marks such volumes dirty.
 * Only after ntfs_volume_used().
 */
int ntfs_volume_file_runs(
	struct ntfs_volume *v, const char *path, struct ranges *ret, struct error **err);
