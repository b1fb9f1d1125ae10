/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pairing: an agent without an enrolment document obeys nobody and takes one request, from whoever can read
 * the code off the machine's console: POST /v1/$pair with the code and a document. After PAIRING_TRIES wrong codes
 * none is right any more, until the machine starts again and shows another.
 */
#pragma once

#include "enrolment.h"

#define PAIRING_TRIES	 5
#define PAIRING_BODY_MAX (ENROLMENT_SIZE_MAX + 4096)

struct pairing;

/* dir: where ce-identity put identity.json, with the code, and where the enrolment goes. The machine's own
 * certificate and key stay where the document brings none. */
int pairing_open(const char *dir, const char *cert_file, const char *key_file, struct pairing **ret,
	struct error **err);
void pairing_free(struct pairing *p);
DEFINE_CLEANUP(struct pairing *, pairing_free);

/*
 * One body. 0: the enrolment is written, *ret_fingerprint (the caller frees) is the server's from now on.
 * ERR_PAIRING_CODE, ERR_PAIRING_LOCKED; ERR_ENROLMENT_INVALID where the code is right. One thread at a time.
 */
int pairing_try(struct pairing *p, const char *body, size_t len, char **ret_fingerprint,
	struct error **err);
