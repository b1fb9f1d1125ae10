/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mem.h"

#include <inttypes.h>
#include <string.h>

static void *checked(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc_array(void *p, size_t n, size_t size)
{
	return checked(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return checked(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return checked(strndup(s, n));
}

void *xmemdup(const void *p, size_t n)
{
	void *copy = xmalloc(n);
	if (n)
		memcpy(copy, p, n);
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *s = NULL;
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	return checked(s);
}

void *mem_alloc(uint64_t size, uint64_t limit, const char *what, struct error **err)
{
	if (size > limit || size > SIZE_MAX) {
		err_set(err, ERR_IMAGE_CORRUPT,
			"%s: size %" PRIu64 " bytes (at most %" PRIu64 " expected)", what, size,
			limit);
		return NULL;
	}
	void *p = calloc(1, size ? (size_t)size : 1);
	if (!p)
		err_errno(err, ERR_NO_MEMORY, ENOMEM, "%s: %" PRIu64 " bytes", what, size);
	return p;
}

void mem_wipe(void *p, size_t n)
{
	if (p && n)
		explicit_bzero(p, n);
}

void mem_wipe_str(char *s)
{
	if (s) {
		mem_wipe(s, strlen(s));
		free(s);
	}
}

bool mem_is_zero(const void *p, size_t n)
{
	const unsigned char *b = p;
	/* The first 16 bytes by hand, then the buffer against itself: memcmp is vectorised. */
	for (size_t i = 0; i < 16; i++) {
		if (i == n)
			return true;
		if (b[i])
			return false;
	}
	return memcmp(b, b + 16, n - 16) == 0;
}
