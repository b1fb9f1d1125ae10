/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS of the server: its key and certificate, and who may connect. TLS 1.2 and 1.3 only, with
 * forward secrecy and AEAD ciphers. A client must show a certificate that chains to the appliance's CA, is
 * valid now and is meant for clients; where pins are given it must also be one of those. The
 * handshake fails otherwise: no byte of a request is read.
 */
#pragma once

#include <gnutls/gnutls.h>
#include <stdint.h>

#include "errors.h"

#define TLS_PIN_SIZE 32

struct tls {
	char *cert, *key, *ca; /* PEM; key is wiped by tls_free() */
	uint8_t (*pins)[TLS_PIN_SIZE];
	size_t n_pins;
};

extern const char tls_priorities[]; /* as gnutls_priority_init() takes it */

/*
 * One a process: it must outlive every session. Reads the files, and checks that the key is the certificate's and that others cannot read it.
 * pins: NULL-terminated, "SHA256:hex" each, colons within hex allowed; NULL: none.
 */
int tls_load(const char *cert_file, const char *key_file, const char *ca_file, char **pins,
	struct tls **ret, struct error **err);
void tls_free(struct tls *tls);
DEFINE_CLEANUP(struct tls *, tls_free);

/* Before the handshake. */
void tls_require_client(gnutls_session_t session);
/* After it: the same check again. ERR_CLIENT_CERTIFICATE. */
int tls_check_client(const struct tls *tls, gnutls_session_t session, struct error **err);
