/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs of `cectl local`: each is a worker's run and what is printed of its result. */
#include "cectl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "jsonx.h"
#include "mem.h"

/* Where journals of devices are kept: the agent's own place, or the user's. */
static char *journal_folder(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	if (geteuid() == 0)
		return xstrdup("/var/lib/ce-agent/journals");
	return state && *state ? xasprintf("%s/ce-agent", state)
			       : xasprintf("%s/.local/state/ce-agent", home ? home : "");
}

int cectl_disk_input(const struct cectl *c, json_t **ret, struct error **err)
{
	if (!c->disk)
		return err_set(err, ERR_INVALID_ARGUMENT,
			"--disk is missing: a block device, raw file, VHDX or VHD");
	json_t *disk = json_object(), *input = json_object();
	jsonx_set_string(disk, "path", c->disk);
	jsonx_set(input, "disk", disk);
	jsonx_set_bool(input, "local", true);
	/* A device's name may be another disk's tomorrow: the worker names its journal, and finds it. */
	struct stat st;
	if (stat(c->disk, &st) == 0 && S_ISBLK(st.st_mode)) {
		CLEANUP_FREE char *folder = journal_folder();
		jsonx_set_string(input, "journalFolder", folder);
	}
	*ret = input;
	return 0;
}

json_t *cectl_as_job(const struct cectl *c, const struct worker_outcome *o)
{
	json_t *job = json_object(), *info = json_object();
	jsonx_set_string(job, "status", "complete");
	jsonx_set_u64(job, "overallProgressPercent", 100);
	jsonx_set_bool(job, "dryRun", c->dry_run);
	jsonx_set(job, "warnings", json_incref(o->warnings));
	json_t *artifacts = o->result ? json_object_get(o->result, "artifacts") : NULL;
	jsonx_set(info, "artifacts", artifacts ? json_incref(artifacts) : json_object());
	jsonx_set_bool(info, "completeWithWarnings", json_array_size(o->warnings) > 0);
	const char *key;
	json_t *value;
	json_object_foreach (o->result, key, value)
		if (!json_object_get(info, key))
			jsonx_set(info, key, json_incref(value));
	jsonx_set(job, "additionalInfo", info);
	jsonx_set(job, "plan", o->plan ? json_incref(o->plan) : json_null());
	return job;
}

/* The image's ids and date, where they are not to be by chance. */
static int set_identity(const struct cectl *c, json_t *input, struct error **err)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	if (!c->seed)
		return 0;
	jsonx_set_string(input, "seed", c->seed);
	if (!epoch)
		return 0;
	char *end;
	errno = 0;
	unsigned long long date = strtoull(epoch, &end, 10);
	if (errno || end == epoch || *end || *epoch == '-')
		return err_set(err, ERR_INVALID_ARGUMENT,
			"SOURCE_DATE_EPOCH \"%s\": seconds since 1970 expected", epoch);
	jsonx_set_u64(input, "date", date ? date : 1); /* 0 is now */
	return 0;
}

int cectl_local_export(struct cectl *c, struct error **err)
{
	json_t *input = NULL, *body = NULL;
	if (!c->output && !c->request)
		return err_set(err, ERR_INVALID_ARGUMENT,
			"--output is missing: a path or smb://host/share/name");
	if (cectl_disk_input(c, &input, err) < 0)
		return -1;
	if (cectl_export_body(c, &body, err) < 0 || set_identity(c, input, err) < 0) {
		json_decref(body);
		json_decref(input);
		return -1;
	}
	jsonx_set_bool(input, "dryRun", c->dry_run);
	jsonx_set(input, "request", body);
	struct worker_outcome o;
	if (cectl_run_worker(c, "export", input, &o, err) < 0)
		return -1;
	CLEANUP_JSON json_t *job = cectl_as_job(c, &o);
	if (c->json || c->dry_run)
		print_json(job);
	else
		print_export_result(job);
	worker_outcome_done(&o);
	return 0;
}

static int run_and_print(
	struct cectl *c, const char *verb, void (*print)(const json_t *), struct error **err)
{
	json_t *input = NULL;
	if (cectl_disk_input(c, &input, err) < 0)
		return -1;
	if (c->mapped)
		jsonx_set_bool(input, "mapped", true);
	if (c->root)
		jsonx_set_string(input, "root", c->root);
	struct worker_outcome o;
	if (cectl_run_worker(c, verb, input, &o, err) < 0)
		return -1;
	(c->json ? print_json : print)(o.result);
	bool in_order = !json_is_false(json_object_get(o.result, "ok"));
	worker_outcome_done(&o);
	return in_order ? 0 : 1;
}

int cectl_local_inspect(struct cectl *c, struct error **err)
{
	return run_and_print(c, "inspect", print_inspection, err);
}

int cectl_local_hash(struct cectl *c, struct error **err)
{
	return run_and_print(c, "hash", print_json, err);
}

int cectl_local_check(struct cectl *c, struct error **err)
{
	return run_and_print(c, "check", print_json, err);
}

int cectl_list_errors(struct cectl *c, struct error **err)
{
	(void)c, (void)err;
	CLEANUP_JSON json_t *list = json_array();
	for (enum err_code code = 0; code < _ERR_CODE_MAX; code++) {
		json_t *row = json_object();
		jsonx_set_string(row, "code", err_code_name(code));
		jsonx_set_u64(row, "httpStatus", (uint64_t)err_http_status(code));
		jsonx_set_string(row, "hint", err_code_hint(code));
		json_array_append_new(list, row);
	}
	print_json(list);
	return 0;
}
