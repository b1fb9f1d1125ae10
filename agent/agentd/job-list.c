/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job-list.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "logging.h"
#include "mem.h"
#include "tree.h"

#define STOP_SECONDS 20

static struct timespec monotonic_in(int ms)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += ms % 1000 * 1000000L;
	if (ts.tv_nsec >= 1000000000L) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000L;
	}
	return ts;
}

void jobs_add(struct jobs *jobs, struct job *job)
{
	jobs->v = xrealloc_array(jobs->v, jobs->n + 1, sizeof(*jobs->v));
	jobs->v[jobs->n++] = job;
}

void jobs_drop(struct jobs *jobs, struct job *job)
{
	for (size_t i = 0; i < jobs->n; i++) {
		if (jobs->v[i] != job)
			continue;
		memmove(&jobs->v[i], &jobs->v[i + 1], (--jobs->n - i) * sizeof(*jobs->v));
		job_free(job);
		return;
	}
}

struct job *jobs_find(struct jobs *jobs, const char *id, struct error **err)
{
	for (size_t i = jobs->n; i--;)
		if (strcasecmp(jobs->v[i]->id, id) == 0)
			return jobs->v[i];
	err_set(err, ERR_JOB_NOT_FOUND, "there is no job \"%s\"", id);
	return NULL;
}

struct load {
	struct jobs *jobs;
	int64_t now_us;
};

static bool load_job(void *data, json_t *resource, uint64_t seq, int64_t ended_us)
{
	struct load *load = data;
	bool ended = ended_us != 0;
	struct job *job = job_from_resource(resource, seq, ended ? ended_us : load->now_us);
	if (!job)
		return false;
	jobs_add(load->jobs, job);
	if (seq >= load->jobs->next_seq)
		load->jobs->next_seq = seq + 1;
	job->claimed = !ended; /* until its end is on record */
	return true;
}

static int by_seq(const void *a, const void *b)
{
	const struct job *x = *(struct job *const *)a, *y = *(struct job *const *)b;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int load(struct jobs *jobs, struct error **err)
{
	struct load load = {jobs, job_now_us()};
	int damaged = journal_load(jobs->journal, load_job, &load, err);
	if (damaged < 0)
		return -1;
	if (damaged)
		log_warning("%d job records could not be read; they are in the folder \"damaged\"",
			damaged);
	if (jobs->n)
		qsort(jobs->v, jobs->n, sizeof(*jobs->v), by_seq);
	for (size_t i = 0; i < jobs->n; i++) {
		struct job *job = jobs->v[i];
		if (!job->claimed)
			continue;
		job_interrupt(job, load.now_us);
		job->claimed = false;
		if (journal_save(jobs->journal, job->id, job->seq, job->ended_us, job->resource,
			    err) < 0)
			return -1;
		log_warning("job %s was interrupted when the agent ended", job->id);
	}
	return 0;
}

int jobs_open(const char *state_dir, const char *worker, unsigned max_running, struct jobs **ret,
	struct error **err)
{
	struct jobs *jobs = xcalloc(1, sizeof(*jobs));
	pthread_condattr_t attr;
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&jobs->changed, &attr);
	jobs->worker = xstrdup(worker);
	jobs->redo_dir = xasprintf("%s/journals", state_dir);
	jobs->max_running = max_running;
	jobs->next_seq = 1;
	if (journal_open(state_dir, &jobs->journal, err) < 0 || load(jobs, err) < 0 ||
		folder_make(jobs->redo_dir, 0700, err) < 0) {
		jobs_close(jobs);
		return -1;
	}
	*ret = jobs;
	return 0;
}

void jobs_close(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->n; i++)
		job_free(jobs->v[i]);
	free(jobs->v);
	journal_close(jobs->journal);
	free(jobs->worker);
	free(jobs->redo_dir);
	pthread_cond_destroy(&jobs->changed);
	pthread_mutex_destroy(&jobs->lock);
	free(jobs);
}

void jobs_end_job(struct jobs *jobs, struct job *job, enum job_state state,
	const struct error *error, const json_t *result)
{
	CLEANUP_ERR struct error *err = NULL;
	int64_t now = job_now_us();
	pthread_mutex_lock(&jobs->lock);
	json_t *resource = job_resource_ended(job, state, error, result, now);
	pthread_mutex_unlock(&jobs->lock);
	if (journal_save(jobs->journal, job->id, job->seq, now, resource, &err) < 0) {
		err_prefix(&err, "the end of job %s is not on record", job->id);
		log_error(err);
	}
	log_info("job %s: %s%s%s", job->id, job_state_name(state), error ? ": " : "",
		error ? error->message : "");
	pthread_mutex_lock(&jobs->lock);
	job_end(job, state, resource, now);
	job->claimed = false;
	jobs->ended[state]++;
	jobs_changed(jobs);
	pthread_mutex_unlock(&jobs->lock);
}

