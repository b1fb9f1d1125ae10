/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One job: what was asked, what its worker reported, how it ended. No threads, no files: job-list.h
 * owns the jobs and has the lock under which all of this is called. docs/design/jobs.md.
 *
 *   notStarted ─▶ inProgress ─▶ complete | failed | canceled
 *        └────────────────────▶ failed (interrupted) | canceled
 */
#pragma once

#include "guid.h"
#include "job-events.h"
#include "jsonx.h"
#include "pack-store.h"
#include "worker-protocol.h"

enum job_state {
	JOB_NOT_STARTED,
	JOB_IN_PROGRESS,
	JOB_COMPLETE,
	JOB_FAILED,
	JOB_CANCELED,
	_JOB_STATE_MAX
};

/* What a request comes down to. All members are owned. */
struct job_request {
	char *type;   /* "export", "prepare"; also the worker's verb */
	char *disk;   /* its id in GET /v1/disks */
	char *path;   /* the disk's device or file, without symbolic links */
	bool by_fd;   /* a device: the worker gets a descriptor opened by the agent */
	bool write;   /* the disk is what the job writes to */
	char *target; /* one text for one output, "smb://…/name.vhdx"; NULL: none */
	json_t *parameters, *tags, *ignored, *warnings; /* without secrets; NULL: none */
	char *input;		/* for the worker, secrets included: never shown, wiped */
	struct pack_use *packs; /* that it needs; given back when it ends; NULL: none */
	unsigned timeout;	/* seconds; 0: none */
	bool dry_run;
};

struct job {
	char id[GUID_STRING_SIZE];
	uint64_t seq; /* counts up over the agent's restarts: the order of the list */
	enum job_state state;
	struct job_request rq;
	int64_t created_us, started_us, ended_us; /* wall clock; 0: not yet */

	/* what the worker reported */
	unsigned percent; /* never goes back; 100 only once complete */
	char *step;
	uint64_t bytes_done, bytes_total, bytes_per_second;
	int64_t estimated_end_us;
	json_t *warnings;
	size_t warnings_size;
	struct job_events events;

	/* the job list's own */
	bool claimed;	      /* a thread is running it, or ending it */
	bool cancel_wanted;   /* by a client */
	int stop_fd;	      /* eventfd that stops the worker */
	json_t *resource;     /* the job as the API shows it, once ended; before that NULL */
	size_t resource_size; /* its length as text */
};

/* Takes rq over (it is left empty), failure included. */
int job_new(struct job_request *rq, uint64_t seq, struct job **ret, struct error **err);
/* A job that does nothing any more, from its resource, which is taken over; NULL: it is none. */
struct job *job_from_resource(json_t *resource, uint64_t seq, int64_t ended_us);
void job_free(struct job *job);
DEFINE_CLEANUP(struct job *, job_free);
void job_request_done(struct job_request *rq);

/* What the worker said; also becomes an event for those who watch. */
void job_apply(struct job *job, const struct worker_event *ev);
void job_start(struct job *job, int64_t now_us);

/* The job as the API shows it; a new reference. */
json_t *job_resource(const struct job *job);
/*
 * The same as it will be once ended so. error: NULL where state is JOB_COMPLETE; result: the
 * worker's, NULL where there is none.
 */
json_t *job_resource_ended(const struct job *job, enum job_state state, const struct error *error,
	const json_t *result, int64_t now_us);
/* Ends the job with what job_resource_ended() made; takes it over. */
void job_end(struct job *job, enum job_state state, json_t *resource, int64_t now_us);

/* An ended job that the journal found not ended: `failed`, ERR_INTERRUPTED. */
void job_interrupt(struct job *job, int64_t now_us);

static inline bool job_state_is_end(enum job_state state)
{
	return state >= JOB_COMPLETE;
}

const char *job_state_name(enum job_state state);
bool job_state_from_name(const char *name, enum job_state *ret);

int64_t job_now_us(void); /* wall clock */
/* RFC 3339, UTC, milliseconds; JSON null for 0. */
json_t *job_time(int64_t us);
