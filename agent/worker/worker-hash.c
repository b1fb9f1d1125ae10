/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "allocmap.h"
#include "copy.h"
#include "jsonx.h"
#include "worker-artifacts.h"
#include "worker-map.h"
#include "worker-sandbox.h"

int worker_hash(struct worker *w, json_t **ret, struct error **err)
{
	CLEANUP(disk_close_p) struct disk *d = NULL;
	CLEANUP(partition_table_free_p) struct partition_table *table = NULL;
	CLEANUP(allocmap_free_p) struct allocmap *map = NULL;
	if (sandbox_lock(err) < 0 || worker_open_disk(w, &d, err) < 0 ||
		worker_refuse_torn(w, d, err) < 0)
		return -1;
	if (w->mapped && worker_map(w, d, &(struct allocmap_options){0}, &table, &map, err) < 0)
		return -1;
	struct copy_result result = {0};
	const struct copy_options o = {.md5 = true, .sha256 = true};
	if (copy_hash(d, map ? &map->keep : NULL, &o, 100, &w->op, &result, err) < 0)
		return -1;
	json_t *out = json_object();
	jsonx_set_u64(out, "sizeBytes", d->size);
	jsonx_set_bool(out, "mapped", w->mapped);
	jsonx_set_u64(out, "bytesRead", result.bytes_read);
	artifacts_set_hashes(out, &result);
	*ret = out;
	return 0;
}