int jobs_get(struct jobs *jobs, const char *id, json_t **ret, struct error **err)
{
	JOBS_LOCK_SCOPE(jobs);
	const struct job *job = jobs_find(jobs, id, err);
	if (!job)
		return -1;
	*ret = job_resource(job);
	return 0;
}

static int parse_token(const char *token, uint64_t *ret, struct error **err)
{
	char *end;
	errno = 0;
	*ret = strtoull(token, &end, 10);
	if (errno || *end || *token < '0' || *token > '9')
		return err_set(err, ERR_INVALID_FIELD,
			"parameter \"continuationToken\" is \"%.40s\" (one of this agent's expected)",
			token);
	return 0;
}

int jobs_page(
	struct jobs *jobs, uint64_t page_size, const char *token, json_t **ret, struct error **err)
{
	uint64_t before = UINT64_MAX, last = 0;
	json_t *items = json_array(), *page = json_object();
	if (token && parse_token(token, &before, err) < 0) {
		json_decref(items);
		json_decref(page);
		return -1;
	}
	JOBS_LOCK_SCOPE(jobs);
	size_t i = jobs->n;
	while (i && jobs->v[i - 1]->seq >= before)
		i--;
	for (; i && json_array_size(items) < page_size; i--) {
		json_array_append_new(items, job_resource(jobs->v[i - 1]));
		last = jobs->v[i - 1]->seq;
	}
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, last);
	jsonx_set_u64(page, "pageSize", page_size);
	jsonx_set(page, "items", items);
	jsonx_set_string(page, "continuationToken", i ? text : NULL);
	*ret = page;
	return 0;
}

char *jobs_of_disk(struct jobs *jobs, const char *path)
{
	JOBS_LOCK_SCOPE(jobs);
	for (size_t i = 0; i < jobs->n; i++) {
		const struct job *job = jobs->v[i];
		if (!job_state_is_end(job->state) && strcmp(job->rq.path, path) == 0)
			return xstrdup(job->id);
	}
	return NULL;
}

void jobs_count(struct jobs *jobs, uint64_t ret[static _JOB_STATE_MAX])
{
	JOBS_LOCK_SCOPE(jobs);
	memset(ret, 0, _JOB_STATE_MAX * sizeof(*ret));
	for (size_t i = 0; i < jobs->n; i++)
		ret[jobs->v[i]->state]++;
}

void jobs_totals(struct jobs *jobs, uint64_t ret_ended[static _JOB_STATE_MAX], uint64_t *ret_bytes)
{
	JOBS_LOCK_SCOPE(jobs);
	memcpy(ret_ended, jobs->ended, sizeof(jobs->ended));
	*ret_bytes = jobs->bytes_copied;
}

static bool has_news(const struct job *job, uint64_t after)
{
	return job_state_is_end(job->state) || job->events.last_id != after;
}

bool jobs_has_news(struct jobs *jobs, const char *id, uint64_t after)
{
	CLEANUP_ERR struct error *err = NULL;
	JOBS_LOCK_SCOPE(jobs);
	const struct job *job = jobs_find(jobs, id, &err);
	return !job || has_news(job, after);
}

int jobs_events(struct jobs *jobs, const char *id, uint64_t after, char **ret_text,
	uint64_t *ret_last, bool *ret_end, struct error **err)
{
	JOBS_LOCK_SCOPE(jobs);
	const struct job *job = jobs_find(jobs, id, err);
	if (!job)
		return -1;
	/* An id from another life of the agent: from the start. */
	if (after > job->events.last_id)
		after = 0;
	*ret_text = job_events_after(&job->events, after, ret_last);
	*ret_end = job_state_is_end(job->state);
	return 0;
}

void jobs_changed(struct jobs *jobs)
{
	jobs->changes++;
	pthread_cond_broadcast(&jobs->changed);
}

void jobs_wait_change(struct jobs *jobs, uint64_t *seen, int timeout_ms)
{
	const struct timespec until = monotonic_in(timeout_ms);
	JOBS_LOCK_SCOPE(jobs);
	for (int r = 0; jobs->changes == *seen && r == 0;)
		r = pthread_cond_timedwait(&jobs->changed, &jobs->lock, &until);
	*seen = jobs->changes;
}
