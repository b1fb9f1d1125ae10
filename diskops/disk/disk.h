/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk: random access to the virtual content of a block device, a raw file, a VHDX or a VHD. A back
 * end is one file with one `const struct disk_ops` at its end and one line in disk.c's probe table.
 */
#pragma once

#include "image.h"
#include "io.h"
#include "ranges.h"

struct disk;

struct disk_ops {
	const char *name;
	/* Whole ranges within size (disk_pread checks); from several threads at once. */
	int (*pread)(struct disk *d, void *buf, size_t len, uint64_t offset, struct error **err);
	int (*pwrite)(struct disk *d, const void *buf, size_t len, uint64_t offset,
		struct error **err); /* NULL: read-only */
	int (*flush)(struct disk *d, struct error **err);
	/* Room for what will be written there; NULL: there is, or it cannot be had beforehand. */
	int (*reserve)(struct disk *d, const struct ranges *where, struct error **err);
	/* May be NULL: everything may hold data. */
	int (*data_ranges)(struct disk *d, uint64_t start, uint64_t end, struct ranges *ret,
		struct error **err);
	void (*close)(struct disk *d); /* frees d itself */
};

struct disk {
	const struct disk_ops *ops;
	char *name;		  /* path or device name, for messages */
	uint64_t size;		  /* bytes */
	uint32_t logical_sector;  /* bytes: 512 or 4096 */
	uint32_t physical_sector; /* bytes */
	enum image_format format; /* raw also for block devices */
	bool block_device;
	bool read_only;
	/* Alignment that direct I/O wants of offset, length and memory; 1: none. */
	uint32_t io_alignment;
	struct image_info image; /* VHD, VHDX: facts of the file; else all zero */
};

enum {
	DISK_OPEN_WRITE = 1,
	DISK_OPEN_RAW = 2,    /* never look for an image format inside */
	DISK_OPEN_DIRECT = 4, /* bypass the page cache where the file system can */
};

/*
 * Opens by content: VHDX and VHD signatures are looked for in regular files; block devices are always
 * raw. Differencing images open their parents read-only, beside them or below, by the rule of
 * disk-parent.c (at most 32, no loops) and cannot be written to: ERR_IMAGE_UNSUPPORTED. Other images can, in
 * place: their files grow where a block is not there yet.
 * Read-only unless DISK_OPEN_WRITE: then not one byte of the source changes.
 */
int disk_open(struct disk **ret, const char *path, unsigned flags, struct error **err);
/* The same for an open descriptor, which the disk owns from here on, failure included. */
int disk_open_fd(struct disk **ret, int fd, const char *name, unsigned flags, struct error **err);
void disk_close(struct disk *d);
DEFINE_CLEANUP(struct disk *, disk_close);

int disk_pread(struct disk *d, void *buf, size_t len, uint64_t offset, struct error **err);
int disk_pwrite(struct disk *d, const void *buf, size_t len, uint64_t offset, struct error **err);
int disk_flush(struct disk *d, struct error **err);
/* ERR_NO_SPACE where the file that holds the disk cannot grow by that; the content stays as it is. */
int disk_reserve(struct disk *d, const struct ranges *where, struct error **err);
/* Adds to ret what of [start, end) may hold something other than zero. */
int disk_data_ranges(
	struct disk *d, uint64_t start, uint64_t end, struct ranges *ret, struct error **err);
