/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smb-lanes.h"

#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "checked.h"
#include "mem.h"
#include "smb-fault.h"

#define PAUSE_FIRST_MS 500
#define PAUSE_MAX_MS   15000
/* A server that takes requests and refuses them in the same way each time is not lost. */
#define REFUSALS_MAX 5
/* Slower than this is taken for a connection that hangs. */
#define SLOWEST_BYTES_PER_MS (256 * KiB / 1000)

enum verdict { DONE, AGAIN, FINAL };

static const char *const op_texts[] = {
	[SMB_OP_STAT] = "looking it up",
	[SMB_OP_SPACE] = "asking for free space",
	[SMB_OP_OPEN] = "opening",
	[SMB_OP_CLOSE] = "closing",
	[SMB_OP_LOCK] = "locking",
	[SMB_OP_UNLOCK] = "unlocking",
	[SMB_OP_TRUNCATE] = "setting the length",
	[SMB_OP_WRITE] = "writing",
	[SMB_OP_READ] = "reading",
	[SMB_OP_PUT] = "writing",
	[SMB_OP_GET] = "reading",
	[SMB_OP_RENAME] = "renaming",
	[SMB_OP_UNLINK] = "removing",
};

void smb_lanes_init(struct smb_lanes *l, struct sink *sink, unsigned n)
{
	l->sink = sink;
	l->n = n;
	for (unsigned i = 0; i < n; i++) {
		pthread_mutex_init(&l->v[i].mutex, NULL);
		l->v[i].conn.fd = -1;
	}
	/* Swapped out, a password would outlive us; where locking is not allowed, so be it. */
	(void)mlock(&l->login, sizeof(l->login));
}

void smb_lanes_done(struct smb_lanes *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		smb_conn_close(&l->v[i].conn);
		pthread_mutex_destroy(&l->v[i].mutex);
	}
	mem_wipe(&l->login, sizeof(l->login));
	(void)munlock(&l->login, sizeof(l->login));
	free(l->partial);
	free(l->lock);
}

struct smb_request smb_request(enum smb_op op, const char *path)
{
	struct smb_request rq = {.op = op};
	/* Every path a sink makes has been measured when it was opened. */
	if (path)
		strncpy(rq.path, path, sizeof(rq.path) - 1);
	return rq;
}

/* ---- one attempt ---- */

static char *describe(const struct smb_lanes *l, const struct smb_request *rq)
{
	const char *path = rq->path[0] ? rq->path : l->partial;
	switch ((int)rq->op) {
	case SMB_OP_WRITE:
	case SMB_OP_READ:
		return xasprintf("\"%s\": %s %" PRIu64 " bytes at 0x%" PRIx64, l->sink->target,
			op_texts[rq->op], rq->length, rq->offset);
	case SMB_OP_RENAME:
		return xasprintf(
			"\"%s\": renaming \"%s\" to \"%s\"", l->sink->target, rq->path, rq->path2);
	default:
		return xasprintf("\"%s\": %s (\"%s\")", l->sink->target, op_texts[rq->op], path);
	}
}

/* The server may have forgotten, with its memory, what it had acknowledged. */
static void drop(struct smb_lanes *l, unsigned lane)
{
	smb_conn_close(&l->v[lane].conn);
	if (lane == 0)
		atomic_store(&l->locked, false);
	if (atomic_load(&l->relock))
		atomic_fetch_add(&l->sink->breaks, 1);
}

static struct smb_limit limit_of(const struct smb_lanes *l, uint64_t ms)
{
	return (struct smb_limit){.sink = l->deaf ? NULL : l->sink, .ms = ms};
}

static enum verdict no_answer(struct smb_lanes *l, unsigned lane, enum smb_outcome outcome,
	const char *what, struct error **err)
{
	drop(l, lane);
	if (outcome == SMB_STOPPED) {
		op_stop_error(sink_stopped(l->sink), err);
		return FINAL;
	}
	err_set(err, ERR_SHARE_LOST, "%s: %s", what,
		outcome == SMB_TIMED_OUT ? "the server does not answer"
					 : "the connection's process has ended");
	return AGAIN;
}

/* On the lane's connection, which must be there. */
static enum verdict call(struct smb_lanes *l, unsigned lane, const struct smb_request *rq, int fd,
	uint64_t extra_ms, struct smb_reply *reply, struct error **err)
{
	struct smb_limit limit =
		limit_of(l, l->answer_ms + rq->length / SLOWEST_BYTES_PER_MS + extra_ms);
	enum smb_outcome outcome = smb_conn_call(&l->v[lane].conn, rq, fd, &limit, reply);
	if (outcome == SMB_ANSWERED && !reply->errnum)
		return DONE;
	CLEANUP_FREE char *what = describe(l, rq);
	if (outcome != SMB_ANSWERED)
		return no_answer(l, lane, outcome, what, err);
	struct smb_fault fault = smb_fault(reply, false);
	smb_fault_set(err, &fault, reply, "%s", what);
	if (!fault.lost)
		return FINAL;
	drop(l, lane);
	return AGAIN;
}

static enum verdict log_in(struct smb_lanes *l, unsigned lane, struct error **err)
{
	struct smb_reply reply = {0};
	struct smb_limit limit = limit_of(l, l->login_ms);
	enum smb_outcome outcome =
		smb_conn_login(&l->v[lane].conn, l->starter, &l->login, l->pool_fd, &limit, &reply);
	if (outcome == SMB_STOPPED) {
		op_stop_error(sink_stopped(l->sink), err);
		return FINAL;
	}
	if (outcome != SMB_ANSWERED) {
		err_set(err, ERR_SHARE_UNREACHABLE, "\"%s\": %s", l->sink->target,
			outcome == SMB_TIMED_OUT ? "the server does not answer"
						 : "the connection's process has ended");
		return AGAIN;
	}
	if (!reply.errnum)
		return DONE;
	struct smb_fault fault = smb_fault(&reply, true);
	smb_fault_set(err, &fault, &reply, "\"%s\"", l->sink->target);
	return fault.lost ? AGAIN : FINAL;
}

