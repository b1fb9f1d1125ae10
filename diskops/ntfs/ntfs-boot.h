/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "disk.h"

struct ntfs_boot {
	uint32_t sector_size;
	uint32_t cluster_size;
	uint64_t clusters;  /* whole ones; a volume can have some sectors more */
	bool shadow_copies; /* a catalog of volume shadow copies is there */
};

/*
 * Reads and checks the boot sector of the volume in [offset, offset + size) before libntfs-3g sees it:
 * sizes within what NTFS knows, the volume within its partition. ERR_NTFS_DAMAGED.
 */
int ntfs_boot_read(
	struct ntfs_boot *ret, struct disk *d, uint64_t offset, uint64_t size, struct error **err);
/* Whether the volume was an NTFS once, however damaged: its boot sector, or the copy at its end, is there. */
bool ntfs_boot_seen(struct disk *d, uint64_t offset, uint64_t size);
