/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking into disks for GET /v1/disks: `ce-worker inspect`, a few at a time. */
#pragma once

#include <jansson.h>

#include "disk-list.h"

#define INSPECT_SECONDS	   30
#define INSPECT_CONCURRENT 4

struct inspector;

struct inspector *inspector_new(const char *worker);
void inspector_free(struct inspector *in);
/* Those that run are canceled, no other is started. */
void inspector_stop(struct inspector *in);

/* Blocks; any thread. The worker's result, a new reference. */
int inspector_run(
	struct inspector *in, const struct disk_ref *disk, json_t **ret, struct error **err);
/* {"path": …} or {"fd": 3, "name": …}: the disk as the worker is told of it. */
json_t *inspector_disk_input(const struct disk_ref *disk);
