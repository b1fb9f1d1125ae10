/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text that grows. All-zero is the empty text; strbuf_take() hands the string over. */
#pragma once

#include <stddef.h>

struct strbuf {
	char *data; /* NUL-terminated once something was added */
	size_t len, cap;
};

void strbuf_add_char(struct strbuf *b, char c);
void strbuf_add(struct strbuf *b, const char *text);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_truncate(struct strbuf *b, size_t len);
/* Never NULL; b is empty afterwards. The caller frees. */
char *strbuf_take(struct strbuf *b);
void strbuf_done(struct strbuf *b);
