/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "reg-edit.h"

static const char *const hive_names[] = {[HIVE_SYSTEM] = "SYSTEM",
	[HIVE_SOFTWARE] = "SOFTWARE",
	[HIVE_DRIVERS] = "DRIVERS",
	[HIVE_DEFAULT] = "DEFAULT",
	[HIVE_BCD] = "BCD"};

static const char *const kind_names[] = {[ACT_REG_SET] = "reg-set",
	[ACT_REG_UNSET] = "reg-unset",
	[ACT_REG_DELETE_KEY] = "reg-delete-key",
	[ACT_REG_MAKE_KEY] = "reg-make-key",
	[ACT_REG_LIST_ADD] = "reg-list-add",
	[ACT_REG_LIST_REMOVE] = "reg-list-remove",
	[ACT_REG_TOKEN_REMOVE] = "reg-token-remove",
	[ACT_REG_BITS] = "reg-bit",
	[ACT_FILE_PUT] = "file-put",
	[ACT_FILE_DELETE] = "file-delete"};

const char *hive_id_name(enum hive_id id)
{
	return hive_names[id];
}

const char *action_kind_name(enum action_kind kind)
{
	return kind_names[kind];
}

bool action_adds_up(enum action_kind kind)
{
	return kind == ACT_REG_LIST_ADD || kind == ACT_REG_LIST_REMOVE ||
	       kind == ACT_REG_TOKEN_REMOVE || kind == ACT_REG_BITS;
}

void plan_truncate(struct plan *p, size_t n)
{
	while (p->n > n) {
		struct action *a = &p->v[--p->n];
		free(a->path);
		free(a->name);
		free(a->text);
		free(a->why);
		free(a->data);
		reg_value_done(&a->old_value);
		reg_value_done(&a->value);
	}
}

void plan_done(struct plan *p)
{
	plan_truncate(p, 0);
	free(p->v);
	json_decref(p->notes);
	*p = (struct plan){0};
}

void plan_note(struct plan *p, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	CLEANUP_FREE char *message = xvasprintf(fmt, ap);
	va_end(ap);
	if (!p->notes)
		p->notes = json_array();
	json_array_append_new(p->notes,
		json_pack("{s:s, s:s}", "step", p->step ? p->step : "", "message", message));
}

static struct action *append(
	struct plan *p, enum action_kind kind, const char *path, const char *why)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 64;
		p->v = xrealloc_array(p->v, p->cap, sizeof(*p->v));
	}
	struct action *a = &p->v[p->n++];
	*a = (struct action){.kind = kind,
		.step = p->step,
		.path = xstrdup(path),
		.why = xstrdup(why),
		.result = "planned"};
	return a;
}

static struct action *append_reg(struct plan *p, enum action_kind kind, enum hive_id id,
	const char *key, const char *name, const char *why)
{
	struct action *a = append(p, kind, key, why);
	a->hive = id;
	a->name = name ? xstrdup(name) : NULL;
	return a;
}

static int get(struct hive *h, const char *key, const char *name, struct reg_value *ret,
	struct error **err)
{
	return hive_get(h, hive_find(h, hive_root(h), key), name, ret, err);
}

int plan_reg_set(struct plan *p, struct hive *h, enum hive_id id, const char *key, const char *name,
	struct reg_value value, const char *why, struct error **err)
{
	struct reg_value old = {0};
	int found = get(h, key, name, &old, err);
	if (found < 0 || (found && reg_value_equal(&old, &value))) {
		reg_value_done(&old);
		reg_value_done(&value);
		return found < 0 ? -1 : 0;
	}
	struct action *a = append_reg(p, ACT_REG_SET, id, key, name, why);
	a->old_value = old;
	a->value = value;
	return 0;
}

int plan_reg_unset(struct plan *p, struct hive *h, enum hive_id id, const char *key,
	const char *name, const char *why, struct error **err)
{
	struct reg_value old = {0};
	int found = get(h, key, name, &old, err);
	if (found == 1)
		append_reg(p, ACT_REG_UNSET, id, key, name, why)->old_value = old;
	return found < 0 ? -1 : 0;
}

