/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job.h"

#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "mem.h"

/* A worker that was taken over must not fill the agent's memory. */
#define WARNINGS_SIZE_MAX (64u << 10)
#define TEXT_MAX	  2000
#define STEP_MAX	  64
#define ERROR_TEXT_MAX	  (16u << 10)

static const char *const state_names[] = {
	[JOB_NOT_STARTED] = "notStarted",
	[JOB_IN_PROGRESS] = "inProgress",
	[JOB_COMPLETE] = "complete",
	[JOB_FAILED] = "failed",
	[JOB_CANCELED] = "canceled",
};

const char *job_state_name(enum job_state state)
{
	return state_names[state];
}

bool job_state_from_name(const char *name, enum job_state *ret)
{
	for (int i = 0; name && i < _JOB_STATE_MAX; i++) {
		if (strcmp(state_names[i], name) == 0) {
			*ret = (enum job_state)i;
			return true;
		}
	}
	return false;
}

int64_t job_now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

json_t *job_time(int64_t us)
{
	char date[32], text[48];
	time_t seconds = us / 1000000;
	struct tm tm;
	if (!us || !gmtime_r(&seconds, &tm) ||
		!strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm))
		return json_null();
	snprintf(text, sizeof(text), "%s.%03dZ", date, (int)(us / 1000 % 1000));
	return json_string(text);
}

void job_request_done(struct job_request *rq)
{
	free(rq->type);
	free(rq->disk);
	free(rq->path);
	free(rq->target);
	json_decref(rq->parameters);
	json_decref(rq->tags);
	json_decref(rq->ignored);
	json_decref(rq->warnings);
	mem_wipe_str(rq->input);
	pack_use_free(rq->packs);
	*rq = (struct job_request){0};
}

void job_free(struct job *job)
{
	if (!job)
		return;
	job_request_done(&job->rq);
	free(job->step);
	json_decref(job->warnings);
	json_decref(job->resource);
	job_events_done(&job->events);
	if (job->stop_fd >= 0)
		close(job->stop_fd);
	free(job);
}

