/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Single files of a FAT12, FAT16 or FAT32 volume, as an EFI system partition is: read whole, or given new
 * content in place, through any struct disk (also an overlay). Files are not made, moved or deleted.
 *
 * Paths: "\\EFI\\Microsoft\\Boot\\BCD"; parts are long or short names, case of ASCII ignored. What the volume
 * says is checked: sizes, offsets, chains that go in circles. ERR_FAT_DAMAGED says what is wrong.
 */
#pragma once

#include "disk.h"

struct fat_volume;

int fat_volume_open(struct fat_volume **ret, struct disk *d, uint64_t offset, uint64_t size,
	struct error **err);
void fat_volume_close(struct fat_volume *v);
DEFINE_CLEANUP(struct fat_volume *, fat_volume_close);

/* The whole content; ERR_NOT_FOUND, or ERR_FAT_DAMAGED over limit. The caller frees. */
int fat_file_read(struct fat_volume *v, const char *path, uint64_t limit, uint8_t **ret,
	size_t *ret_len, struct error **err);
/*
 * New content for a file that exists and is not empty: it keeps its clusters and gets more, or gives some
 * back. ERR_NO_SPACE before anything was written. Its times stay.
 */
int fat_file_replace(
	struct fat_volume *v, const char *path, const void *data, size_t len, struct error **err);
