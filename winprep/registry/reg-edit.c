/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reg-edit.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "strbuf.h"

static bool list_has(char *const *texts, const char *text)
{
	for (; *texts; texts++)
		if (strcasecmp(*texts, text) == 0)
			return true;
	return false;
}

static bool list_add(const struct action *a, const struct reg_value *old, struct reg_value *ret)
{
	struct reg_value none = {.type = REG_MULTI_SZ};
	char **texts = reg_texts(old ? old : &none);
	bool change = !list_has(texts, a->text);
	if (change) {
		size_t n = 0;
		while (texts[n])
			n++;
		const char **v = xcalloc(n + 2, sizeof(*v));
		memcpy(v + a->at_front, texts, n * sizeof(*v));
		v[a->at_front ? 0 : n] = a->text;
		*ret = reg_multi_sz(v);
		free(v);
	}
	reg_texts_free(texts);
	return change;
}

static bool list_remove(const struct action *a, const struct reg_value *old, struct reg_value *ret)
{
	if (!old)
		return false;
	char **texts = reg_texts(old);
	bool change = list_has(texts, a->text);
	size_t kept = 0;
	const char **v = NULL;
	for (size_t i = 0; change && texts[i]; i++) {
		v = xrealloc_array(v, i + 2, sizeof(*v));
		if (strcasecmp(texts[i], a->text) != 0)
			v[kept++] = texts[i];
		v[kept] = NULL;
	}
	if (kept)
		*ret = reg_multi_sz(v);
	free(v);
	reg_texts_free(texts);
	return change;
}

static bool token_remove(const struct action *a, const struct reg_value *old, struct reg_value *ret)
{
	if (!old || (old->type != REG_SZ && old->type != REG_EXPAND_SZ))
		return false;
	CLEANUP_FREE char *text = reg_text(old);
	struct strbuf b = {0};
	bool change = false, first = true;
	char *rest = text, *word;
	while ((word = strsep(&rest, ","))) {
		if (strcasecmp(word, a->text) == 0) {
			change = true;
			continue;
		}
		if (!first)
			strbuf_add_char(&b, ',');
		strbuf_add(&b, word);
		first = false;
	}
	CLEANUP_FREE char *left = strbuf_take(&b);
	if (change) {
		*ret = reg_sz(left);
		ret->type = old->type;
	}
	return change;
}

/* Bit 0 is the highest of byte 0: oem0.inf in OemInfMap. */
static bool bit_edit(const struct action *a, const struct reg_value *old, struct reg_value *ret)
{
	size_t byte = a->bit / 8, len = old ? old->len : 0;
	uint8_t mask = (uint8_t)(0x80 >> a->bit % 8);
	bool on = byte < len && old->data[byte] & mask;
	if (on == a->bit_on)
		return false;
	size_t size = byte < len ? len : byte + 1;
	uint8_t *data = xcalloc(size, 1);
	if (len)
		memcpy(data, old->data, len);
	data[byte] = (uint8_t)(a->bit_on ? data[byte] | mask : data[byte] & ~mask);
	*ret = (struct reg_value){.type = REG_BINARY, .data = data, .len = size};
	return true;
}

bool reg_edit(const struct action *edit, const struct reg_value *old, struct reg_value *ret)
{
	if (edit->kind == ACT_REG_LIST_ADD)
		return list_add(edit, old, ret);
	if (edit->kind == ACT_REG_LIST_REMOVE)
		return list_remove(edit, old, ret);
	if (edit->kind == ACT_REG_TOKEN_REMOVE)
		return token_remove(edit, old, ret);
	return edit->kind == ACT_REG_BITS && bit_edit(edit, old, ret);
}

static int apply_edit(const struct action *a, struct hive *h, hive_node node, struct error **err)
{
	CLEANUP_REG_VALUE struct reg_value old = {0}, changed = {0};
	int found = hive_get(h, node, a->name, &old, err);
	if (found < 0)
		return -1;
	if (!reg_edit(a, found ? &old : NULL, &changed))
		return 0;
	if (changed.type == REG_NONE)
		return hive_unset(h, node, a->name, err);
	return hive_set(h, node, a->name, &changed, err);
}

int action_apply_reg(const struct action *a, struct hive *h, struct error **err)
{
	hive_node node = hive_find(h, hive_root(h), a->path);
	if (a->kind == ACT_REG_DELETE_KEY)
		return node ? hive_delete(h, node, err) : 0;
	if (a->kind == ACT_REG_UNSET)
		return node ? hive_unset(h, node, a->name, err) : 0;
	if (!node && (a->kind == ACT_REG_LIST_REMOVE || a->kind == ACT_REG_TOKEN_REMOVE))
		return 0; /* the key went with another action */
	if (!node && hive_make(h, hive_root(h), a->path, &node, err) < 0)
		return -1;
	if (a->kind == ACT_REG_MAKE_KEY)
		return 0;
	if (a->kind == ACT_REG_SET)
		return hive_set(h, node, a->name, &a->value, err);
	return apply_edit(a, h, node, err);
}
