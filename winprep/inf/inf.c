/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "inf-text.h"
#include "mem.h"
#include "strbuf.h"

/* ---- one line ---- */

struct reader {
	struct inf *inf;
	const char *p; /* what is left of the text */
	unsigned line; /* number of the line at p */
	unsigned lines_total;
	struct inf_section *section;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' || c == 0x1a;
}

/*
 * A value up to the character that ends it (one of stop, a comment or the line's end), blanks around
 * it cut, quotes taken away. A backslash that ends a line joins it with the next. Leaves *r->p at what
 * ended the value.
 */
static char *read_value(struct reader *r, const char *stop, bool *ret_quoted)
{
	struct strbuf b = {0};
	size_t keep = 0; /* length up to the last character that is not a trailing blank */
	bool quoted = false;
	for (; *r->p && *r->p != '\n'; r->p++) {
		char c = *r->p;
		if (c == '"') {
			if (quoted && r->p[1] == '"') {
				strbuf_add_char(&b, '"');
				r->p++;
			} else {
				quoted = !quoted;
				*ret_quoted = true;
			}
			keep = b.len;
			continue;
		}
		if (!quoted && (c == ';' || strchr(stop, c)))
			break;
		if (!quoted && c == '\\' && inf_text_joins_lines(r->p)) {
			r->p = strchr(r->p, '\n');
			r->line++;
			continue;
		}
		if (!quoted && is_blank(c) && b.len == 0)
			continue;
		strbuf_add_char(&b, c);
		if (quoted || !is_blank(c))
			keep = b.len;
	}
	strbuf_truncate(&b, keep);
	return strbuf_take(&b);
}

static void skip_line(struct reader *r)
{
	while (*r->p && *r->p != '\n')
		r->p++;
	if (*r->p) {
		r->p++;
		r->line++;
	}
}

static struct inf_line *add_line(struct inf_section *s, unsigned number)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 8;
		s->lines = xrealloc_array(s->lines, s->cap, sizeof(*s->lines));
	}
	struct inf_line *l = &s->lines[s->n++];
	*l = (struct inf_line){.number = number};
	return l;
}

static void add_field(struct inf_line *l, char *text)
{
	if ((l->n & (l->n - 1)) == 0) /* 0, 1, 2, 4, 8 …: room for twice as many */
		l->fields = xrealloc_array(l->fields, l->n ? l->n * 2 : 1, sizeof(*l->fields));
	l->fields[l->n++] = text;
}

static void read_line(struct reader *r)
{
	unsigned number = r->line;
	bool quoted = false;
	char *value = read_value(r, "=,", &quoted);
	if (!*value && !quoted && *r->p != '=' && *r->p != ',') {
		free(value);
		return;
	}
	struct inf_line *l = add_line(r->section, number);
	if (*r->p == '=') {
		l->key = value;
		r->p++;
		value = read_value(r, ",", &quoted);
	}
	add_field(l, value);
	while (*r->p == ',') {
		r->p++;
		add_field(l, read_value(r, ",", &quoted));
	}
}

/* ---- sections ---- */

static struct inf_section *find_section(const struct inf *inf, const char *name)
{
	for (size_t i = 0; i < inf->n; i++)
		if (strcasecmp(inf->sections[i].name, name) == 0)
			return &inf->sections[i];
	return NULL;
}

/* The section of that name, made where it is new; takes name over. */
static struct inf_section *open_section(struct inf *inf, char *name)
{
	struct inf_section *s = find_section(inf, name);
	if (s) {
		free(name);
		return s;
	}
	if (inf->n == inf->cap) {
		inf->cap = inf->cap ? inf->cap * 2 : 32;
		inf->sections = xrealloc_array(inf->sections, inf->cap, sizeof(*inf->sections));
	}
	s = &inf->sections[inf->n++];
	*s = (struct inf_section){.name = name};
	return s;
}

