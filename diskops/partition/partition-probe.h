/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libblkid on a window of the disk: between partition.c and partition-probe.c. */
#pragma once

#include <blkid/blkid.h>

#include "partition-window.h"
#include "partition.h"

/* A probe of that part of the disk. */
blkid_probe partition_probe_new(
	const struct partition_window *w, uint64_t start, uint64_t size, struct error **err);
void partition_probe_free(blkid_probe *pr);

/* Sets fs, label and ambiguous of a partition that has start and size. */
int partition_probe_fs(struct partition *p, const struct partition_window *w, struct error **err);

/* Text of the disk's: cut to fit, and never anything but UTF-8. src may be NULL. */
void partition_copy_text(char *dst, size_t size, const char *src);
