/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hashes of what is in memory; disks: copy.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "errors.h"

#define DIGEST_MAX 64

struct digest_piece {
	const void *data;
	size_t len;
};

/* algorithm: "SHA1", "SHA256". The pieces as if they were one. */
int digest_pieces(const char *algorithm, const struct digest_piece *v, size_t n,
	uint8_t ret[static DIGEST_MAX], size_t *ret_len, struct error **err);
