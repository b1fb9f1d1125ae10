/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs against an agent. */
#include "cectl.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "io.h"
#include "jsonx.h"
#include "mem.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

static bool has_ended(const json_t *job)
{
	const char *s = text_of(job, "status");
	return strcmp(s, "complete") == 0 || strcmp(s, "failed") == 0 || strcmp(s, "canceled") == 0;
}

static void show_job(const json_t *job)
{
	if (strcmp(text_of(job, "status"), "notStarted") == 0)
		return;
	progress_show(&(struct progress_view){
		.step = json_string_value(json_object_get(job, "step")),
		.percent = json_number_value(json_object_get(job, "overallProgressPercent")),
		.done = (uint64_t)json_integer_value(json_object_get(job, "bytesDone")),
		.total = (uint64_t)json_integer_value(json_object_get(job, "bytesTotal")),
		.bytes_per_second =
			(uint64_t)json_integer_value(json_object_get(job, "bytesPerSecond")),
		.eta_seconds = -1});
}

/* New warnings since the last look, each once. */
static size_t show_warnings(const json_t *job, size_t shown)
{
	json_t *list = json_object_get(job, "warnings");
	for (; shown < json_array_size(list); shown++) {
		json_t *w = json_array_get(list, shown);
		progress_end();
		fprintf(stderr, "warning: %s [%s]\n", text_of(w, "message"), text_of(w, "code"));
	}
	return shown;
}

static char *job_path(const char *id, const char *rest)
{
	return xasprintf("/v1/jobs/%s%s", id, rest);
}

/* Follows a job to its end; Ctrl-C cancels it and goes on following, a second one lets go of it. */
static int follow(struct http *h, const char *id, json_t **ret, struct error **err)
{
	CLEANUP_FREE char *path = job_path(id, "");
	CLEANUP_FREE char *cancel = job_path(id, "/$cancel");
	struct sigaction sa = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
	sigaction(SIGINT, &sa, NULL);
	size_t shown = 0;
	for (;;) {
		CLEANUP_JSON json_t *job = NULL;
		if (http_json(h, "GET", path, NULL, &job, err) < 0)
			return -1;
		show_job(job);
		shown = show_warnings(job, shown);
		if (has_ended(job)) {
			progress_end();
			*ret = TAKE_PTR(job);
			return 0;
		}
		if (interrupted) {
			interrupted = 0;
			progress_end();
			fprintf(stderr, "canceling job %s\n", id);
			if (http_json(h, "POST", cancel, NULL, NULL, err) < 0)
				return -1;
		}
		nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	}
}

/* A job that did not complete is this program's failure too, with the job's own error. */
static int job_outcome(const struct cectl *c, const json_t *job, struct error **err)
{
	if (strcmp(text_of(job, "status"), "complete") != 0) {
		json_t *error = json_object_get(job, "error");
		if (c->json)
			print_json(job);
		if (json_is_object(error)) {
			*err = jsonx_to_error(error);
			return -1;
		}
		if (strcmp(text_of(job, "status"), "canceled") == 0)
			return err_set(
				err, ERR_CANCELED, "job %s was canceled", text_of(job, "id"));
		return err_set(
			err, ERR_INTERNAL, "job %s failed without an error", text_of(job, "id"));
	}
	bool prepare = strcmp(text_of(job, "type"), "prepare") == 0;
	if (c->json || (c->dry_run && !prepare))
		print_json(job);
	else
		(prepare ? print_prepare_result : print_export_result)(job);
	return 0;
}

/* The plan of a preparation is a document of its own: put into the job, as cectl local shows it. */
static int add_plan(struct http *h, json_t *job, struct error **err)
{
	if (strcmp(text_of(job, "type"), "prepare") != 0 ||
		strcmp(text_of(job, "status"), "complete") != 0)
		return 0;
	CLEANUP_FREE char *path = job_path(text_of(job, "id"), "/plan");
	json_t *plan = NULL;
	if (http_json(h, "GET", path, NULL, &plan, err) < 0)
		return -1;
	jsonx_set(job, "plan", plan);
	return 0;
}

typedef int body_fn(const struct cectl *c, json_t **ret, struct error **err);

