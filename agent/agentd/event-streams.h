/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clients that watch a job by server-sent events (HTML standard, 9.2): `job` first (the resource as it
 * is), then every event with its id, `end` (the resource) last. A comment now and then keeps proxies
 * from closing the connection and finds clients that are gone. One thread wakes all of them: a
 * connection with nothing to send is suspended and costs nothing.
 */
#pragma once

#include "http.h"

#define STREAM_KEEP_ALIVE_MS 15000

struct streams;

int streams_start(struct jobs *jobs, struct streams **ret, struct error **err);
/*
 * After jobs_stop(), so that every stream has an end to tell of. Waits a moment for it to be sent; no
 * connection is suspended any more when this returns.
 */
void streams_stop(struct streams *all);
/* With no stream left. */
void streams_free(struct streams *all);

/* The reply is the stream of that job's events after the one with the id last. */
int streams_open(struct streams *all, const struct request *rq, const char *id, uint64_t last,
	struct reply *re, struct error **err);
