/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between disk.c and the back ends; nobody else includes it. */
#pragma once

#include "disk.h"

/* What a back end is given to open. */
struct disk_source {
	int fd; /* the back end takes it over, failure included */
	const char *name;
	unsigned flags; /* DISK_OPEN_* */
	/* The child that asks for this disk as its parent, up to the one that was opened; or NULL. */
	const struct disk_source *child;
	unsigned depth; /* number of children above */
};

int disk_raw_open(struct disk **ret, struct disk_source *src, struct error **err);

/* disk_open_fd() for a source with a history. */
int disk_open_source(struct disk **ret, struct disk_source *src, struct error **err);
