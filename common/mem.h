/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory. Small objects come from the x functions, which end the process when memory is gone: a
 * worker that ends so is a failed job, the agent is restarted by its supervisor. Whatever a guest's
 * bytes size goes through mem_alloc(), which has a limit and returns an error.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "errors.h"

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc_array(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
void *xmemdup(const void *p, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/*
 * A zeroed buffer whose size comes from outside. size over limit: ERR_IMAGE_CORRUPT naming what
 * and both numbers. Returns NULL with *err set on failure.
 */
void *mem_alloc(uint64_t size, uint64_t limit, const char *what, struct error **err);

/* Overwrites a secret in a way the compiler keeps. */
void mem_wipe(void *p, size_t n);
/* Wipes and frees a NUL-terminated secret; NULL is fine. */
void mem_wipe_str(char *s);
/* Whether n bytes are all zero (n = 0: true). */
bool mem_is_zero(const void *p, size_t n);
