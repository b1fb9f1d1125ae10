/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal of a preparation: which disk it belongs to, and completing what was interrupted. */
#include <ctype.h>
#include <inttypes.h>

#include "mem.h"
#include "prepare.h"

char *prepare_identity(const struct disk *disk, const struct partition_table *t)
{
	return xasprintf("%s %s %" PRIu64, table_kind_name(t->kind), t->id, disk->size);
}

static int read_identity(struct disk *disk, struct op *op, char **ret, struct error **err)
{
	CLEANUP(partition_table_free_p) struct partition_table *table = NULL;
	/* Whoever goes on reads the table again, and tells its problems. */
	struct op quiet = {.stop = op->stop};
	if (partition_table_read(&table, disk, &quiet, err) < 0)
		return -1;
	*ret = prepare_identity(disk, table);
	return 0;
}

int prepare_journal_name(struct disk *disk, struct op *op, char **ret, struct error **err)
{
	CLEANUP_FREE char *identity = NULL;
	if (read_identity(disk, op, &identity, err) < 0)
		return -1;
	for (char *c = identity; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '-';
	*ret = xasprintf("%s.ce-journal", identity);
	return 0;
}

int prepare_recover(
	struct disk *disk, const char *journal, struct op *op, bool *ret_done, struct error **err)
{
	CLEANUP_FREE char *identity = NULL;
	if (read_identity(disk, op, &identity, err) < 0)
		return -1;
	int done = overlay_recover(journal, disk, identity, op, err);
	if (done < 0)
		return -1;
	*ret_done = done == 1;
	return 0;
}
