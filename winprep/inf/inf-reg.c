/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inf-reg.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "le.h"
#include "mem.h"

/* Flags of an AddReg line. The type: bit 0 and the high half. */
enum {
	FLAG_BINARY = 0x1,
	FLAG_NOCLOBBER = 0x2,
	FLAG_DELVAL = 0x4,
	FLAG_APPEND = 0x8,
	FLAG_KEYONLY = 0x10,
	FLAG_OVERWRITEONLY = 0x20,
	FLAG_KEYONLY_COMMON = 0x2000,
};

void inf_regs_done(struct inf_regs *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].key);
		free(r->v[i].name);
		reg_value_done(&r->v[i].value);
	}
	free(r->v);
	*r = (struct inf_regs){0};
}

void inf_regs_push(struct inf_regs *r, struct inf_reg reg)
{
	if ((r->n & (r->n - 1)) == 0) /* 0, 1, 2, 4 …: room for twice as many */
		r->v = xrealloc_array(r->v, r->n ? r->n * 2 : 1, sizeof(*r->v));
	r->v[r->n++] = reg;
}

bool inf_regs_is_last(const struct inf_regs *r, size_t i)
{
	const struct inf_reg *a = &r->v[i];
	for (size_t k = i + 1; k < r->n; k++) {
		const struct inf_reg *b = &r->v[k];
		if ((a->kind == INF_REG_KEY) == (b->kind == INF_REG_KEY) &&
			strcasecmp(a->key, b->key) == 0 &&
			(a->kind == INF_REG_KEY || strcasecmp(a->name, b->name) == 0))
			return false;
	}
	return true;
}

/* A number, also with a sign; false where the text is none. */
static bool any_number(const char *text, uint32_t *ret)
{
	bool minus = *text == '-';
	if (!inf_number(text + minus, ret))
		return false;
	if (minus)
		*ret = -*ret;
	return true;
}

/* The registry type that flags name; false: none we know. */
static bool flag_type(uint32_t flags, uint32_t *ret)
{
	static const struct {
		uint32_t flags, type;
	} types[] = {{0, REG_SZ}, {FLAG_BINARY, REG_BINARY}, {0x10000, REG_MULTI_SZ},
		{0x20000, REG_EXPAND_SZ}, {0x10001, REG_DWORD}, {0x20001, REG_NONE},
		{0xb0001, REG_QWORD}, {0x40001, REG_DWORD}, {0x30001, REG_BINARY}};
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].flags == (flags & 0xffff0001)) {
			*ret = types[i].type;
			return true;
		}
	return false;
}

/* Fields from the fifth on, as bytes: "00,1f,ff". */
static bool bytes_value(const struct inf *inf, const struct inf_line *l, struct reg_value *v)
{
	size_t n = l->n > 4 ? l->n - 4 : 0;
	uint8_t *data = n ? xmalloc(n) : NULL;
	bool ok = true;
	for (size_t i = 0; ok && i < n; i++) {
		CLEANUP_FREE char *text = inf_text(inf, l, i + 4);
		char *end;
		unsigned long byte = strtoul(text, &end, 16);
		ok = (!*end && byte <= 0xff && end != text) || (!*text && i + 1 == n);
		data[i] = (uint8_t)byte;
	}
	if (!ok) {
		free(data);
		return false;
	}
	v->data = data;
	v->len = n;
	return true;
}

/* One number, or the four bytes of one. */
static bool number_value(const struct inf *inf, const struct inf_line *l, struct reg_value *v)
{
	uint32_t type = v->type, n = 0;
	CLEANUP_FREE char *text = inf_text(inf, l, 4);
	if (l->n == 8 && type == REG_DWORD)
		return bytes_value(inf, l, v);
	if (*text && !any_number(text, &n))
		return false;
	*v = reg_dword(n);
	if (type == REG_QWORD) {
		v->type = type;
		v->data = xrealloc_array(v->data, 8, 1);
		le64_put(v->data, n);
		v->len = 8;
	}
	return true;
}

static bool texts_value(const struct inf *inf, const struct inf_line *l, struct reg_value *v)
{
	size_t n = 0, fields = l->n > 4 ? l->n - 4 : 0;
	char **texts = xcalloc(fields + 1, sizeof(*texts));
	for (size_t i = 0; i < fields; i++) {
		texts[n] = inf_text(inf, l, i + 4);
		if (*texts[n])
			n++;
		else
			free(texts[n]);
		texts[n] = NULL;
	}
	*v = reg_multi_sz((const char *const *)texts);
	reg_texts_free(texts);
	return true;
}

static bool line_value(
	const struct inf *inf, const struct inf_line *l, uint32_t flags, struct reg_value *v)
{
	if (!flag_type(flags, &v->type))
		return false;
	if (v->type == REG_DWORD || v->type == REG_QWORD)
		return number_value(inf, l, v);
	if (v->type == REG_BINARY || v->type == REG_NONE)
		return bytes_value(inf, l, v);
	if (v->type == REG_MULTI_SZ)
		return texts_value(inf, l, v);
	CLEANUP_FREE char *text = inf_text(inf, l, 4);
	*v = v->type == REG_SZ ? reg_sz(text) : reg_expand_sz(text);
	return true;
}

static enum inf_reg_kind line_kind(uint32_t flags, bool del)
{
	if (del || flags & FLAG_DELVAL)
		return INF_REG_DELETE;
	if (flags & (FLAG_KEYONLY | FLAG_KEYONLY_COMMON))
		return INF_REG_KEY;
	if (flags & FLAG_APPEND)
		return INF_REG_APPEND;
	return flags & FLAG_NOCLOBBER ? INF_REG_SET_NEW : INF_REG_SET;
}

/* Backslashes around a key's path have no meaning. */
static char *clean_key(char *key)
{
	size_t from = strspn(key, "\\"), len = strlen(key);
	while (len > from && key[len - 1] == '\\')
		len--;
	char *clean = xstrndup(key + from, len - from);
	free(key);
	return clean;
}

static void add_line(struct inf_regs *r, const struct inf *inf, const struct inf_line *l, bool del,
	struct inf_reg_skips *skips)
{
	uint32_t flags = 0;
	CLEANUP_FREE char *flags_text = inf_text(inf, l, 3);
	/* "HKR, key, 0x00000010" without the empty field is a value of that name: so Windows has it. */
	bool ok = !*flags_text || inf_number(flags_text, &flags);
	struct inf_reg reg = {.kind = line_kind(flags, del)};
	if (ok && flags & FLAG_OVERWRITEONLY)
		return; /* there is nothing yet that could be overwritten */
	if (ok && (reg.kind == INF_REG_SET || reg.kind == INF_REG_SET_NEW ||
			  reg.kind == INF_REG_APPEND))
		ok = line_value(inf, l, flags, &reg.value);
	if (!ok) {
		skips->unclear++;
		return;
	}
	reg.key = clean_key(inf_text(inf, l, 1));
	reg.name = inf_text(inf, l, 2);
	skips->bytes += reg.value.len;
	inf_regs_push(r, reg);
}

void inf_regs_add(struct inf_regs *r, const struct inf *inf, const struct inf_section *s, bool del,
	struct inf_reg_skips *skips)
{
	for (size_t i = 0; s && i < s->n; i++) {
		const struct inf_line *l = &s->lines[i];
		CLEANUP_FREE char *root = inf_text(inf, l, 0);
		if (l->key || strcasecmp(root, "HKR") != 0)
			skips->other_roots++;
		else
			add_line(r, inf, l, del, skips);
	}
}