int plan_reg_delete_key(struct plan *p, struct hive *h, enum hive_id id, const char *key,
	const char *why, struct error **err)
{
	(void)err;
	if (hive_find(h, hive_root(h), key))
		append_reg(p, ACT_REG_DELETE_KEY, id, key, NULL, why);
	return 0;
}

int plan_reg_make_key(struct plan *p, struct hive *h, enum hive_id id, const char *key,
	const char *why, struct error **err)
{
	(void)err;
	if (!hive_find(h, hive_root(h), key))
		append_reg(p, ACT_REG_MAKE_KEY, id, key, NULL, why);
	return 0;
}

/* What the plan's last edit of that value will leave, in place of what the hive has. */
static void after_edits(const struct plan *p, enum hive_id id, const char *key, const char *name,
	struct reg_value *value)
{
	for (size_t i = p->n; i-- > 0;) {
		const struct action *a = &p->v[i];
		struct reg_value changed = {0};
		if (!action_adds_up(a->kind) || a->hive != id || strcasecmp(a->name, name) != 0 ||
			strcasecmp(a->path, key) != 0)
			continue;
		if (reg_edit(a, a->old_value.data ? &a->old_value : NULL, &changed)) {
			reg_value_done(value);
			*value = changed;
		}
		return;
	}
}

/* Appends the edit where it would change the value, and no edit before it does the same. */
static int plan_edit(struct plan *p, struct hive *h, enum hive_id id, const char *key,
	struct action edit, const char *why, struct error **err)
{
	struct reg_value old = {0};
	CLEANUP_REG_VALUE struct reg_value changed = {0};
	int found = get(h, key, edit.name, &old, err);
	if (found < 0)
		return -1;
	if (!reg_edit(&edit, found ? &old : NULL, &changed)) {
		reg_value_done(&old);
		return 0;
	}
	reg_value_done(&changed);
	changed = (struct reg_value){0};
	after_edits(p, id, key, edit.name, &old);
	if (!reg_edit(&edit, old.data ? &old : NULL, &changed)) {
		reg_value_done(&old);
		return 0;
	}
	struct action *a = append_reg(p, edit.kind, id, key, edit.name, why);
	a->old_value = old;
	a->text = edit.text ? xstrdup(edit.text) : NULL;
	a->at_front = edit.at_front;
	a->bit = edit.bit;
	a->bit_on = edit.bit_on;
	return 0;
}

int plan_reg_list_add(struct plan *p, struct hive *h, enum hive_id id, const char *key,
	const char *name, const char *text, bool at_front, const char *why, struct error **err)
{
	return plan_edit(p, h, id, key,
		(struct action){.kind = ACT_REG_LIST_ADD,
			.name = (char *)name,
			.text = (char *)text,
			.at_front = at_front},
		why, err);
}

int plan_reg_list_remove(struct plan *p, struct hive *h, enum hive_id id, const char *key,
	const char *name, const char *text, const char *why, struct error **err)
{
	return plan_edit(p, h, id, key,
		(struct action){
			.kind = ACT_REG_LIST_REMOVE, .name = (char *)name, .text = (char *)text},
		why, err);
}

int plan_reg_token_remove(struct plan *p, struct hive *h, enum hive_id id, const char *key,
	const char *name, const char *word, const char *why, struct error **err)
{
	return plan_edit(p, h, id, key,
		(struct action){
			.kind = ACT_REG_TOKEN_REMOVE, .name = (char *)name, .text = (char *)word},
		why, err);
}

int plan_reg_bit(struct plan *p, struct hive *h, enum hive_id id, const char *key, const char *name,
	uint32_t bit, bool on, const char *why, struct error **err)
{
	return plan_edit(p, h, id, key,
		(struct action){
			.kind = ACT_REG_BITS, .name = (char *)name, .bit = bit, .bit_on = on},
		why, err);
}

void plan_file_put(struct plan *p, const char *path, const void *data, size_t size, const char *why)
{
	struct action *a = append(p, ACT_FILE_PUT, path, why);
	a->data = xmemdup(data, size);
	a->size = size;
}

/* Two records of a guest may name one file: it goes once. */
void plan_file_delete(struct plan *p, const char *path, const char *why)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].kind == ACT_FILE_DELETE && p->v[i].step == p->step &&
			strcasecmp(p->v[i].path, path) == 0)
			return;
	append(p, ACT_FILE_DELETE, path, why);
}
