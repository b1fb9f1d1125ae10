/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which folders of a disk hold a Windows. */
#pragma once

#include "disk.h"
#include "errors.h"
#include "partition.h"

struct guest_place {
	const struct partition *partition; /* of the table searched */
	char *root;			   /* "\\Windows" */
};

struct guest_places {
	struct guest_place *v;
	size_t n;
	/* Of the NTFS volumes that cannot be read, which may hold one: the largest, and why; or NULL. */
	const struct partition *unread;
	struct error *failure;
};

void guest_places_find(
	struct guest_places *ret, struct disk *disk, const struct partition_table *table);
void guest_places_done(struct guest_places *p);

/*
 * The one that root names: "\\Windows", or with the partition's number before it "3:\\Windows"; root NULL:
 * the only one there is. ERR_TWO_WINDOWS names them all; ERR_NO_WINDOWS, or what keeps one from being seen:
 * ERR_BITLOCKER, ERR_DYNAMIC_DISK, ERR_STORAGE_SPACES, ERR_NTFS_DAMAGED and other failures of p->unread.
 */
const struct guest_place *guest_places_choose(const struct guest_places *p, struct disk *disk,
	const struct partition_table *table, const char *root, struct error **err);
/* "3:\\Windows"; the caller frees. */
char *guest_place_name(const struct guest_place *p);
