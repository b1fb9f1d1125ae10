/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb "recover": completes what a preparation was killed in, and where its journal is. */
#include "jsonx.h"
#include "mem.h"
#include "prepare.h"
#include "worker-sandbox.h"
#include "worker.h"

int worker_journal(struct worker *w, struct disk *d, char **ret, struct error **err)
{
	CLEANUP_FREE char *name = NULL;
	if (w->journal) {
		*ret = xstrdup(w->journal);
		return 0;
	}
	if (!w->journal_folder)
		return err_set(err, ERR_MISSING_FIELD,
			"field \"journal\" (or \"journalFolder\") is missing");
	if (prepare_journal_name(d, &w->op, &name, err) < 0)
		return -1;
	*ret = xasprintf("%s/%s", w->journal_folder, name);
	return 0;
}

int worker_recover(struct worker *w, json_t **ret, struct error **err)
{
	CLEANUP(disk_close_p) struct disk *d = NULL;
	CLEANUP_FREE char *journal = NULL;
	bool done = false;
	op_begin(&w->op, "recover", 0, 5);
	if (sandbox_lock(err) < 0 || worker_claim_disk(w, true, &d, err) < 0 ||
		worker_journal(w, d, &journal, err) < 0 ||
		prepare_recover(d, journal, &w->op, &done, err) < 0)
		return -1;
	json_t *o = json_object();
	jsonx_set_string(o, "journal", journal);
	jsonx_set_bool(o, "completed", done);
	*ret = o;
	return 0;
}
