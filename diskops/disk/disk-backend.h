/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between disk.c and the back ends; nobody else includes it. */
#pragma once

#include <sys/types.h>

#include "disk.h"
#include "vhdx.h"

/* A chain of differencing images may have this many parents. */
#define DISK_PARENTS_MAX 32u

/* What a back end is given to open. */
struct disk_source {
	int fd; /* taken over, failure included */
	const char *name;
	unsigned flags; /* DISK_OPEN_* */
	/* The image that asks for this one as its parent; NULL: the one that was asked for. */
	const struct disk_source *child;
	unsigned depth; /* number of children above */
	dev_t dev;	/* set by disk_open_source() */
	ino_t ino;
};

/* disk_open_fd() for a source with a history. */
int disk_open_source(struct disk **ret, struct disk_source *src, struct error **err);

/* disk-raw.c */
int disk_raw_open(struct disk **ret, struct disk_source *src, struct error **err);

/* An image format as disk-image.c uses it: a row of its table. */
struct image_driver {
	enum image_format format;
	bool (*probe)(struct io *io);
	/* parent NULL: it opens without, for info and parent_paths only. */
	int (*open)(void **ret, struct io *io, bool write, const struct image_parent *parent,
		struct error **err);
	void (*close)(void *image);
	const struct image_info *(*info)(const void *image);
	/* The id by which a child knows this image. */
	struct guid (*id)(const struct image_info *info);
	int (*pread)(void *image, void *buf, size_t len, uint64_t offset, struct error **err);
	int (*pwrite)(
		void *image, const void *buf, size_t len, uint64_t offset, struct error **err);
	int (*data_ranges)(
		void *image, uint64_t start, uint64_t end, struct ranges *ret, struct error **err);
	size_t (*parent_paths)(const void *image, const char *const **ret);
};
extern const struct image_driver image_driver_vhdx, image_driver_vhd;

/*
 * *disk, a raw file, becomes the disk of the image in it where there is one; else it stays as it is.
 * Taken over, failure included.
 */
int disk_image_open(struct disk **disk, const struct disk_source *src, struct error **err);

/* disk-parent.c: opens the parent that a child, an open file, names by one of paths. */
int disk_parent_open(struct disk **ret, const struct disk_source *child, int child_fd,
	const char *const *paths, size_t n, struct error **err);

/* The descriptor of a raw disk; it stays the disk's. */
int disk_raw_fd(const struct disk *d);
