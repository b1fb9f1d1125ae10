/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An NTFS volume opened read-only through libntfs-3g on (disk, offset, size): no mount, no device
 * node, and every byte it reads comes through disk_pread().
 */
#pragma once

#include "disk.h"
#include "op.h"

struct ntfs_volume_facts {
	uint64_t cluster_size; /* bytes */
	uint64_t clusters;
	uint64_t free_clusters;
	char label[260];
	unsigned major, minor; /* NTFS version */
	bool dirty;	       /* volume flag: chkdsk wanted */
	bool journal_unclean;  /* $LogFile holds changes not written yet */
	bool hibernated;       /* hiberfil.sys with "hibr"/"HIBR"/"wake" header */
};

struct ntfs_volume;

/* ERR_NTFS_DAMAGED with the reason where it is not, or no longer, an NTFS that can be trusted. */
int ntfs_volume_open(struct ntfs_volume **ret, struct disk *d, uint64_t offset, uint64_t size,
	struct error **err);
void ntfs_volume_close(struct ntfs_volume *v);
DEFINE_CLEANUP(struct ntfs_volume *, ntfs_volume_close);

const struct ntfs_volume_facts *ntfs_volume_facts(const struct ntfs_volume *v);
/*
 * What $Bitmap says is in use, plus the boot sectors outside of it; disk offsets. Checked: it covers
 * the volume, and the metadata files' own runs are marked.
 */
int ntfs_volume_used(struct ntfs_volume *v, struct ranges *ret, struct op *op, struct error **err);
/*
 * The clusters of a file's unnamed data, disk offsets. Path with '\\' from the root, case ignored.
 * Absent, a directory, resident, or encoded otherwise (sparse, compressed, encrypted): 0 and nothing
 * added. Returns 1 where runs were added.
 */
int ntfs_volume_file_runs(
	struct ntfs_volume *v, const char *path, struct ranges *ret, struct error **err);
