/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <string.h>

#include "disk-inspect.h"
#include "export-request.h"
#include "job-list.h"
#include "mem.h"
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

static char *worker_input(const struct disk_ref *disk, json_t *body, bool dry_run)
{
	CLEANUP_JSON json_t *o = json_object();
	jsonx_set(o, "disk", inspector_disk_input(disk));
	jsonx_set_bool(o, "dryRun", dry_run);
	jsonx_set_bool(o, "local", false);
	jsonx_set(o, "request", json_incref(body));
	return jsonx_dump(o);
}

static struct job_request job_of(
	const struct export_request *er, const struct disk_ref *disk, json_t *body, bool dry_run)
{
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
		.input = worker_input(disk, body, dry_run),
		.timeout = er->timeout,
		.dry_run = dry_run,
	};
}

int route_export(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	CLEANUP(wipe_body) json_t *body = NULL;
	CLEANUP(export_request_free_p) struct export_request *er = NULL;
	CLEANUP(disk_list_done) struct disk_list disks = {0};
	char id[GUID_STRING_SIZE];
	bool dry_run = false, async;
	uint64_t size;
	/* async: older clients send it; a job is always asynchronous here. */
	if (request_query_bool(rq, "dryRun", &dry_run, err) < 0 ||
		request_query_bool(rq, "async", &async, err) < 0 ||
		parse_body(rq, &body, err) < 0 || export_request_parse(body, 0, &er, err) < 0 ||
		disk_list_now(agent->disks, &disks, err) < 0)
		return -1;
	const struct disk_ref *disk = disk_list_find(&disks, er->disk_id, err);
	if (!disk || disk_ref_check(disk, &size, err) < 0)
		return -1;
	struct job_request job = job_of(er, disk, body, dry_run);
	if (jobs_submit(agent->jobs, &job, id, err) < 0)
		return -1;
	CLEANUP_FREE char *location = xasprintf("/v1/jobs/%s", id);
	json_t *o = json_object();
	jsonx_set_string(o, "id", id);
	reply_json(re, 202, o);
	reply_header(re, "Location", location);
	return 0;
}
