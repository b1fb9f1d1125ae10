/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The copy engine's buffers: one block of shared memory (a memfd), so that a writer in another process
 * sees what the reader put there without a copy. Page-aligned: direct I/O works on them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "errors.h"

struct pool {
	int fd; /* the memfd; a child process maps it whole */
	uint8_t *base;
	size_t buf_size; /* bytes of one buffer, a multiple of 4096 */
	unsigned n;
};

int pool_init(struct pool *p, unsigned n, size_t buf_size, struct error **err);
void pool_done(struct pool *p);

static inline uint8_t *pool_buf(const struct pool *p, unsigned i)
{
	return p->base + (size_t)i * p->buf_size;
}