/* Our own handle of the connection that broke may still hold the lock: the server finds out later. */
static enum verdict lock_again(struct smb_lanes *l, struct error **err)
{
	struct smb_reply reply = {0};
	struct smb_request rq = smb_request(SMB_OP_LOCK, l->lock);
	enum verdict v = call(l, 0, &rq, -1, 0, &reply, err);
	if (v == FINAL && (*err)->code == ERR_TARGET_BUSY)
		return AGAIN;
	if (v == DONE)
		atomic_store(&l->locked, true);
	return v;
}

/* The length, too, may have been forgotten. */
static enum verdict restore_length(struct smb_lanes *l, struct error **err)
{
	struct smb_reply reply = {0};
	struct smb_request stat = smb_request(SMB_OP_STAT, l->partial);
	struct smb_request truncate = smb_request(SMB_OP_TRUNCATE, NULL);
	truncate.length = l->length;
	enum verdict v = call(l, 0, &stat, -1, 0, &reply, err);
	if (v != DONE || reply.value >= l->length)
		return v;
	return call(l, 0, &truncate, -1, 0, &reply, err);
}

static enum verdict open_again(struct smb_lanes *l, unsigned lane, struct error **err)
{
	struct smb_reply reply = {0};
	struct smb_request rq = smb_request(SMB_OP_OPEN, l->partial);
	enum verdict v = call(l, lane, &rq, -1, 0, &reply, err);
	return v == DONE && lane == 0 ? restore_length(l, err) : v;
}

static enum verdict connect_lane(struct smb_lanes *l, unsigned lane, struct error **err)
{
	enum verdict v;
	if (lane > 0 && atomic_load(&l->relock) && !atomic_load(&l->locked)) {
		err_set(err, ERR_SHARE_LOST, "\"%s\": the lock has been lost with its connection",
			l->sink->target);
		return AGAIN;
	}
	v = log_in(l, lane, err);
	if (v == DONE && lane == 0 && atomic_load(&l->relock))
		v = lock_again(l, err);
	if (v == DONE && atomic_load(&l->reopen))
		v = open_again(l, lane, err);
	if (v != DONE && l->v[lane].conn.fd >= 0)
		drop(l, lane);
	return v;
}

static enum verdict attempt(struct smb_lanes *l, unsigned lane, const struct smb_request *rq,
	int fd, uint64_t extra_ms, struct smb_reply *reply, struct error **err)
{
	*reply = (struct smb_reply){0};
	if (l->v[lane].conn.fd < 0) {
		enum verdict v = connect_lane(l, lane, err);
		if (v != DONE)
			return v;
	}
	return call(l, lane, rq, fd, extra_ms, reply, err);
}

int smb_lane_try(struct smb_lanes *l, unsigned lane, const struct smb_request *rq, int fd,
	uint64_t extra_ms, struct smb_reply *reply, struct error **err)
{
	pthread_mutex_lock(&l->v[lane].mutex);
	enum verdict v = attempt(l, lane, rq, fd, extra_ms, reply, err);
	pthread_mutex_unlock(&l->v[lane].mutex);
	return v == DONE ? 0 : -1;
}

/* ---- until it is done ---- */

struct patience {
	int64_t since_us; /* of the first failure; 0: none yet */
	unsigned pause_ms, refusals;
};

/* Sleeps in slices; false where the sink is stopped meanwhile, and *err says so. */
static bool sleep_ms(const struct smb_lanes *l, unsigned ms, struct error **err)
{
	int64_t end = op_now_us() + (int64_t)ms * 1000;
	for (;;) {
		enum op_stop stop = l->deaf ? OP_RUN : sink_stopped(l->sink);
		if (stop != OP_RUN) {
			err_free(*err);
			*err = NULL;
			op_stop_error(stop, err);
			return false;
		}
		int64_t left = end - op_now_us();
		if (left <= 0)
			return true;
		usleep((useconds_t)(left < 100000 ? left : 100000));
	}
}

/* Whether to try again, after a pause. Else *err is what the caller returns. */
static bool be_patient(
	const struct smb_lanes *l, struct patience *p, bool refused, struct error **err)
{
	int64_t now = op_now_us();
	if (!p->since_us)
		*p = (struct patience){.since_us = now, .pause_ms = PAUSE_FIRST_MS};
	p->refusals += refused;
	if (p->refusals >= REFUSALS_MAX)
		return false;
	if (now - p->since_us >= (int64_t)l->retry_ms * 1000) {
		err_prefix(err, "given up after %" PRId64 " s", (now - p->since_us) / 1000000);
		(*err)->code = ERR_SHARE_LOST;
		return false;
	}
	unsigned pause = p->pause_ms;
	p->pause_ms = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	return sleep_ms(l, pause, err);
}

int smb_lane_run(struct smb_lanes *l, unsigned lane, const struct smb_request *rq, int fd,
	uint64_t extra_ms, struct smb_reply *reply, struct error **err)
{
	struct patience patience = {0};
	for (;;) {
		struct error *why = NULL;
		pthread_mutex_lock(&l->v[lane].mutex);
		enum verdict v = attempt(l, lane, rq, fd, extra_ms, reply, &why);
		pthread_mutex_unlock(&l->v[lane].mutex);
		if (v == DONE)
			return 0;
		bool refused = reply->errnum != 0;
		if (v == FINAL || !be_patient(l, &patience, refused, &why)) {
			err_move(err, &why);
			return -1;
		}
		err_free(why);
	}
}
