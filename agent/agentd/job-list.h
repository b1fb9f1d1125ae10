/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All jobs: submitting, looking up, canceling, scheduling, forgetting.
 *
 * Locks of the agent, in the order in which they may be taken:
 *   1. struct streams.lock    who watches a job (event-streams.c)
 *   2. struct jobs.lock       every field of the list and of each job
 *   -  struct server.lock, struct inspector.lock: leaves, taken alone
 *   -  struct pack_store.lock: a leaf
 * The journal has none: a job's record is written without a lock by the one thread that has claimed
 * the job (job->claimed), always before the change of state is shown to anybody.
 */
#pragma once

#include <pthread.h>

#include "job-journal.h"
#include "job.h"

#define JOBS_RUNNING_DEFAULT 4
#define JOBS_QUEUED_MAX	     32
#define JOBS_PAGE_DEFAULT    100
#define JOBS_PAGE_MAX	     1000
/* Ended jobs are kept a day, as long as these bounds allow. */
#define JOBS_KEPT_SECONDS (24 * 3600)
#define JOBS_KEPT_MAX	  1000
#define JOBS_KEPT_BYTES	  (UINT64_C(64) << 20)
#define JOBS_EVENTS_KEPT  60 /* seconds that an ended job keeps its events */

struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* broadcast by jobs_changed(); CLOCK_MONOTONIC */
	uint64_t changes;	/* how often that was */
	struct journal *journal;
	char *worker;	/* path of ce-worker */
	char *redo_dir; /* where preparations keep what is to be written to their disks */
	struct job **v; /* by seq, oldest first */
	size_t n;
	uint64_t next_seq;
	unsigned running, max_running;
	bool stopping;
	uint64_t bytes_copied;		/* by all jobs since the start */
	uint64_t ended[_JOB_STATE_MAX]; /* jobs that ended so since the start */
};

/* Loads the journal; jobs that had not ended become `failed`, `interrupted`. */
int jobs_open(const char *state_dir, const char *worker, unsigned max_running, struct jobs **ret,
	struct error **err);
/*
 * Accepts nothing more, cancels all, records them as interrupted. Waits at most 20 s; false: some
 * worker is still there, and the list must not be closed.
 */
bool jobs_stop(struct jobs *jobs);
/* With no other user left. */
void jobs_close(struct jobs *jobs);

/*
 * Takes rq over, failure included. The job is on stable storage when this returns.
 * ERR_DISK_BUSY, ERR_TARGET_BUSY (naming the other job), ERR_TOO_MANY_JOBS.
 */
int jobs_submit(struct jobs *jobs, struct job_request *rq, char ret_id[static GUID_STRING_SIZE],
	struct error **err);
/* ERR_JOB_NOT_FOUND; a new reference. */
int jobs_get(struct jobs *jobs, const char *id, json_t **ret, struct error **err);
/* {pageSize, items, continuationToken}, newest first; token: NULL or one of these. */
int jobs_page(
	struct jobs *jobs, uint64_t page_size, const char *token, json_t **ret, struct error **err);
/* ERR_JOB_NOT_FOUND, ERR_JOB_FINISHED; *ret: the job as it is now. */
int jobs_cancel(struct jobs *jobs, const char *id, json_t **ret, struct error **err);
/* Id of the job that has not ended and works on that device or file, or NULL; the caller frees. */
char *jobs_of_disk(struct jobs *jobs, const char *path);
/* How many there are now, by state. */
void jobs_count(struct jobs *jobs, uint64_t ret[static _JOB_STATE_MAX]);
/* Since the start: how many ended so, and how much they copied. */
void jobs_totals(struct jobs *jobs, uint64_t ret_ended[static _JOB_STATE_MAX], uint64_t *ret_bytes);

/*
 * Events after the given id, as server-sent events. *ret_text NULL: there are none yet. *ret_end: the
 * job has ended.
 */
int jobs_events(struct jobs *jobs, const char *id, uint64_t after, char **ret_text,
	uint64_t *ret_last, bool *ret_end, struct error **err);
/* Whether jobs_events() has anything to say that it did not say before, be it an error. */
bool jobs_has_news(struct jobs *jobs, const char *id, uint64_t after);
/* Until anything happens to any job, at most timeout_ms. *seen: 0 at first, then as it was left. */
void jobs_wait_change(struct jobs *jobs, uint64_t *seen, int timeout_ms);

/* Once a second: starts what can start, forgets what is old. */
void jobs_tick(struct jobs *jobs);

/* Within job-*.c; the lock is held, but for jobs_end_job() and job_run(). */
static inline void jobs_unlock(struct jobs **jobs)
{
	pthread_mutex_unlock(&(*jobs)->lock);
}

#define JOBS_LOCK_SCOPE(list)                                   \
	struct jobs *lock_scope_ CLEANUP(jobs_unlock) = (list); \
	pthread_mutex_lock(&lock_scope_->lock)

/* Something that a watcher may want to know has happened. */
void jobs_changed(struct jobs *jobs);
void jobs_add(struct jobs *jobs, struct job *job);
/* Removes it from the list and frees it. */
void jobs_drop(struct jobs *jobs, struct job *job);
struct job *jobs_find(struct jobs *jobs, const char *id, struct error **err);
/*
 * Ends a claimed job: record, then state. result and error as in job_resource_ended(); at most one is
 * not NULL.
 */
void jobs_end_job(struct jobs *jobs, struct job *job, enum job_state state,
	const struct error *error, const json_t *result);
/* A thread's work: a claimed job from its start to its end. */
void job_run(struct jobs *jobs, struct job *job);
