/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTPS for a machine that nobody has paired with: no client certificate, one path, little memory and
 * few connections for strangers. The agent proper (server.h) never runs in this process.
 */
#pragma once

#include <stdbool.h>

#include "pairing.h"

struct pairing_server;

/* Takes listen_fd over, failure included; pairing, cert and key (PEM) are borrowed. */
int pairing_server_start(struct pairing *pairing, const char *cert, const char *key, int listen_fd,
	struct pairing_server **ret, struct error **err);
/* Somebody has paired and has the answer. */
bool pairing_server_done(const struct pairing_server *s);
void pairing_server_stop(struct pairing_server *s);
