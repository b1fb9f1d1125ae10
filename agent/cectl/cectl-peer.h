/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An agent that is known by its certificate's fingerprint, as its console shows it, and by nothing else: no
 * authority vouches for it, its name and the clock do not matter.
 */
#pragma once

#include <curl/curl.h>

#include "errors.h"

struct peer {
	char *fingerprint; /* "SHA256:" and 64 hexadecimal digits, lower case */
	char *pin;	   /* of its key, as CURLOPT_PINNEDPUBLICKEY takes it */
};
void peer_done(struct peer *p);

/* The certificate of whoever answers at the handle's URL; only the TLS handshake is made. */
int peer_look(CURL *curl, const char *server, struct peer *ret, struct error **err);
/* From here on the handle talks to the holder of that certificate's key alone. ERR_AGENT_CERTIFICATE. */
int peer_pin(CURL *curl, const char *server, const char *fingerprint, struct error **err);
/* As people write it: either case, with or without "SHA256:", colons and spaces. The caller frees. */
int fingerprint_parse(const char *text, char **ret, struct error **err);
