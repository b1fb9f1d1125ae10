/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "allocmap.h"
#include "worker.h"

/* Percent of a whole operation that reading the table and the map accounts for; the rest is copying. */
#define WORKER_MAP_SHARE 5

/* The steps "table" and "map": what a disk holds and what of it an image must keep. */
int worker_map(struct worker *w, struct disk *d, const struct allocmap_options *options,
	struct partition_table **ret_table, struct allocmap **ret_map, struct error **err);
