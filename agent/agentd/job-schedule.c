/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job-list.h"

#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "logging.h"
#include "mem.h"

#define STOP_SECONDS 20
#define STACK_SIZE   (512u << 10)

/* Which job that has not ended stands in the way. */
static int check_conflicts(struct jobs *jobs, const struct job_request *rq, struct error **err)
{
	unsigned queued = 0;
	for (size_t i = 0; i < jobs->n; i++) {
		const struct job *job = jobs->v[i];
		if (job_state_is_end(job->state))
			continue;
		queued += job->state == JOB_NOT_STARTED;
		if (strcmp(job->rq.path, rq->path) == 0)
			return err_set(err, ERR_DISK_BUSY, "disk \"%s\" is in use by job %s",
				rq->disk, job->id);
		if (rq->target && job->rq.target && strcmp(job->rq.target, rq->target) == 0)
			return err_set(err, ERR_TARGET_BUSY, "\"%s\" is being written by job %s",
				rq->target, job->id);
	}
	if (jobs->stopping)
		return err_set(err, ERR_INTERRUPTED, "the agent is ending");
	if (queued >= JOBS_QUEUED_MAX)
		return err_set(err, ERR_TOO_MANY_JOBS, "%u jobs are waiting already", queued);
	return 0;
}

struct run {
	struct jobs *jobs;
	struct job *job;
};

static void schedule(struct jobs *jobs);

static void *run_thread(void *data)
{
	struct run run = *(struct run *)data;
	free(data);
	job_run(run.jobs, run.job);
	JOBS_LOCK_SCOPE(run.jobs);
	run.jobs->running--;
	schedule(run.jobs);
	jobs_changed(run.jobs);
	return NULL;
}

/* False where the system has no thread for it now: the next tick tries again. */
static bool start_thread(struct jobs *jobs, struct job *job)
{
	pthread_attr_t attr;
	pthread_t thread;
	struct run *run = xmalloc(sizeof(*run));
	*run = (struct run){jobs, job};
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	int errnum = pthread_create(&thread, &attr, run_thread, run);
	pthread_attr_destroy(&attr);
	if (errnum)
		free(run);
	return errnum == 0;
}

static void schedule(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->n; i++) {
		struct job *job = jobs->v[i];
		if (jobs->stopping || jobs->running >= jobs->max_running)
			return;
		if (job->claimed || job->state != JOB_NOT_STARTED || !start_thread(jobs, job))
			continue;
		job->claimed = true;
		jobs->running++;
	}
}

/* In the list and claimed, so that nothing happens to it before it is on record. */
static int enlist(struct jobs *jobs, struct job_request *rq, struct job **ret,
	json_t **ret_resource, struct error **err)
{
	JOBS_LOCK_SCOPE(jobs);
	if (check_conflicts(jobs, rq, err) < 0 || job_new(rq, jobs->next_seq, ret, err) < 0)
		return -1;
	jobs->next_seq++;
	(*ret)->claimed = true;
	jobs_add(jobs, *ret);
	*ret_resource = job_resource(*ret);
	return 0;
}

int jobs_submit(struct jobs *jobs, struct job_request *rq, char ret_id[static GUID_STRING_SIZE],
	struct error **err)
{
	CLEANUP_JSON json_t *resource = NULL;
	struct job *job;
	int r = enlist(jobs, rq, &job, &resource, err);
	job_request_done(rq);
	if (r < 0)
		return -1;
	r = journal_save(jobs->journal, job->id, job->seq, 0, resource, err);
	JOBS_LOCK_SCOPE(jobs);
	if (r < 0) {
		journal_remove(jobs->journal, job->id);
		jobs_drop(jobs, job);
		return -1;
	}
	memcpy(ret_id, job->id, sizeof(job->id));
	job->claimed = false;
	schedule(jobs);
	return 0;
}

static void stop_worker(struct job *job)
{
	if (job->stop_fd >= 0)
		eventfd_write(job->stop_fd, 1);
}

int jobs_cancel(struct jobs *jobs, const char *id, json_t **ret, struct error **err)
{
	pthread_mutex_lock(&jobs->lock);
	struct job *job = jobs_find(jobs, id, err);
	if (job && job_state_is_end(job->state))
		err_set(err, ERR_JOB_FINISHED, "job %s is %s already", job->id,
			job_state_name(job->state));
	bool waiting = !*err && !job->claimed;
	if (!*err) {
		job->cancel_wanted = true;
		job->claimed = true;
		stop_worker(job);
	}
	pthread_mutex_unlock(&jobs->lock);
	if (*err)
		return -1;
	if (waiting) {
		CLEANUP_ERR struct error *canceled = NULL;
		op_stop_error(OP_STOP_CANCEL, &canceled);
		jobs_end_job(jobs, job, JOB_CANCELED, canceled, NULL);
	}
	return jobs_get(jobs, id, ret, err);
}

/* One that waits and that nobody else is about to end; claimed. */
static struct job *claim_waiting(struct jobs *jobs)
{
	JOBS_LOCK_SCOPE(jobs);
	for (size_t i = 0; i < jobs->n; i++) {
		struct job *job = jobs->v[i];
		if (job->state == JOB_NOT_STARTED && !job->claimed) {
			job->claimed = true;
			return job;
		}
	}
	return NULL;
}

bool jobs_stop(struct jobs *jobs)
{
	struct timespec until;
	struct job *job;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += STOP_SECONDS;
	pthread_mutex_lock(&jobs->lock);
	jobs->stopping = true;
	for (size_t i = 0; i < jobs->n; i++)
		stop_worker(jobs->v[i]);
	jobs_changed(jobs);
	pthread_mutex_unlock(&jobs->lock);
	while ((job = claim_waiting(jobs))) {
		CLEANUP_ERR struct error *error = NULL;
		err_set(&error, ERR_INTERRUPTED, "the agent ended before the job had started");
		jobs_end_job(jobs, job, JOB_FAILED, error, NULL);
	}
	JOBS_LOCK_SCOPE(jobs);
	for (int r = 0; jobs->running && r == 0;)
		r = pthread_cond_timedwait(&jobs->changed, &jobs->lock, &until);
	return jobs->running == 0;
}

/* The oldest of those that may go. The journal's part happens under the lock: it is three unlinks. */
static bool forget_one(struct jobs *jobs, int64_t now_us)
{
	struct job *oldest = NULL;
	uint64_t ended = 0, bytes = 0;
	for (size_t i = 0; i < jobs->n; i++) {
		struct job *job = jobs->v[i];
		if (!job_state_is_end(job->state))
			continue;
		ended++;
		bytes += job->resource_size;
		if (!oldest || job->ended_us < oldest->ended_us)
			oldest = job;
	}
	if (!oldest || (ended <= JOBS_KEPT_MAX && bytes <= JOBS_KEPT_BYTES &&
			       now_us - oldest->ended_us < JOBS_KEPT_SECONDS * INT64_C(1000000)))
		return false;
	journal_remove(jobs->journal, oldest->id);
	jobs_drop(jobs, oldest);
	return true;
}

void jobs_tick(struct jobs *jobs)
{
	int64_t now = job_now_us();
	JOBS_LOCK_SCOPE(jobs);
	schedule(jobs);
	while (forget_one(jobs, now))
		;
	for (size_t i = 0; i < jobs->n; i++)
		if (job_state_is_end(jobs->v[i]->state) &&
			now - jobs->v[i]->ended_us > JOBS_EVENTS_KEPT * INT64_C(1000000))
			job_events_done(&jobs->v[i]->events);
}
