/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pairing-server.h"

#include <microhttpd.h>
#include <stdatomic.h>
#include <string.h>

#include "http.h"
#include "jsonx.h"
#include "logging.h"
#include "mem.h"
#include "tls.h"

#define PATH		"/v1/$pair"
#define CONNECTIONS	32
#define TIMEOUT_SECONDS 10

struct pairing_server {
	struct pairing *pairing;
	struct MHD_Daemon *daemon;
	bool paired;	  /* of its thread alone */
	atomic_bool done; /* and the answer is on its way */
};

struct pair_request {
	char *body; /* PAIRING_BODY_MAX bytes; NULL: nothing of it came yet */
	size_t len;
	uint64_t received;
	struct error *error;
	bool paired;
};

static enum MHD_Result answer(
	struct MHD_Connection *connection, struct pair_request *r, json_t *value)
{
	struct reply re = {0};
	if (r->error)
		reply_error(&re, r->error);
	else
		reply_json(&re, MHD_HTTP_OK, value);
	reply_header(&re, MHD_HTTP_HEADER_CONNECTION, "close");
	enum MHD_Result queued = MHD_queue_response(connection, re.status, re.response);
	MHD_destroy_response(re.response);
	return queued;
}

static enum MHD_Result pair(
	struct pairing_server *s, struct MHD_Connection *connection, struct pair_request *r)
{
	CLEANUP_FREE char *fingerprint = NULL;
	json_t *value = NULL;
	if (pairing_try(s->pairing, r->body ? r->body : "", r->len, &fingerprint, &r->error) == 0) {
		s->paired = r->paired = true;
		value = json_object();
		jsonx_set_string(value, "fingerprint", fingerprint);
		log_info("paired; the server's certificate is %s", fingerprint);
	} else {
		log_warning("refused to pair: %s", r->error->message);
	}
	return answer(connection, r, value);
}

static int too_large(struct error **err)
{
	return err_set(
		err, ERR_BODY_TOO_LARGE, "request body of more than %u bytes", PAIRING_BODY_MAX);
}

static void keep(struct pair_request *r, char *data, size_t size)
{
	r->received += size;
	if (!r->error && size > PAIRING_BODY_MAX - r->len)
		too_large(&r->error);
	if (!r->error) {
		if (!r->body)
			r->body = xmalloc(PAIRING_BODY_MAX);
		memcpy(r->body + r->len, data, size);
		r->len += size;
	}
	/* The connection's own buffer, which the library has done with. */
	mem_wipe(data, size);
}

static int check_request(
	struct MHD_Connection *connection, const char *url, const char *method, struct error **err)
{
	if (strcmp(url, PATH) != 0 || strcmp(method, "POST") != 0)
		return err_set(err, ERR_NOT_PAIRED,
			"this machine obeys nobody yet: it takes POST " PATH " only");
	return http_announced_size(connection) > PAIRING_BODY_MAX ? too_large(err) : 0;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **context)
{
	struct pairing_server *s = cls;
	struct pair_request *r = *context;
	(void)version;
	if (!r) {
		*context = r = xcalloc(1, sizeof(*r));
		check_request(connection, url, method, &r->error);
		return r->error && http_refuses_early(connection) ? answer(connection, r, NULL)
								  : MHD_YES;
	}
	if (*size) {
		keep(r, (char *)data, *size);
		*size = 0;
		return r->received > HTTP_DISCARD_MAX ? MHD_NO : MHD_YES;
	}
	if (r->error)
		return answer(connection, r, NULL);
	return s->paired ? MHD_NO : pair(s, connection, r);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode code)
{
	struct pairing_server *s = cls;
	struct pair_request *r = *context;
	(void)connection, (void)code;
	*context = NULL;
	if (!r)
		return;
	if (r->paired)
		atomic_store(&s->done, true);
	if (r->body)
		mem_wipe(r->body, r->len);
	free(r->body);
	err_free(r->error);
	free(r);
}

int pairing_server_start(struct pairing *pairing, const char *cert, const char *key, int listen_fd,
	struct pairing_server **ret, struct error **err)
{
	struct pairing_server *s = xcalloc(1, sizeof(*s));
	s->pairing = pairing;
	/* One thread: tries are made one after the other. */
	s->daemon = MHD_start_daemon(MHD_USE_TLS | MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0,
		NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, listen_fd,
		MHD_OPTION_HTTPS_MEM_CERT, cert, MHD_OPTION_HTTPS_MEM_KEY, key,
		MHD_OPTION_HTTPS_PRIORITIES, tls_priorities, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, s, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_SECONDS,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!s->daemon) {
		close(listen_fd);
		free(s);
		return err_set(err, ERR_SYSTEM, "cannot start the HTTPS server");
	}
	*ret = s;
	return 0;
}

bool pairing_server_done(const struct pairing_server *s)
{
	return atomic_load(&s->done);
}

void pairing_server_stop(struct pairing_server *s)
{
	MHD_stop_daemon(s->daemon);
	free(s);
}