static json_t *shortened(const char *text, size_t max)
{
	size_t n = text ? strnlen(text, max) : 0;
	/* Not in the middle of a character. */
	while (n && text[n] && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	json_t *value = text ? json_stringn(text, n) : json_null();
	return value ? value : json_string("?");
}

static json_t *warning_new(const char *code, const char *message, const char *step)
{
	json_t *w = json_object();
	jsonx_set(w, "code", shortened(code, STEP_MAX));
	jsonx_set(w, "message", shortened(message, TEXT_MAX));
	jsonx_set(w, "step", shortened(step, STEP_MAX));
	return w;
}

/* Agent and worker read the same request, and warn of the same. */
static bool has_warning(const struct job *job, const json_t *w)
{
	size_t i;
	json_t *other;
	json_array_foreach (job->warnings, i, other)
		if (json_equal(json_object_get(other, "code"), json_object_get(w, "code")) &&
			json_equal(
				json_object_get(other, "message"), json_object_get(w, "message")))
			return true;
	return false;
}

static void add_warning(struct job *job, const char *code, const char *message, const char *step)
{
	CLEANUP_JSON json_t *w = warning_new(code, message, step);
	CLEANUP_FREE char *text = jsonx_dump(w);
	if (has_warning(job, w))
		return;
	job_events_add(&job->events, "warning", json_incref(w));
	if (job->warnings_size + strlen(text) <= WARNINGS_SIZE_MAX) {
		job->warnings_size += strlen(text);
		json_array_append(job->warnings, w);
	}
}

int job_new(struct job_request *rq, uint64_t seq, struct job **ret, struct error **err)
{
	CLEANUP(job_free_p) struct job *job = xcalloc(1, sizeof(*job));
	struct guid id;
	job->rq = *rq;
	*rq = (struct job_request){0};
	job->seq = seq;
	job->created_us = job_now_us();
	job->warnings = json_array();
	job->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (job->stop_fd < 0)
		return err_errno(err, ERR_SYSTEM, errno, "cannot make an eventfd");
	if (guid_random(&id, err) < 0)
		return -1;
	guid_format(&id, job->id);
	size_t i;
	json_t *w;
	json_array_foreach (job->rq.warnings, i, w)
		add_warning(job, json_string_value(json_object_get(w, "code")),
			json_string_value(json_object_get(w, "message")), "request");
	*ret = TAKE_PTR(job);
	return 0;
}

static void set_resource(struct job *job, json_t *resource)
{
	CLEANUP_FREE char *text = jsonx_dump(resource);
	job->resource = resource;
	job->resource_size = strlen(text);
}

struct job *job_from_resource(json_t *resource, uint64_t seq, int64_t ended_us)
{
	CLEANUP_JSON json_t *owned = resource;
	const char *id = json_string_value(json_object_get(owned, "id"));
	const char *state = json_string_value(json_object_get(owned, "status"));
	struct job *job = xcalloc(1, sizeof(*job));
	struct guid guid;
	job->stop_fd = -1;
	if (!id || !guid_parse(id, &guid) || !job_state_from_name(state, &job->state)) {
		job_free(job);
		return NULL;
	}
	guid_format(&guid, job->id);
	job->seq = seq;
	job->ended_us = ended_us;
	set_resource(job, TAKE_PTR(owned));
	return job;
}

static void apply_progress(struct job *job, const struct worker_event *ev)
{
	/* A worker's 100 % is complete only when it has ended well. */
	double percent = ev->percent < 0 ? 0 : ev->percent > 99 ? 99 : ev->percent;
	if (percent >= job->percent)
		job->percent = (unsigned)percent;
	if (ev->step && (!job->step || strcmp(job->step, ev->step) != 0)) {
		free(job->step);
		job->step = xstrndup(ev->step, STEP_MAX);
	}
	/* The other steps count items, or other bytes than those of the disk. */
	if (!ev->step || strcmp(ev->step, "copy") != 0)
		return;
	job->bytes_done = ev->done;
	if (ev->total)
		job->bytes_total = ev->total;
	if (ev->kind == WORKER_PROGRESS) {
		job->bytes_per_second = ev->bytes_per_second;
		job->estimated_end_us = ev->eta_seconds >= 0 && ev->eta_seconds < INT32_MAX
						? job_now_us() + ev->eta_seconds * INT64_C(1000000)
						: 0;
	}
}

static void set_progress(const struct job *job, json_t *o)
{
	jsonx_set_u64(o, "overallProgressPercent", job->percent);
	jsonx_set_string(o, "step", job->step);
	jsonx_set_u64(o, "bytesDone", job->bytes_done);
	jsonx_set(o, "bytesTotal",
		job->bytes_total ? json_integer((json_int_t)job->bytes_total) : json_null());
	jsonx_set(o, "bytesPerSecond",
		job->bytes_per_second ? json_integer((json_int_t)job->bytes_per_second)
				      : json_null());
	jsonx_set(o, "estimatedEndTime", job_time(job->estimated_end_us));
}

static json_t *progress(const struct job *job)
{
	json_t *o = json_object();
	jsonx_set_string(o, "status", job_state_name(job->state));
	set_progress(job, o);
	return o;
}

void job_apply(struct job *job, const struct worker_event *ev)
{
	json_t *o;
	switch (ev->kind) {
	case WORKER_STEP:
	case WORKER_PROGRESS:
		apply_progress(job, ev);
		job_events_add(
			&job->events, ev->kind == WORKER_STEP ? "step" : "progress", progress(job));
		break;
	case WORKER_WARNING:
		add_warning(job, ev->code, ev->message, ev->step);
		break;
	case WORKER_NOTE:
		o = json_object();
		jsonx_set(o, "message", shortened(ev->message, TEXT_MAX));
		job_events_add(&job->events, "note", o);
		break;
	case WORKER_PLAN:
		job_events_add(&job->events, "plan", json_object());
		break;
	case WORKER_RESULT:
	case WORKER_ERROR:
		break; /* the end of the job tells */
	}
}

void job_start(struct job *job, int64_t now_us)
{
	job->state = JOB_IN_PROGRESS;
	job->started_us = now_us;
	job_events_add(&job->events, "step", progress(job));
}

static json_t *or_empty(json_t *value, json_t *empty)
{
	if (!value)
		return empty;
	json_decref(empty);
	return json_incref(value);
}

/* additionalInfo: what the worker's result holds, artifacts above all. */
static json_t *additional_info(const struct job *job, const json_t *result)
{
	json_t *info = result ? json_copy((json_t *)result) : json_object();
	/* The job has these itself. */
	json_object_del(info, "ignoredFields");
	json_object_del(info, "tags");
	json_object_del(info, "dryRun");
	if (!json_is_object(json_object_get(info, "artifacts")))
		jsonx_set(info, "artifacts", json_object());
	jsonx_set_bool(info, "completeWithWarnings", result && json_array_size(job->warnings) > 0);
	return info;
}

/* A worker's words, as long as it likes to make them. */
static json_t *error_shown(const struct error *error)
{
	json_t *o = jsonx_from_error(error);
	const char *key;
	json_t *value;
	void *tmp;
	json_object_foreach_safe(o, tmp, key, value) if (json_is_string(value))
		jsonx_set(o, key, shortened(json_string_value(value), ERROR_TEXT_MAX));
	return o;
}

static json_t *build(const struct job *job, enum job_state state, const struct error *error,
	const json_t *result, int64_t ended_us)
{
	json_t *o = json_object();
	jsonx_set_string(o, "id", job->id);
	jsonx_set_string(o, "type", job->rq.type);
	jsonx_set_string(o, "status", job_state_name(state));
	set_progress(job, o);
	if (state == JOB_COMPLETE)
		jsonx_set_u64(o, "overallProgressPercent", 100);
	if (job_state_is_end(state))
		jsonx_set(o, "estimatedEndTime", json_null());
	jsonx_set_bool(o, "isCancellable", !job_state_is_end(state));
	jsonx_set_bool(o, "dryRun", job->rq.dry_run);
	jsonx_set_string(o, "disk", job->rq.disk);
	jsonx_set(o, "creationTime", job_time(job->created_us));
	jsonx_set(o, "startTime", job_time(job->started_us));
	jsonx_set(o, "endTime", job_time(ended_us));
	jsonx_set(o, "parameters", or_empty(job->rq.parameters, json_object()));
	jsonx_set(o, "tags", or_empty(job->rq.tags, json_object()));
	jsonx_set(o, "ignoredFields", or_empty(job->rq.ignored, json_array()));
	/* A copy: the job's own grows. */
	jsonx_set(o, "warnings", json_copy(job->warnings));
	jsonx_set(o, "additionalInfo", additional_info(job, result));
	jsonx_set(o, "error", error ? error_shown(error) : json_null());
	return o;
}

json_t *job_resource(const struct job *job)
{
	return job->resource ? json_incref(job->resource) : build(job, job->state, NULL, NULL, 0);
}

json_t *job_resource_ended(const struct job *job, enum job_state state, const struct error *error,
	const json_t *result, int64_t now_us)
{
	return build(job, state, error, result, now_us);
}

void job_end(struct job *job, enum job_state state, json_t *resource, int64_t now_us)
{
	job->state = state;
	job->ended_us = now_us;
	set_resource(job, resource);
	mem_wipe_str(TAKE_PTR(job->rq.input));
	pack_use_free(TAKE_PTR(job->rq.packs));
	json_decref(TAKE_PTR(job->warnings));
	if (job->stop_fd >= 0)
		close(TAKE_FD(job->stop_fd));
}

void job_interrupt(struct job *job, int64_t now_us)
{
	CLEANUP_ERR struct error *error = NULL;
	err_set(&error, ERR_INTERRUPTED, "the agent ended while the job was %s",
		job->state == JOB_NOT_STARTED ? "waiting" : "running");
	job->state = JOB_FAILED;
	job->ended_us = now_us;
	jsonx_set_string(job->resource, "status", job_state_name(JOB_FAILED));
	jsonx_set_bool(job->resource, "isCancellable", false);
	jsonx_set(job->resource, "estimatedEndTime", json_null());
	jsonx_set(job->resource, "endTime", job_time(now_us));
	jsonx_set(job->resource, "error", jsonx_from_error(error));
}
