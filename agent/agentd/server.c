/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "logging.h"
#include "mem.h"
#include "op.h"
#include "server-request.h"

#define STACK_SIZE   (512u << 10)
#define SLOW_POLL_US 10000

/* An open connection. */
struct conn {
	struct conn *next, *prev;
	int fd;
	int64_t deadline_us; /* 0: a request is being answered */
	bool checked;	     /* the client's certificate, once more */
};

struct server {
	struct agent *agent;
	const struct tls *tls;
	struct MHD_Daemon *daemon;
	int listen_fd;	      /* once quiesced; else -1 */
	pthread_mutex_t lock; /* a leaf: the list and the deadlines */
	struct conn *conns;
};

static void set_deadline(struct server *s, struct conn *c, unsigned seconds)
{
	pthread_mutex_lock(&s->lock);
	c->deadline_us = seconds ? op_now_us() + seconds * INT64_C(1000000) : 0;
	pthread_mutex_unlock(&s->lock);
}

static gnutls_session_t session_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
}

static struct conn *conn_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
}

static struct conn *conn_new(struct server *s, struct MHD_Connection *connection)
{
	struct conn *c = xcalloc(1, sizeof(*c));
	c->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	set_deadline(s, c, SERVER_HANDSHAKE_SECONDS);
	pthread_mutex_lock(&s->lock);
	c->next = s->conns;
	if (c->next)
		c->next->prev = c;
	s->conns = c;
	pthread_mutex_unlock(&s->lock);
	return c;
}

/* Called before the socket is closed: no other connection has its number yet. */
static void conn_free(struct server *s, struct conn *c)
{
	pthread_mutex_lock(&s->lock);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	pthread_mutex_unlock(&s->lock);
	free(c);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct server *s = cls;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		tls_require_client(session_of(connection));
		*context = conn_new(s, connection);
		atomic_fetch_add(&s->agent->connections, 1);
	} else if (*context) {
		conn_free(s, *context);
		*context = NULL;
		atomic_fetch_sub(&s->agent->connections, 1);
	}
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode code)
{
	struct server *s = cls;
	struct server_request *sr = *context;
	(void)code;
	*context = NULL;
	if (sr)
		server_request_free(sr);
	set_deadline(s, conn_of(connection), SERVER_IDLE_SECONDS);
}

/* The handshake let nobody else in; a mistake there must not open the door. */
static int check_client(struct server *s, struct MHD_Connection *connection, struct error **err)
{
	struct conn *c = conn_of(connection);
	if (!c->checked && tls_check_client(s->tls, session_of(connection), err) < 0)
		return -1;
	c->checked = true;
	return 0;
}

/*
 * Called with the headers (context NULL), for each piece of the body (size not 0), and at the end
 * (size 0). A reply can be given first or last, not in between.
 */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **context)
{
	struct server *s = cls;
	struct server_request *sr = *context;
	(void)version;
	if (!sr) {
		CLEANUP_ERR struct error *err = NULL;
		if (check_client(s, connection, &err) < 0)
			return server_refuse(s->agent, connection, err);
		*context = sr = server_request_new(s->agent, connection, method, url);
		set_deadline(s, conn_of(connection), server_request_body_seconds(sr));
		return server_request_early(sr);
	}
	if (*size) {
		bool more = server_request_body(sr, data, *size);
		*size = 0;
		return more ? MHD_YES : MHD_NO;
	}
	set_deadline(s, conn_of(connection), 0);
	return server_request_answer(sr);
}

/* A NUL in the middle would end a path early: it stays as it is written. */
static size_t unescape(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls;
	(void)connection;
	if (strstr(text, "%00"))
		return strlen(text);
	return MHD_http_unescape(text);
}

static void on_message(void *cls, const char *fmt, va_list ap)
{
	(void)cls;
	CLEANUP_FREE char *text = xvasprintf(fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug("http: %s", text);
}

int server_start(struct agent *agent, const struct tls *tls, int listen_fd, struct server **ret,
	struct error **err)
{
	struct server *s = xcalloc(1, sizeof(*s));
	s->agent = agent;
	s->tls = tls;
	s->listen_fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	s->daemon = MHD_start_daemon(MHD_USE_TLS | MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC |
					     MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
		0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL,
		MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_HTTPS_MEM_CERT, tls->cert,
		MHD_OPTION_HTTPS_MEM_KEY, tls->key, MHD_OPTION_HTTPS_MEM_TRUST, tls->ca,
		MHD_OPTION_HTTPS_PRIORITIES, tls_priorities, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
		MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_THREAD_POOL_SIZE,
		(unsigned)SERVER_THREADS, MHD_OPTION_CONNECTION_LIMIT, (unsigned)SERVER_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SERVER_STALL_SECONDS,
		MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_SIZE, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_END);
	if (!s->daemon) {
		pthread_mutex_destroy(&s->lock);
		free(s);
		return err_set(err, ERR_SYSTEM, "cannot start the HTTPS server");
	}
	*ret = s;
	return 0;
}

void server_tick(struct server *s)
{
	int64_t now = op_now_us();
	pthread_mutex_lock(&s->lock);
	for (struct conn *c = s->conns; c; c = c->next) {
		if (c->deadline_us && now > c->deadline_us) {
			shutdown(c->fd, SHUT_RDWR);
			c->deadline_us = 0;
		}
	}
	pthread_mutex_unlock(&s->lock);
}

void server_quiesce(struct server *s)
{
	s->listen_fd = MHD_quiesce_daemon(s->daemon);
}

void server_stop(struct server *s)
{
	/* A suspended connection cannot be closed; these are about to end. */
	while (s->agent->slow)
		usleep(SLOW_POLL_US);
	MHD_stop_daemon(s->daemon);
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
