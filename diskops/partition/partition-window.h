/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What libblkid sees of a disk: a sparse memory file of the disk's size that holds the pieces copied
 * into it and reads as zero elsewhere.
 */
#pragma once

#include "disk.h"

struct partition_window {
	int fd;
};

int partition_window_open(struct partition_window *ret, struct disk *d, struct error **err);
void partition_window_close(struct partition_window *w);

/* Copies [start, end), cut at the disk's end. Zero pages take no memory. */
int partition_window_copy(struct partition_window *w, struct disk *d, uint64_t start, uint64_t end,
	struct error **err);
/*
 * Copies what tells a file system: head and tail of [start, start + size), and for NTFS the first
 * records of its MFT, which libblkid wants to see before it believes the boot sector.
 */
int partition_window_copy_fs(struct partition_window *w, struct disk *d, uint64_t start,
	uint64_t size, struct error **err);
