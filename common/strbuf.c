/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "strbuf.h"

#include <string.h>

#include "mem.h"

static void add(struct strbuf *b, const char *text, size_t len)
{
	if (b->cap - b->len < len + 1) {
		b->cap = (b->cap + len + 16) * 2;
		b->data = xrealloc_array(b->data, b->cap, 1);
	}
	memcpy(b->data + b->len, text, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void strbuf_add_char(struct strbuf *b, char c)
{
	add(b, &c, 1);
}

void strbuf_add(struct strbuf *b, const char *text)
{
	add(b, text, strlen(text));
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	CLEANUP_FREE char *text = xvasprintf(fmt, ap);
	va_end(ap);
	strbuf_add(b, text);
}

void strbuf_truncate(struct strbuf *b, size_t len)
{
	if (len < b->len) {
		b->len = len;
		b->data[len] = '\0';
	}
}

char *strbuf_take(struct strbuf *b)
{
	char *text = b->data ? b->data : xstrdup("");
	*b = (struct strbuf){0};
	return text;
}

void strbuf_done(struct strbuf *b)
{
	free(b->data);
	*b = (struct strbuf){0};
}
