/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `cectl local prepare` and its like. */
#include "cectl.h"

#include <string.h>
#include <sys/stat.h>

#include "jsonx.h"
#include "mem.h"

int cectl_prepare_body(const struct cectl *c, json_t **ret, struct error **err)
{
	CLEANUP_JSON json_t *body = NULL;
	if (cectl_common_body(c, &body, err) < 0)
		return -1;
	if (c->target)
		jsonx_set_string(body, "target", c->target);
	if (c->source)
		jsonx_set_string(body, "source", c->source);
	if (c->root)
		jsonx_set_string(body, "root", c->root);
	if (c->packs)
		jsonx_set(body, "packs", json_incref(c->packs));
	*ret = TAKE_PTR(body);
	return 0;
}

/* ---- the journal's place ---- */

static int make_folders(char *path, struct error **err)
{
	for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		int failed = mkdir(path, 0700) < 0 && errno != EEXIST;
		if (failed)
			err_errno(err, ERR_SYSTEM, errno, "cannot make the folder \"%s\"", path);
		if (slash)
			*slash = '/';
		if (failed)
			return err_hint(err, "name a place for the journal: --journal FILE");
		if (!slash)
			return 0;
	}
}

/* Beside an image file; a device's is in a folder. */
static int set_journal(const struct cectl *c, json_t *input, struct error **err)
{
	const char *folder = json_string_value(json_object_get(input, "journalFolder"));
	if (c->journal) {
		jsonx_set_string(input, "journal", c->journal);
		return 0;
	}
	if (folder) {
		CLEANUP_FREE char *path = xstrdup(folder);
		return make_folders(path, err);
	}
	CLEANUP_FREE char *real = realpath(c->disk, NULL);
	CLEANUP_FREE char *path = xasprintf("%s.ce-journal", real ? real : c->disk);
	jsonx_set_string(input, "journal", path);
	return 0;
}

/* ---- the verbs ---- */

/* The report is the plan with its results; where it is whole, it is what there is to show. */
static void use_report(json_t *job)
{
	json_t *info = json_object_get(job, "additionalInfo");
	json_t *report = json_object_get(info, "report");
	if (report && json_integer_value(json_object_get(report, "omitted")) == 0)
		jsonx_set(job, "plan", json_incref(report));
	json_object_del(info, "report");
}

int cectl_local_prepare(struct cectl *c, struct error **err)
{
	CLEANUP_JSON json_t *body = NULL;
	json_t *input = NULL;
	if (cectl_disk_input(c, &input, err) < 0)
		return -1;
	if (set_journal(c, input, err) < 0 || cectl_prepare_body(c, &body, err) < 0) {
		json_decref(input);
		return -1;
	}
	jsonx_set_bool(input, "dryRun", c->dry_run);
	jsonx_set(input, "request", TAKE_PTR(body));
	struct worker_outcome o;
	if (cectl_run_worker(c, "prepare", input, &o, err) < 0)
		return -1;
	CLEANUP_JSON json_t *job = cectl_as_job(c, &o);
	use_report(job);
	(c->json ? print_json : print_prepare_result)(job);
	worker_outcome_done(&o);
	return 0;
}

static void print_recovery(const json_t *result)
{
	puts(json_is_true(json_object_get(result, "completed"))
			? "the interrupted preparation has been completed"
			: "there was nothing to complete: the disk is as it was before");
}

int cectl_local_recover(struct cectl *c, struct error **err)
{
	json_t *input = NULL;
	if (cectl_disk_input(c, &input, err) < 0)
		return -1;
	if (set_journal(c, input, err) < 0) {
		json_decref(input);
		return -1;
	}
	struct worker_outcome o;
	if (cectl_run_worker(c, "recover", input, &o, err) < 0)
		return -1;
	(c->json ? print_json : print_recovery)(o.result);
	worker_outcome_done(&o);
	return 0;
}

static void print_row(const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	const char *about = json_string_value(json_object_get(row, "title"));
	if (!about)
		about = json_string_value(json_object_get(row, "summary"));
	printf("%-14s %s%s\n", name, about,
		json_is_false(json_object_get(row, "target")) ? " (as a source only)" : "");
}

static int print_list(struct cectl *c, const char *which, struct error **err)
{
	struct worker_outcome o;
	if (cectl_run_worker(c, "list", json_object(), &o, err) < 0)
		return -1;
	json_t *list = json_object_get(o.result, which), *row;
	size_t i;
	if (c->json) {
		print_json(list);
	} else {
		json_array_foreach (list, i, row)
			print_row(row);
	}
	worker_outcome_done(&o);
	return 0;
}

int cectl_local_list_steps(struct cectl *c, struct error **err)
{
	return print_list(c, "steps", err);
}

int cectl_local_list_platforms(struct cectl *c, struct error **err)
{
	return print_list(c, "platforms", err);
}
