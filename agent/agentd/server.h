/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTPS: connections, request bodies, dispatch to the routes. A few threads serve all connections
 * (GnuTLS keeps some memory for every thread that ever used it, for good: a thread a connection
 * would grow without end); a route that takes its time has a thread that never sees TLS. What bounds
 * it:
 *   SERVER_CONNECTIONS        open at once
 *   SERVER_HANDSHAKE_SECONDS  from connecting to the first request's headers
 *   SERVER_BODY_SECONDS       for a request's body
 *   SERVER_UPLOAD_SECONDS     for one that goes to the disk piece by piece
 *   SERVER_IDLE_SECONDS       from one request's end to the next one's headers
 *   SERVER_STALL_SECONDS      with nothing received or sent
 */
#pragma once

#include "http.h"
#include "tls.h"

#define SERVER_CONNECTIONS	 256
#define SERVER_THREADS		 4
#define SERVER_HANDSHAKE_SECONDS 15
#define SERVER_BODY_SECONDS	 60
#define SERVER_UPLOAD_SECONDS	 3600
#define SERVER_IDLE_SECONDS	 120
#define SERVER_STALL_SECONDS	 60

struct server;

/* Takes listen_fd over, failure included; agent and tls are borrowed. */
int server_start(struct agent *agent, const struct tls *tls, int listen_fd, struct server **ret,
	struct error **err);
/* Once a second: closes connections that are too slow. */
void server_tick(struct server *server);
/* No new connections; those that are open go on. */
void server_quiesce(struct server *server);
/* Closes what is open and waits for it. No slow route may wait for anything any more, and no stream
 * may be suspended. */
void server_stop(struct server *server);
