/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A request as a route handles it, and the reply it fills in. Routes know nothing of libmicrohttpd;
 * server.c and reply.c do.
 */
#pragma once

#include <jansson.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "disk-list.h"
#include "errors.h"

#define HTTP_BODY_MAX (1u << 20)
/* A body that is too large is read to its end, and thrown away, up to this much past what is allowed: a
 * client that is still sending would not see the reply. */
#define HTTP_DISCARD_MAX (8u << 20)
#define HTTP_PARAM_MAX	 65
#define HTTP_QUERY_MAX	 3

struct jobs;
struct inspector;
struct streams;
struct pack_store;
struct MHD_Connection;
struct MHD_Response;

/* What the routes work on. Lives as long as the server. */
struct agent {
	struct jobs *jobs;
	const struct disk_list *disks; /* configured ones */
	struct inspector *inspector;
	struct streams *streams;
	struct pack_store *packs;
	unsigned max_jobs;
	bool state_in_memory;
	int64_t start_us;
	/* counted by the server */
	atomic_uint_fast64_t requests, request_errors, body_bytes;
	atomic_uint connections;
	atomic_uint slow; /* routes that run in threads of their own */
};

struct route;

struct request {
	const struct route *route; /* NULL: there is none, see error */
	const char *method;
	char param[HTTP_PARAM_MAX]; /* what stands for {id} in the route's path */
	char *body;		    /* NUL-terminated; NULL: none. Wiped after use */
	size_t body_len;
	void *upload; /* of a route that takes its body piece by piece */
	struct MHD_Connection *connection;
};

/* The query parameter's value, NULL where it is absent. Borrowed. */
const char *request_query(const struct request *rq, const char *name);
/* Absent: *ret untouched. ERR_INVALID_FIELD. */
int request_query_bool(const struct request *rq, const char *name, bool *ret, struct error **err);
int request_query_u64(const struct request *rq, const char *name, uint64_t min, uint64_t max,
	uint64_t *ret, struct error **err);
const char *request_header(const struct request *rq, const char *name);

/* Bytes of its body as announced; 0: not said. */
uint64_t http_announced_size(struct MHD_Connection *connection);
/*
 * Whether an error is told with the headers: a client that waits for "100 Continue" has not begun to send, one that
 * announces too much is not listened to; one that has begun is heard out.
 */
bool http_refuses_early(struct MHD_Connection *connection);

struct reply {
	unsigned status;
	struct MHD_Response *response;
};

/*
 * Bytes of a stream: how many were put into buf (at most max), 0 where there are none and the
 * connection was suspended, -1 at the end. Does not block.
 */
typedef ssize_t reply_stream_fn(void *data, char *buf, size_t max);

/* Each sets the reply, which must be empty. */
void reply_json(struct reply *re, unsigned status, json_t *value); /* takes value over */
void reply_text(struct reply *re, const char *type, const char *text, size_t len); /* 200; copies */
void reply_fd(struct reply *re, const char *type, int fd, uint64_t size); /* 200; takes fd over */
void reply_stream(struct reply *re, const char *type, reply_stream_fn *next,
	void (*done)(void *data), void *data); /* 200 */
void reply_empty(struct reply *re, unsigned status);
void reply_error(struct reply *re, const struct error *error);
/* After one of those. */
void reply_header(struct reply *re, const char *name, const char *value);

/*
 * A body that is not kept in memory. All but max are the request's thread's; they do not wait for
 * anything but the disk.
 */
struct route_upload {
	uint64_t (*max)(const struct agent *agent); /* bytes */
	/* With the headers; sets rq->upload. size: as announced, 0 where it is not. */
	int (*begin)(struct agent *agent, struct request *rq, uint64_t size, struct error **err);
	int (*write)(struct request *rq, const char *data, size_t len, struct error **err);
	void (*free)(struct request *rq); /* however it ended */
};

/* Fills in the reply and returns 0, or returns -1 with the error that is to be the reply. */
typedef int route_fn(struct agent *agent, struct request *rq, struct reply *re, struct error **err);
