/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb "recover": completes what a preparation was killed in, and where its journal is. */
#include "jsonx.h"
#include "mem.h"
#include "prepare.h"
#include "worker-sandbox.h"
#include "worker.h"

int worker_journal(struct worker *w, struct disk *d, char **ret, struct error **err)
{
	if (w->journal) {
		*ret = xstrdup(w->journal);
		return 0;
	}
	if (!w->journal_folder)
		return err_set(err, ERR_MISSING_FIELD,
			"field \"journal\" (or \"journalFolder\") is missing");
	return prepare_journal_choose(d, w->journal_folder, &w->op, ret, err);
}

int worker_refuse_torn(struct worker *w, struct disk *d, struct error **err)
{
	CLEANUP_FREE char *real = w->path ? realpath(w->path, NULL) : NULL;
	CLEANUP_FREE char *journal = NULL;
	if (w->journal_folder) {
		CLEANUP_ERR struct error *no_table = NULL;
		if (prepare_journal_choose(d, w->journal_folder, &w->op, &journal, &no_table) < 0)
			return 0;
	} else if (real) {
		journal = xasprintf("%s.ce-journal", real);
	}
	return journal ? prepare_refuse_torn(d, journal, &w->op, err) : 0;
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