static int start_job(struct cectl *c, const char *operation, body_fn *make_body, struct error **err)
{
	CLEANUP_JSON json_t *body = NULL;
	if (make_body(c, &body, err) < 0)
		return -1;
	struct http *h CLEANUP(http_close_p) = NULL;
	if (http_open(&h, c, err) < 0)
		return -1;
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path =
		xasprintf("/v1/images/$%s%s", operation, c->dry_run ? "?dryRun=true" : "");
	if (http_json(h, "POST", path, body, &answer, err) < 0)
		return -1;
	const char *id = text_of(answer, "id");
	if (!*id)
		return err_set(err, ERR_INTERNAL, "the agent's answer has no job id");
	fprintf(stderr, "job %s\n", id);
	if (c->no_wait) {
		print_json(answer);
		return 0;
	}
	CLEANUP_JSON json_t *job = NULL;
	if (follow(h, id, &job, err) < 0 || add_plan(h, job, err) < 0)
		return -1;
	return job_outcome(c, job, err);
}

int cectl_remote_export(struct cectl *c, struct error **err)
{
	return start_job(c, "export", cectl_export_body, err);
}

int cectl_remote_publish(struct cectl *c, struct error **err)
{
	return start_job(c, "publish", cectl_export_body, err);
}

int cectl_remote_prepare(struct cectl *c, struct error **err)
{
	return start_job(c, "prepare", cectl_prepare_body, err);
}

static int need_job(const struct cectl *c, struct error **err)
{
	if (c->argument)
		return 0;
	return err_set(err, ERR_INVALID_ARGUMENT, "the job's id is missing");
}

static int get_and_print(
	struct cectl *c, const char *path, void (*print)(const json_t *), struct error **err)
{
	struct http *h CLEANUP(http_close_p) = NULL;
	CLEANUP_JSON json_t *answer = NULL;
	if (http_open(&h, c, err) < 0 || http_json(h, "GET", path, NULL, &answer, err) < 0)
		return -1;
	(c->json ? print_json : print)(answer);
	return 0;
}

int cectl_remote_jobs(struct cectl *c, struct error **err)
{
	return get_and_print(c, "/v1/jobs", print_jobs, err);
}

int cectl_remote_disks(struct cectl *c, struct error **err)
{
	return get_and_print(c, "/v1/disks", print_disks, err);
}

int cectl_remote_status(struct cectl *c, struct error **err)
{
	return get_and_print(c, "/v1/status", print_json, err);
}

int cectl_remote_job(struct cectl *c, struct error **err)
{
	if (need_job(c, err) < 0)
		return -1;
	CLEANUP_FREE char *path = job_path(c->argument, "");
	return get_and_print(c, path, print_json, err);
}

int cectl_remote_plan(struct cectl *c, struct error **err)
{
	if (need_job(c, err) < 0)
		return -1;
	CLEANUP_FREE char *path = job_path(c->argument, "/plan");
	return get_and_print(c, path, print_plan, err);
}

int cectl_remote_watch(struct cectl *c, struct error **err)
{
	struct http *h CLEANUP(http_close_p) = NULL;
	CLEANUP_JSON json_t *job = NULL;
	if (need_job(c, err) < 0 || http_open(&h, c, err) < 0 ||
		follow(h, c->argument, &job, err) < 0 || add_plan(h, job, err) < 0)
		return -1;
	return job_outcome(c, job, err);
}

int cectl_remote_cancel(struct cectl *c, struct error **err)
{
	struct http *h CLEANUP(http_close_p) = NULL;
	CLEANUP_JSON json_t *answer = NULL;
	if (need_job(c, err) < 0 || http_open(&h, c, err) < 0)
		return -1;
	CLEANUP_FREE char *path = job_path(c->argument, "/$cancel");
	if (http_json(h, "POST", path, NULL, &answer, err) < 0)
		return -1;
	print_json(answer);
	return 0;
}

int cectl_remote_log(struct cectl *c, struct error **err)
{
	struct http *h CLEANUP(http_close_p) = NULL;
	if (need_job(c, err) < 0 || http_open(&h, c, err) < 0)
		return -1;
	CLEANUP_FREE char *path = job_path(c->argument, "/log");
	return http_print(h, path, stdout, err);
}

/* Readable by its owner alone: no secrets, but names of machines, shares and people. */
int cectl_remote_diagnostics(struct cectl *c, struct error **err)
{
	struct http *h CLEANUP(http_close_p) = NULL;
	char *text = NULL;
	size_t len = 0;
	if (http_open(&h, c, err) < 0)
		return -1;
	if (!c->output)
		return http_print(h, "/v1/diagnostics", stdout, err);
	FILE *f = open_memstream(&text, &len);
	if (!f)
		return err_errno(err, ERR_SYSTEM, errno, "the agent's answer");
	int r = http_print(h, "/v1/diagnostics", f, err);
	fclose(f);
	if (r == 0)
		r = file_write_atomic(c->output, text, len, 0600, err);
	free(text);
	return r;
}
