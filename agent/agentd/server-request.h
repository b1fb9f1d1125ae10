/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One HTTP request from its headers to its reply; server.c calls these in their order. */
#pragma once

#include <microhttpd.h>

#include "routes.h"

struct server_request;

struct server_request *server_request_new(struct agent *agent, struct MHD_Connection *connection,
	const char *method, const char *path);
/* Wipes the body. */
void server_request_free(struct server_request *sr);

/* With the headers: replies now where reading the body would be a waste. */
enum MHD_Result server_request_early(struct server_request *sr);
/* How long the body may take. */
unsigned server_request_body_seconds(const struct server_request *sr);
/* A piece of the body; it is wiped where it lies. False: hang up. */
bool server_request_body(struct server_request *sr, const char *data, size_t size);
/* With everything there. */
enum MHD_Result server_request_answer(struct server_request *sr);

/* Replies with an error, before anything else was done. */
enum MHD_Result server_refuse(
	struct agent *agent, struct MHD_Connection *connection, const struct error *error);
