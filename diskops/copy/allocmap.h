/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The allocation map: which bytes of a disk an image must keep. Partition structures and boot code,
 * NTFS clusters in use less the files Windows makes anew at boot; everything that is not understood is
 * kept whole; holes of a sparse source are left out. What is not in the map reads as zero in the image.
 */
#pragma once

#include "ntfs-volume.h"
#include "partition.h"

struct allocmap_options {
	bool keep_excluded; /* keep pagefile.sys, swapfile.sys, hiberfil.sys */
	bool whole_disk;    /* no file systems: only holes of the source are left out */
};

enum allocmap_how { MAP_WHOLE, MAP_NTFS, MAP_NTFS_FALLBACK, MAP_STRUCTURES };

struct allocmap_part {
	unsigned partition; /* number; structures: 0 */
	enum allocmap_how how;
	uint64_t start, size;	       /* bytes */
	uint64_t kept;		       /* bytes in the map */
	uint64_t excluded;	       /* bytes of files left out */
	struct ntfs_volume_facts ntfs; /* MAP_NTFS */
	char *reason;		       /* MAP_NTFS_FALLBACK: why; else NULL */
};

struct allocmap {
	struct ranges keep;
	struct allocmap_part *v;
	size_t n;
	uint64_t kept, excluded; /* bytes */
	/* SHA-256 over disk size (64 bits), sector size (32 bits), and start and end of each range (64
	 * bits each), all little-endian: two equal maps have the same id. */
	uint8_t id[32];
};

/* Damaged or dirty NTFS is no error: op_warn() "ntfs-dirty"/"ntfs-damaged" and the partition whole. */
int allocmap_build(struct allocmap **ret, struct disk *d, const struct partition_table *table,
	const struct allocmap_options *options, struct op *op, struct error **err);
void allocmap_free(struct allocmap *m);
DEFINE_CLEANUP(struct allocmap *, allocmap_free);
json_t *allocmap_to_json(const struct allocmap *m);