static int read_header(struct reader *r, struct error **err)
{
	unsigned number = r->line;
	bool quoted = false;
	if (r->inf->n >= INF_SECTIONS_MAX)
		return err_set(err, ERR_INF_INVALID, "\"%s\": more than %u sections", r->inf->name,
			INF_SECTIONS_MAX);
	r->p++;
	char *name = read_value(r, "]", &quoted);
	if (*r->p != ']') {
		err_set(err, ERR_INF_INVALID,
			"\"%s\" line %u: section header \"[%.60s\" does not end", r->inf->name,
			number, name);
		free(name);
		return -1;
	}
	r->section = open_section(r->inf, name);
	return 0;
}

static int read_text(struct reader *r, struct error **err)
{
	while (*r->p) {
		while (is_blank(*r->p))
			r->p++;
		if (*r->p == '[') {
			if (read_header(r, err) < 0)
				return -1;
		} else if (r->section && *r->p && *r->p != ';' && *r->p != '\n') {
			/* Text before the first section stands in signed packages: it has no meaning. */
			read_line(r);
		}
		skip_line(r);
		if (++r->lines_total > INF_LINES_MAX)
			return err_set(err, ERR_INF_INVALID, "\"%s\": more than %u lines",
				r->inf->name, INF_LINES_MAX);
	}
	return 0;
}

int inf_parse(struct inf **ret, const void *data, size_t size, const char *name, struct error **err)
{
	if (size > INF_SIZE_MAX)
		return err_set(err, ERR_INF_INVALID, "\"%s\": %zu bytes (at most %u expected)",
			name, size, INF_SIZE_MAX);
	struct inf *inf CLEANUP(inf_free_p) = xcalloc(1, sizeof(*inf));
	inf->name = xstrdup(name);
	for (char *p = inf->name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	CLEANUP_FREE char *text = inf_text_decode(data, size);
	struct reader r = {.inf = inf, .p = text, .line = 1};
	if (read_text(&r, err) < 0)
		return -1;
	if (!inf_section(inf, "Version"))
		return err_set(err, ERR_INF_INVALID, "\"%s\" has no [Version] section", name);
	*ret = TAKE_PTR(inf);
	return 0;
}

void inf_free(struct inf *inf)
{
	if (!inf)
		return;
	for (size_t i = 0; i < inf->n; i++) {
		struct inf_section *s = &inf->sections[i];
		for (size_t k = 0; k < s->n; k++) {
			free(s->lines[k].key);
			for (size_t f = 0; f < s->lines[k].n; f++)
				free(s->lines[k].fields[f]);
			free(s->lines[k].fields);
		}
		free(s->lines);
		free(s->name);
	}
	free(inf->sections);
	free(inf->name);
	free(inf);
}

/* ---- looking things up ---- */

const struct inf_section *inf_section(const struct inf *inf, const char *name)
{
	return find_section(inf, name);
}

const struct inf_section *inf_section_suffixed(
	const struct inf *inf, const char *name, const char *suffix)
{
	CLEANUP_FREE char *whole = xasprintf("%s.%s", name, suffix);
	return find_section(inf, whole);
}

const struct inf_line *inf_line(const struct inf_section *section, const char *key)
{
	for (size_t i = 0; section && i < section->n; i++)
		if (section->lines[i].key && strcasecmp(section->lines[i].key, key) == 0)
			return &section->lines[i];
	return NULL;
}

const char *inf_field(const struct inf_line *line, size_t i)
{
	return line && i < line->n ? line->fields[i] : "";
}

char *inf_text(const struct inf *inf, const struct inf_line *line, size_t i)
{
	return inf_expand(inf, inf_field(line, i));
}

bool inf_number(const char *text, uint32_t *ret)
{
	bool hex = text[0] == '0' && (text[1] | 0x20) == 'x';
	char *end;
	errno = 0;
	unsigned long n = strtoul(text, &end, hex ? 16 : 10);
	if (errno || end == text || *end || !isdigit((unsigned char)text[0]) || n > UINT32_MAX)
		return false;
	*ret = (uint32_t)n;
	return true;
}
