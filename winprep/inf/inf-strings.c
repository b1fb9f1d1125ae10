/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inf.h"

#include <string.h>
#include <strings.h>

#include "mem.h"
#include "strbuf.h"

static const struct inf_line *find_string(const struct inf *inf, const char *token)
{
	static const char *const preferred[] = {"Strings.0409", "Strings"};
	for (size_t i = 0; i < ARRAY_SIZE(preferred); i++) {
		const struct inf_line *l = inf_line(inf_section(inf, preferred[i]), token);
		if (l)
			return l;
	}
	for (size_t i = 0; i < inf->n; i++) {
		if (strncasecmp(inf->sections[i].name, "Strings.", 8) != 0)
			continue;
		const struct inf_line *l = inf_line(&inf->sections[i], token);
		if (l)
			return l;
	}
	return NULL;
}

/* A string's text may hold commas outside of quotes: all fields of its line belong to it. */
static size_t string_size(const struct inf_line *l)
{
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++)
		n += strlen(l->fields[i]) + 1;
	return n;
}

static void add_string(struct strbuf *b, const struct inf_line *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			strbuf_add_char(b, ',');
		strbuf_add(b, l->fields[i]);
	}
}

/* Tokens of tokens would be a way to fill all memory: past these a text stays as it is. */
#define TOKENS_MAX 64u
#define TEXT_MAX   8192u

char *inf_expand(const struct inf *inf, const char *text)
{
	struct strbuf b = {0};
	unsigned tokens = 0;
	for (const char *p = text; *p; p++) {
		bool more = *p == '%' && tokens < TOKENS_MAX && b.len < TEXT_MAX;
		const char *end = more ? strchr(p + 1, '%') : NULL;
		tokens += end != NULL;
		if (!end) {
			strbuf_add_char(&b, *p);
			continue;
		}
		CLEANUP_FREE char *token = xstrndup(p + 1, (size_t)(end - p - 1));
		const struct inf_line *l = *token ? find_string(inf, token) : NULL;
		if (!*token) {
			strbuf_add_char(&b, '%');
		} else if (l && string_size(l) <= TEXT_MAX) {
			add_string(&b, l);
		} else {
			/* Not a token after all: "%SystemRoot%", or a lone percent sign. */
			strbuf_add_char(&b, '%');
			continue;
		}
		p = end;
	}
	return strbuf_take(&b);
}
