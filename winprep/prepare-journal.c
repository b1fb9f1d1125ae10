/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal of a preparation: which disk it belongs to, and completing what was interrupted. */
#include <ctype.h>
#include <inttypes.h>
#include <unistd.h>

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

int prepare_refuse_torn(struct disk *disk, const char *journal, struct op *op, struct error **err)
{
	CLEANUP_FREE char *identity = NULL;
	CLEANUP_ERR struct error *no_table = NULL;
	struct op quiet = {.stop = op->stop};
	/* A disk that cannot be prepared has no journal. */
	if (access(journal, F_OK) < 0 || read_identity(disk, op, &identity, &no_table) < 0 ||
		overlay_journal_state(journal, disk, identity, &quiet) != OVERLAY_JOURNAL_TORN)
		return 0;
	err_set(err, ERR_JOURNAL,
		"\"%s\" is half written: a preparation was interrupted, its journal \"%s\" has the rest",
		disk->name, journal);
	return err_hint(err, "complete it: `cectl local recover`, or the same preparation again");
}

/* More than one of a kind: disks that are copies of one template have the same identity. */
#define JOURNALS_MAX 16

int prepare_journal_choose(
	struct disk *disk, const char *folder, struct op *op, char **ret, struct error **err)
{
	CLEANUP_FREE char *identity = NULL, *candidate = NULL;
	struct op quiet = {.stop = op->stop};
	if (read_identity(disk, op, &identity, err) < 0)
		return -1;
	CLEANUP_FREE char *stem = xstrdup(identity);
	for (char *c = stem; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '-';
	for (unsigned i = 0; i < JOURNALS_MAX; i++) {
		CLEANUP_FREE char *path = i ? xasprintf("%s/%s-%u.ce-journal", folder, stem, i)
					    : xasprintf("%s/%s.ce-journal", folder, stem);
		enum overlay_journal_state state =
			overlay_journal_state(path, disk, identity, &quiet);
		if (state == OVERLAY_JOURNAL_TORN) {
			*ret = TAKE_PTR(path);
			return 0;
		}
		/* What fits this disk and its clones alike is left for the one that needs it. */
		if (!candidate && (state == OVERLAY_JOURNAL_NONE || state == OVERLAY_JOURNAL_BEGUN))
			candidate = TAKE_PTR(path);
	}
	if (!candidate)
		return err_set(err, ERR_JOURNAL,
			"\"%s\" holds %d journals of other disks with the identity \"%s\"", folder,
			JOURNALS_MAX, identity);
	*ret = TAKE_PTR(candidate);
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
