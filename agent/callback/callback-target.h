/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whom ce-callback tells, and how that one proves who it is: what ce-identity wrote of the document. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "errors.h"

struct callback_target {
	char *url;
	uint16_t port;
	char *ca; /* PEM: the chain leads to it, and the name is the address's; or NULL */
	char *sha256, *sha1; /* lower-case hex of the certificate's DER form; or NULL */
	bool no_host_name_check;
	char *certificate, *key; /* files, PEM: what the worker shows; or NULL */
};

int callback_target_read(const char *file, struct callback_target *ret, struct error **err);
void callback_target_done(struct callback_target *t);
