/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SHA-256 of what is sent or received: what ce-agentd and cectl have in common there. */
#pragma once

#include <stddef.h>

#include "errors.h"

#define SHA256_SIZE	32
#define SHA256_HEX_SIZE (2 * SHA256_SIZE + 1)

struct sha256;

int sha256_new(struct sha256 **ret, struct error **err);
void sha256_free(struct sha256 *h);
DEFINE_CLEANUP(struct sha256 *, sha256_free);

int sha256_add(struct sha256 *h, const void *data, size_t len, struct error **err);
/* Of all that was added; lower case. The next one begins anew. */
void sha256_end(struct sha256 *h, char ret[static SHA256_HEX_SIZE]);

/* 64 hexadecimal digits of either case, made lower case; false where text is none. */
bool sha256_from_hex(const char *text, char ret[static SHA256_HEX_SIZE]);
/* The "sha-256" of a Repr-Digest or Content-Digest header (RFC 9530); false where it has none. */
bool sha256_from_digest(const char *header, char ret[static SHA256_HEX_SIZE]);
