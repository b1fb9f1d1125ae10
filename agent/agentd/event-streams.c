/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event-streams.h"

#include <microhttpd.h>
#include <pthread.h>
#include <string.h>

#include "job-list.h"
#include "mem.h"
#include "op.h"

#define TICK_MS	 1000
#define STOP_MS	 2000  /* for the last events to be sent */
#define BATCH_US 50000 /* between two looks at the streams: a job may talk fast */

struct stream {
	struct stream *next, *prev;
	struct streams *all;
	struct MHD_Connection *connection;
	bool suspended; /* under the lock */
	char id[HTTP_PARAM_MAX];
	uint64_t last;
	int64_t keep_alive_us;
	char *text; /* not yet sent, from sent on */
	size_t sent, len;
	bool ended;
};

struct streams {
	pthread_mutex_t lock;
	struct stream *first;
	struct jobs *jobs;
	pthread_t thread;
	atomic_bool stop;
};

static void set_text(struct stream *s, char *text)
{
	free(s->text);
	s->text = text;
	s->len = strlen(text);
	s->sent = 0;
	s->keep_alive_us = op_now_us() + STREAM_KEEP_ALIVE_MS * INT64_C(1000);
}

static int set_job(struct stream *s, const char *name, struct error **err)
{
	CLEANUP_JSON json_t *job = NULL;
	if (jobs_get(s->all->jobs, s->id, &job, err) < 0)
		return -1;
	CLEANUP_FREE char *text = jsonx_dump(job);
	set_text(s, xasprintf("event: %s\ndata: %s\n\n", name, text));
	return 0;
}

static bool is_due(const struct stream *s)
{
	struct jobs *jobs = s->all->jobs;
	return op_now_us() >= s->keep_alive_us || s->all->stop ||
	       jobs_has_news(jobs, s->id, s->last);
}

/* The next piece, if there is one; false at the end of the stream. */
static bool refill(struct stream *s)
{
	CLEANUP_ERR struct error *err = NULL;
	char *text = NULL;
	bool end = false;
	if (s->ended || jobs_events(s->all->jobs, s->id, s->last, &text, &s->last, &end, &err) < 0)
		return false;
	if (text) {
		set_text(s, text);
	} else if (end) {
		s->ended = true;
		return set_job(s, "end", &err) == 0;
	} else if (s->all->stop) {
		return false;
	} else if (op_now_us() >= s->keep_alive_us) {
		set_text(s, xstrdup(": still here\n\n"));
	}
	return true;
}

/* What happened since refill() looked is seen here, what happens later by the thread. */
static void suspend(struct stream *s)
{
	pthread_mutex_lock(&s->all->lock);
	MHD_suspend_connection(s->connection);
	s->suspended = !is_due(s);
	if (!s->suspended)
		MHD_resume_connection(s->connection);
	pthread_mutex_unlock(&s->all->lock);
}

static ssize_t next(void *data, char *buf, size_t max)
{
	struct stream *s = data;
	if (s->sent == s->len && !refill(s))
		return -1;
	size_t n = s->len - s->sent < max ? s->len - s->sent : max;
	if (n == 0)
		suspend(s);
	else
		memcpy(buf, s->text + s->sent, n);
	s->sent += n;
	return (ssize_t)n;
}

static void stream_free(void *data)
{
	struct stream *s = data;
	pthread_mutex_lock(&s->all->lock);
	if (s->prev)
		s->prev->next = s->next;
	else
		s->all->first = s->next;
	if (s->next)
		s->next->prev = s->prev;
	pthread_mutex_unlock(&s->all->lock);
	free(s->text);
	free(s);
}

int streams_open(struct streams *all, const struct request *rq, const char *id, uint64_t last,
	struct reply *re, struct error **err)
{
	struct stream *s = xcalloc(1, sizeof(*s));
	s->all = all;
	s->connection = rq->connection;
	s->last = last;
	snprintf(s->id, sizeof(s->id), "%s", id);
	if (set_job(s, "job", err) < 0) {
		free(s);
		return -1;
	}
	pthread_mutex_lock(&all->lock);
	s->next = all->first;
	if (s->next)
		s->next->prev = s;
	all->first = s;
	pthread_mutex_unlock(&all->lock);
	reply_stream(re, "text/event-stream", next, stream_free, s);
	return 0;
}

/* False once it is to stop. */
static bool wake_those_due(struct streams *all)
{
	bool stop = all->stop;
	pthread_mutex_lock(&all->lock);
	for (struct stream *s = all->first; s; s = s->next) {
		if (s->suspended && is_due(s)) {
			s->suspended = false;
			MHD_resume_connection(s->connection);
		}
	}
	pthread_mutex_unlock(&all->lock);
	return !stop;
}

static void *wake_thread(void *data)
{
	struct streams *all = data;
	uint64_t seen = 0;
	while (wake_those_due(all)) {
		usleep(BATCH_US);
		jobs_wait_change(all->jobs, &seen, TICK_MS);
	}
	return NULL;
}

int streams_start(struct jobs *jobs, struct streams **ret, struct error **err)
{
	struct streams *all = xcalloc(1, sizeof(*all));
	pthread_mutex_init(&all->lock, NULL);
	all->jobs = jobs;
	int errnum = pthread_create(&all->thread, NULL, wake_thread, all);
	if (errnum) {
		streams_free(all);
		return err_errno(err, ERR_SYSTEM, errnum, "cannot start a thread");
	}
	*ret = all;
	return 0;
}

static bool any_left(struct streams *all)
{
	pthread_mutex_lock(&all->lock);
	bool any = all->first != NULL;
	pthread_mutex_unlock(&all->lock);
	return any;
}

void streams_stop(struct streams *all)
{
	int64_t until = op_now_us() + STOP_MS * INT64_C(1000);
	all->stop = true;
	pthread_join(all->thread, NULL);
	while (any_left(all) && op_now_us() < until)
		usleep(BATCH_US);
}

void streams_free(struct streams *all)
{
	pthread_mutex_destroy(&all->lock);
	free(all);
}
