/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A part of a disk as libntfs-3g's device. Never included together with le.h: libntfs-3g has types of
 * the same names.
 */
#pragma once

/* libntfs-3g's headers expect these to be there. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <ntfs-3g/device.h>

#include "disk.h"

struct ntfs_source {
	struct disk *disk;
	uint64_t offset, size; /* bytes */
	bool writable;
	uint64_t position;   /* of seek, read and write */
	unsigned reads;	     /* since ntfs_source_begin(): bounded */
	struct error *error; /* the first access that failed, whatever libntfs-3g made of it */
};

/* One operation begins: it has its number of reads. */
void ntfs_source_begin(struct ntfs_source *source);

/* source must outlive the device, which ntfs_umount() or ntfs_device_free() frees. */
struct ntfs_device *ntfs_device_open(struct ntfs_source *source, struct error **err);

/* What libntfs-3g last complained of; "" where it did not. Valid until it complains again. */
const char *ntfs_complaint(void);
void ntfs_complaint_clear(void);
