/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker-map.h"

int worker_map(struct worker *w, struct disk *d, const struct allocmap_options *options,
	struct partition_table **ret_table, struct allocmap **ret_map, struct error **err)
{
	CLEANUP(partition_table_free_p) struct partition_table *table = NULL;
	op_begin(&w->op, "table", 0, 1);
	if (partition_table_read(&table, d, &w->op, err) < 0)
		return -1;
	op_begin(&w->op, "map", 0, WORKER_MAP_SHARE - 1);
	if (allocmap_build(ret_map, d, table, options, &w->op, err) < 0)
		return -1;
	*ret_table = TAKE_PTR(table);
	return 0;
}
