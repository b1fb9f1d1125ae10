/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <microhttpd.h>
#include <string.h>
#include <strings.h>

#include "http.h"
#include "jsonx.h"
#include "mem.h"

#define STREAM_BLOCK (16u << 10)

const char *request_query(const struct request *rq, const char *name)
{
	return MHD_lookup_connection_value(rq->connection, MHD_GET_ARGUMENT_KIND, name);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

const char *request_header(const struct request *rq, const char *name)
{
	return header(rq->connection, name);
}

uint64_t http_announced_size(struct MHD_Connection *connection)
{
	const char *text = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
	return text ? strtoull(text, NULL, 10) : 0;
}

bool http_refuses_early(struct MHD_Connection *connection)
{
	const char *expect = header(connection, MHD_HTTP_HEADER_EXPECT);
	return (expect && strcasecmp(expect, "100-continue") == 0) ||
	       http_announced_size(connection) > HTTP_DISCARD_MAX;
}

int request_query_bool(const struct request *rq, const char *name, bool *ret, struct error **err)
{
	const char *text = request_query(rq, name);
	if (!text)
		return 0;
	if (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0)
		return err_set(err, ERR_INVALID_FIELD,
			"parameter \"%s\" is \"%.40s\" (true or false expected)", name, text);
	*ret = strcasecmp(text, "true") == 0;
	return 0;
}

int request_query_u64(const struct request *rq, const char *name, uint64_t min, uint64_t max,
	uint64_t *ret, struct error **err)
{
	const char *text = request_query(rq, name);
	char *end;
	if (!text)
		return 0;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9' || n < min || n > max)
		return err_set(err, ERR_INVALID_FIELD,
			"parameter \"%s\" is \"%.40s\" (a number from %llu to %llu expected)", name,
			text, (unsigned long long)min, (unsigned long long)max);
	*ret = n;
	return 0;
}

static void finish(struct reply *re, unsigned status, const char *type)
{
	if (!re->response) {
		fputs("out of memory\n", stderr);
		abort();
	}
	re->status = status;
	reply_header(re, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	reply_header(re, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	reply_header(re, "X-Content-Type-Options", "nosniff");
}

void reply_header(struct reply *re, const char *name, const char *value)
{
	MHD_add_response_header(re->response, name, value);
}

void reply_json(struct reply *re, unsigned status, json_t *value)
{
	CLEANUP_JSON json_t *owned = value;
	char *text = jsonx_dump(owned);
	re->response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	finish(re, status, "application/json; charset=utf-8");
}

void reply_empty(struct reply *re, unsigned status)
{
	re->response = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	re->status = status;
	reply_header(re, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
}

void reply_text(struct reply *re, const char *type, const char *text, size_t len)
{
	re->response = MHD_create_response_from_buffer(len, (void *)text, MHD_RESPMEM_MUST_COPY);
	finish(re, MHD_HTTP_OK, type);
}

void reply_fd(struct reply *re, const char *type, int fd, uint64_t size)
{
	re->response = MHD_create_response_from_fd64(size, fd);
	finish(re, MHD_HTTP_OK, type);
}

struct stream {
	reply_stream_fn *next;
	void (*done)(void *data);
	void *data;
};

static ssize_t stream_next(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct stream *s = cls;
	(void)pos;
	ssize_t n = s->next(s->data, buf, max);
	return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static void stream_done(void *cls)
{
	struct stream *s = cls;
	s->done(s->data);
	free(s);
}

void reply_stream(struct reply *re, const char *type, reply_stream_fn *next,
	void (*done)(void *data), void *data)
{
	struct stream *s = xmalloc(sizeof(*s));
	*s = (struct stream){next, done, data};
	re->response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_next, s, stream_done);
	finish(re, MHD_HTTP_OK, type);
}

void reply_error(struct reply *re, const struct error *error)
{
	json_t *o = json_object();
	jsonx_set(o, "error", jsonx_from_error(error));
	reply_json(re, (unsigned)err_http_status(error->code), o);
	if (error->code == ERR_TOO_MANY_JOBS)
		reply_header(re, MHD_HTTP_HEADER_RETRY_AFTER, "30");
}
