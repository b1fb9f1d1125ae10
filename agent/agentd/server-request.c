/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server-request.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "logging.h"
#include "mem.h"
#include "server.h"

#define STACK_SIZE (512u << 10)

struct server_request {
	struct agent *agent;
	struct request rq;
	struct error *error; /* what the reply is, whatever the body says */
	char *allow;
	size_t body_cap;
	uint64_t body_max;
	uint64_t received; /* of the body, thrown away or not */
	bool handled;	   /* by the route; the reply, or the error, is there or on its way */
	struct reply reply;
};

/* "?dryRun" without a value, or with two, must not be taken for an absent one. */
static enum MHD_Result check_parameter(
	void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct server_request *sr = cls;
	(void)kind;
	if (sr->error || route_check_query(sr->rq.route, key, &sr->error) < 0)
		return MHD_NO;
	if (!value)
		err_set(&sr->error, ERR_INVALID_FIELD, "parameter \"%.60s\" has no value", key);
	else if (request_query(&sr->rq, key) != value)
		err_set(&sr->error, ERR_INVALID_FIELD, "parameter \"%.60s\" is given twice", key);
	return sr->error ? MHD_NO : MHD_YES;
}

static const struct route_upload *upload_of(const struct server_request *sr)
{
	return sr->rq.route ? sr->rq.route->upload : NULL;
}

static void too_large(struct server_request *sr)
{
	if (sr->error)
		return;
	err_set(&sr->error, ERR_BODY_TOO_LARGE, "request body of more than %" PRIu64 " bytes",
		sr->body_max);
	if (upload_of(sr))
		err_hint(&sr->error, "send at most %" PRIu64 " bytes", sr->body_max);
}

struct server_request *server_request_new(struct agent *agent, struct MHD_Connection *connection,
	const char *method, const char *path)
{
	struct server_request *sr = xcalloc(1, sizeof(*sr));
	sr->agent = agent;
	sr->rq.connection = connection;
	sr->rq.method = method;
	if (routes_match(method, path, &sr->rq, &sr->allow, &sr->error) == 0)
		MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, check_parameter, sr);
	const struct route_upload *upload = upload_of(sr);
	sr->body_max = upload ? upload->max(agent) : HTTP_BODY_MAX;
	if (http_announced_size(connection) > sr->body_max)
		too_large(sr);
	if (upload && !sr->error)
		upload->begin(agent, &sr->rq, http_announced_size(connection), &sr->error);
	return sr;
}

void server_request_free(struct server_request *sr)
{
	if (sr->rq.body)
		mem_wipe(sr->rq.body, sr->rq.body_len);
	free(sr->rq.body);
	if (sr->rq.upload)
		upload_of(sr)->free(&sr->rq);
	if (sr->reply.response)
		MHD_destroy_response(sr->reply.response);
	free(sr->allow);
	err_free(sr->error);
	free(sr);
}

static enum MHD_Result send_reply(
	struct agent *agent, struct MHD_Connection *connection, struct reply *re)
{
	atomic_fetch_add(&agent->requests, 1);
	if (re->status >= 400)
		atomic_fetch_add(&agent->request_errors, 1);
	enum MHD_Result r = MHD_queue_response(connection, re->status, re->response);
	MHD_destroy_response(TAKE_PTR(re->response));
	return r;
}

static enum MHD_Result send_error(struct server_request *sr)
{
	struct reply re = {0};
	reply_error(&re, sr->error);
	if (sr->allow)
		reply_header(&re, MHD_HTTP_HEADER_ALLOW, sr->allow);
	return send_reply(sr->agent, sr->rq.connection, &re);
}

enum MHD_Result server_refuse(
	struct agent *agent, struct MHD_Connection *connection, const struct error *error)
{
	struct reply re = {0};
	reply_error(&re, error);
	reply_header(&re, MHD_HTTP_HEADER_CONNECTION, "close");
	return send_reply(agent, connection, &re);
}

enum MHD_Result server_request_early(struct server_request *sr)
{
	return sr->error && http_refuses_early(sr->rq.connection) ? send_error(sr) : MHD_YES;
}

static void keep(struct server_request *sr, const char *data, size_t size)
{
	struct request *rq = &sr->rq;
	if (rq->body_len + size + 1 > sr->body_cap) {
		/* By hand, not by realloc(): what is left behind is wiped. */
		size_t cap = 2 * (rq->body_len + size) + 1024;
		char *body = xmalloc(cap);
		if (rq->body) {
			memcpy(body, rq->body, rq->body_len);
			mem_wipe(rq->body, rq->body_len);
			free(rq->body);
		}
		rq->body = body;
		sr->body_cap = cap;
	}
	memcpy(rq->body + rq->body_len, data, size);
	rq->body_len += size;
	rq->body[rq->body_len] = '\0';
}

bool server_request_body(struct server_request *sr, const char *data, size_t size)
{
	sr->received += size;
	atomic_fetch_add(&sr->agent->body_bytes, size);
	if (sr->received > sr->body_max)
		too_large(sr);
	if (!sr->error && sr->rq.upload)
		upload_of(sr)->write(&sr->rq, data, size, &sr->error);
	else if (!sr->error)
		keep(sr, data, size);
	/* The connection's own buffer, which the library has done with. */
	mem_wipe((char *)data, size);
	return sr->received <= sr->body_max + HTTP_DISCARD_MAX;
}

unsigned server_request_body_seconds(const struct server_request *sr)
{
	return upload_of(sr) ? SERVER_UPLOAD_SECONDS : SERVER_BODY_SECONDS;
}

static void handle(struct server_request *sr)
{
	if (sr->rq.route->handle(sr->agent, &sr->rq, &sr->reply, &sr->error) < 0 &&
		err_http_status(sr->error->code) >= 500)
		log_error(sr->error);
}

static void *handle_thread(void *data)
{
	struct server_request *sr = data;
	struct agent *agent = sr->agent;
	handle(sr);
	/* The request is the server's again, and may be gone before the next line. */
	MHD_resume_connection(sr->rq.connection);
	atomic_fetch_sub(&agent->slow, 1);
	return NULL;
}

static void handle_aside(struct server_request *sr)
{
	pthread_attr_t attr;
	pthread_t thread;
	atomic_fetch_add(&sr->agent->slow, 1);
	MHD_suspend_connection(sr->rq.connection);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	/* Where the system has no thread to spare, this one waits. */
	if (pthread_create(&thread, &attr, handle_thread, sr) != 0)
		handle_thread(sr);
	pthread_attr_destroy(&attr);
}

/* Called again once a slow route has filled in its reply. */
enum MHD_Result server_request_answer(struct server_request *sr)
{
	if (!sr->error && !sr->handled) {
		sr->handled = true;
		if (sr->rq.route->slow) {
			handle_aside(sr);
			return MHD_YES;
		}
		handle(sr);
	}
	return sr->error ? send_error(sr) : send_reply(sr->agent, sr->rq.connection, &sr->reply);
}
