/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <string.h>

#include "disk-inspect.h"
#include "export-request.h"
#include "job-list.h"
#include "mem.h"
#include "prepare-request.h"
#include "routes.h"

int route_not_implemented(
	struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	(void)agent;
	(void)re;
	return err_set(err, ERR_NOT_IMPLEMENTED, "this agent has no \"%s\"",
		strrchr(rq->route->path, '/') + 1);
}

static void wipe_body(json_t **body)
{
	if (*body)
		export_request_wipe(*body);
	json_decref(*body);
}

static int parse_body(const struct request *rq, json_t **ret, struct error **err)
{
	const char *text = rq->body ? rq->body : "";
	size_t len = rq->body_len;
	/* .NET likes to begin with a byte order mark. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	return jsonx_parse(text, len, ret, err);
}

/* Names on a share do not tell case apart. */
static char *target_of(const struct export_request *er)
{
	char *target = xasprintf("%s/%s", er->location, er->file_name);
	for (char *p = target; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return target;
}

/* What the worker is told besides the request. */
static json_t *worker_input(const struct disk_ref *disk, json_t *body, bool dry_run)
{
	json_t *o = json_object();
	jsonx_set(o, "disk", inspector_disk_input(disk));
	jsonx_set_bool(o, "dryRun", dry_run);
	jsonx_set_bool(o, "local", false);
	jsonx_set(o, "request", json_incref(body));
	return o;
}

static char *input_text(json_t *input)
{
	char *text = jsonx_dump(input);
	json_decref(input);
	return text;
}

static struct job_request export_job(const struct agent *agent, const struct export_request *er,
	const struct disk_ref *disk, json_t *body, bool dry_run)
{
	json_t *input = worker_input(disk, body, dry_run);
	/* whoever was interrupted in preparing it has to complete that first */
	jsonx_set_string(input, "journalFolder", agent->jobs->redo_dir);
	return (struct job_request){
		.type = xstrdup("export"),
		.disk = xstrdup(disk->id),
		.path = xstrdup(disk->real),
		.by_fd = disk->by_fd,
		.target = dry_run ? NULL : target_of(er),
		.parameters = export_request_redact(body),
		.tags = json_incref(er->tags),
		.ignored = json_incref(er->ignored),
		.warnings = json_incref(er->warnings),
		.input = input_text(input),
		.timeout = er->timeout,
		.dry_run = dry_run,
	};
}

/* Takes packs over: the job has them until it ends. */
static struct job_request prepare_job(const struct agent *agent, const struct prepare_body *pb,
	const struct disk_ref *disk, struct pack_use *packs, json_t *body, bool dry_run)
{
	json_t *input = worker_input(disk, body, dry_run), *folders = json_array();
	for (char **folder = packs->folders; *folder; folder++)
		json_array_append_new(folders, json_string(*folder));
	jsonx_set(input, "packs", folders);
	jsonx_set_string(input, "journalFolder", agent->jobs->redo_dir);
	return (struct job_request){
		.type = xstrdup("prepare"),
		.disk = xstrdup(disk->id),
		.path = xstrdup(disk->real),
		.by_fd = disk->by_fd,
		.write = !dry_run,
		.packs = packs,
		.parameters = export_request_redact(body),
		.tags = json_incref(pb->tags),
		.ignored = json_incref(pb->ignored),
		.warnings = json_incref(pb->warnings),
		.input = input_text(input),
		.timeout = pb->timeout,
		.dry_run = dry_run,
	};
}

/* The request of a route that starts a job, before it is understood. */
struct call {
	json_t *body;
	bool dry_run;
	struct disk_list disks;
};

static void call_done(struct call *c)
{
	wipe_body(&c->body);
	disk_list_done(&c->disks);
}

static int take_call(
	struct agent *agent, const struct request *rq, struct call *c, struct error **err)
{
	bool async;
	/* async: older clients send it; a job is always asynchronous here. */
	if (request_query_bool(rq, "dryRun", &c->dry_run, err) < 0 ||
		request_query_bool(rq, "async", &async, err) < 0 ||
		parse_body(rq, &c->body, err) < 0)
		return -1;
	return disk_list_now(agent->disks, &c->disks, err);
}

/* NULL with the error where it is not there or cannot be read. */
static const struct disk_ref *take_disk(struct call *c, const char *id, struct error **err)
{
	uint64_t size;
	const struct disk_ref *disk = disk_list_find(&c->disks, id, err);
	return disk && disk_ref_check(disk, &size, err) == 0 ? disk : NULL;
}

static int submit(
	struct agent *agent, struct job_request *job, struct reply *re, struct error **err)
{
	char id[GUID_STRING_SIZE];
	if (jobs_submit(agent->jobs, job, id, err) < 0)
		return -1;
	CLEANUP_FREE char *location = xasprintf("/v1/jobs/%s", id);
	json_t *o = json_object();
	jsonx_set_string(o, "id", id);
	reply_json(re, 202, o);
	reply_header(re, "Location", location);
	return 0;
}

int route_export(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	CLEANUP(call_done) struct call c = {0};
	CLEANUP(export_request_free_p) struct export_request *er = NULL;
	if (take_call(agent, rq, &c, err) < 0 || export_request_parse(c.body, 0, &er, err) < 0)
		return -1;
	const struct disk_ref *disk = take_disk(&c, er->disk_id, err);
	if (!disk)
		return -1;
	struct job_request job = export_job(agent, er, disk, c.body, c.dry_run);
	return submit(agent, &job, re, err);
}

int route_prepare(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	CLEANUP(call_done) struct call c = {0};
	CLEANUP(prepare_request_free_p) struct prepare_body *pb = NULL;
	if (take_call(agent, rq, &c, err) < 0 || prepare_request_parse(c.body, 0, &pb, err) < 0)
		return -1;
	const struct disk_ref *disk = take_disk(&c, pb->disk_id, err);
	struct pack_use *packs;
	if (!disk || pack_store_use(agent->packs, (const char *const *)pb->packs, &packs, err) < 0)
		return -1;
	struct job_request job = prepare_job(agent, pb, disk, packs, c.body, c.dry_run);
	return submit(agent, &job, re, err);
}
