/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A part of a disk as libntfs-3g's device, for reading only. Never included together with le.h:
 * libntfs-3g has types of the same names.
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
	uint64_t position;     /* of seek and read */
	struct error *error;   /* the first read that failed, whatever libntfs-3g made of it */
};

/* source must outlive the device, which ntfs_umount() or ntfs_device_free() frees. */
struct ntfs_device *ntfs_device_open(struct ntfs_source *source, struct error **err);

/* What libntfs-3g last complained of; "" where it did not. Valid until it complains again. */
const char *ntfs_complaint(void);
void ntfs_complaint_clear(void);
