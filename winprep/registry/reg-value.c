/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reg-value.h"

#include <stdlib.h>
#include <string.h>

#include "le.h"
#include "mem.h"
#include "strbuf.h"
#include "utf16.h"

void reg_value_done(struct reg_value *v)
{
	free(v->data);
	*v = (struct reg_value){0};
}

bool reg_value_equal(const struct reg_value *a, const struct reg_value *b)
{
	return a->type == b->type && a->len == b->len &&
	       (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* Appends text and one NUL as UTF-16LE. */
static void add_utf16(struct reg_value *v, const char *text)
{
	size_t units;
	CLEANUP_FREE uint8_t *p = utf8_to_utf16(text, &units);
	if (!p) {
		fputs("registry text is not UTF-8\n", stderr);
		abort();
	}
	v->data = xrealloc_array(v->data, v->len + units * 2 + 2, 1);
	memcpy(v->data + v->len, p, units * 2);
	v->len += units * 2;
	le16_put(v->data + v->len, 0);
	v->len += 2;
}

static struct reg_value text_value(uint32_t type, const char *text)
{
	struct reg_value v = {.type = type};
	add_utf16(&v, text);
	return v;
}

struct reg_value reg_sz(const char *text)
{
	return text_value(REG_SZ, text);
}

struct reg_value reg_expand_sz(const char *text)
{
	return text_value(REG_EXPAND_SZ, text);
}

struct reg_value reg_multi_sz(const char *const *texts)
{
	struct reg_value v = {.type = REG_MULTI_SZ};
	for (; *texts; texts++)
		add_utf16(&v, *texts);
	v.data = xrealloc_array(v.data, v.len + 2, 1);
	le16_put(v.data + v.len, 0);
	v.len += 2;
	return v;
}

struct reg_value reg_binary(const void *data, size_t len)
{
	return (struct reg_value){
		.type = REG_BINARY, .data = len ? xmemdup(data, len) : NULL, .len = len};
}

struct reg_value reg_dword(uint32_t n)
{
	le32 bytes = le32_make(n);
	struct reg_value v = reg_binary(&bytes, sizeof(bytes));
	v.type = REG_DWORD;
	return v;
}

char *reg_text(const struct reg_value *v)
{
	return utf16_to_utf8(v->data, v->len / 2);
}

char **reg_texts(const struct reg_value *v)
{
	size_t units = v->len / 2, n = 0;
	char **texts = xcalloc(units + 2, sizeof(*texts));
	if (v->type != REG_MULTI_SZ && units) {
		texts[n++] = reg_text(v);
		return texts;
	}
	for (size_t at = 0; at < units && le16_at(v->data + 2 * at) != 0;) {
		size_t end = at;
		while (end < units && le16_at(v->data + 2 * end) != 0)
			end++;
		texts[n++] = utf16_to_utf8(v->data + 2 * at, end - at);
		at = end + 1;
	}
	return texts;
}

void reg_texts_free(char **texts)
{
	for (size_t i = 0; texts && texts[i]; i++)
		free(texts[i]);
	free(texts);
}

bool reg_number(const struct reg_value *v, uint32_t *ret)
{
	if (v->type != REG_DWORD || v->len != 4)
		return false;
	*ret = le32_at(v->data);
	return true;
}

static void describe_binary(struct strbuf *b, const struct reg_value *v)
{
	size_t shown = v->len < 24 ? v->len : 16;
	for (size_t i = 0; i < shown; i++)
		strbuf_addf(b, "%s%02x", i ? " " : "", v->data[i]);
	if (shown < v->len)
		strbuf_addf(b, " … (%zu bytes)", v->len);
}

char *reg_value_describe(const struct reg_value *v)
{
	struct strbuf b = {0};
	uint32_t n;
	if (v->type == REG_SZ || v->type == REG_EXPAND_SZ) {
		CLEANUP_FREE char *text = reg_text(v);
		strbuf_addf(&b, "%s \"%s\"", v->type == REG_SZ ? "sz" : "expand-sz", text);
	} else if (v->type == REG_MULTI_SZ) {
		char **texts = reg_texts(v);
		strbuf_add(&b, "multi-sz");
		for (size_t i = 0; texts[i]; i++)
			strbuf_addf(&b, " \"%s\"", texts[i]);
		reg_texts_free(texts);
	} else if (reg_number(v, &n)) {
		strbuf_addf(&b, "dword 0x%x", n);
	} else {
		strbuf_addf(&b, v->type == REG_BINARY ? "binary " : "type 0x%x ", v->type);
		describe_binary(&b, v);
	}
	return strbuf_take(&b);
}
