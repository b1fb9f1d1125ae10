/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Server-sent events of a job (HTML standard, 9.2): `job` first (the resource as it is), then every
 * event with its id, `end` (the resource) last. A comment every few seconds keeps proxies from
 * closing the connection and finds clients that are gone. Each stream has its connection's thread.
 */
#include <inttypes.h>
#include <string.h>

#include "job-list.h"
#include "mem.h"
#include "routes.h"

#define KEEP_ALIVE_MS 15000

struct events {
	struct jobs *jobs;
	char id[HTTP_PARAM_MAX];
	uint64_t last;
	char *text; /* not yet sent, from sent on */
	size_t sent, len;
	bool ended;
};

static void events_free(void *data)
{
	struct events *ev = data;
	free(ev->text);
	free(ev);
}

static void set_text(struct events *ev, char *text)
{
	free(ev->text);
	ev->text = text;
	ev->len = strlen(text);
	ev->sent = 0;
}

static bool set_job(struct events *ev, const char *name)
{
	CLEANUP_ERR struct error *err = NULL;
	CLEANUP_JSON json_t *job = NULL;
	if (jobs_get(ev->jobs, ev->id, &job, &err) < 0)
		return false;
	CLEANUP_FREE char *text = jsonx_dump(job);
	set_text(ev, xasprintf("event: %s\ndata: %s\n\n", name, text));
	return true;
}

/* The next piece of the stream; false at its end. */
static bool refill(struct events *ev)
{
	CLEANUP_ERR struct error *err = NULL;
	char *text = NULL;
	bool end = false;
	if (ev->ended || jobs_wait_events(ev->jobs, ev->id, ev->last, KEEP_ALIVE_MS, &text,
				 &ev->last, &end, &err) < 0)
		return false;
	if (text) {
		set_text(ev, text);
		return true;
	}
	if (end) {
		ev->ended = true;
		return set_job(ev, "end");
	}
	if (jobs_stopping(ev->jobs))
		return false;
	set_text(ev, xstrdup(": still here\n\n"));
	return true;
}

static ssize_t next(void *data, char *buf, size_t max)
{
	struct events *ev = data;
	if (ev->sent == ev->len && !refill(ev))
		return -1;
	size_t n = ev->len - ev->sent < max ? ev->len - ev->sent : max;
	memcpy(buf, ev->text + ev->sent, n);
	ev->sent += n;
	return (ssize_t)n;
}

int route_job_events(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	CLEANUP_JSON json_t *job = NULL;
	const char *last = request_header(rq, "Last-Event-ID");
	if (jobs_get(agent->jobs, rq->param, &job, err) < 0)
		return -1;
	struct events *ev = xcalloc(1, sizeof(*ev));
	ev->jobs = agent->jobs;
	memcpy(ev->id, rq->param, sizeof(ev->id));
	ev->last = last ? strtoull(last, NULL, 10) : 0;
	set_text(ev, xstrdup(""));
	set_job(ev, "job");
	reply_stream(re, "text/event-stream", next, events_free, ev);
	return 0;
}
