/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disks that the agent offers: those it was started with (--disk), or every whole block device
 * that the running system does not live on. Nothing of a disk's content is read here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "errors.h"

struct disk_ref {
	char *id, *path;
	char *real; /* path without symbolic links: the same for the same disk */
	bool by_fd; /* a block device: the worker gets a descriptor; else a path, as an image may
		     * name a parent beside it */
};

/* All-zero is empty. */
struct disk_list {
	struct disk_ref *v;
	size_t n;
};

void disk_list_done(struct disk_list *list);
/* "NAME=PATH"; ERR_INVALID_ARGUMENT where it is not, or NAME is there already. */
int disk_list_add(struct disk_list *list, const char *spec, struct error **err);
/* Roots of the system's files, "/sys", "/proc", "/dev" but in tests. Sorted by id. */
int disk_list_scan(struct disk_list *ret, const char *sys, const char *proc, const char *dev,
	struct error **err);
/* What is offered now: configured where that is not empty, else a scan. */
int disk_list_now(const struct disk_list *configured, struct disk_list *ret, struct error **err);
/*
 * The disk with that id; id NULL: the only one there is. ERR_DISK_NOT_FOUND; ERR_MISSING_FIELD
 * where there are several to choose from. Borrowed.
 */
const struct disk_ref *disk_list_find(
	const struct disk_list *list, const char *id, struct error **err);
/* Whether it can be opened and read; ERR_DISK_OPEN. */
int disk_ref_check(const struct disk_ref *disk, uint64_t *ret_size, struct error **err);
