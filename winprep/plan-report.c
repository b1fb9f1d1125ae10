/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan for people and for programs. */
#include "plan.h"

#include <inttypes.h>

#include "jsonx.h"
#include "mem.h"
#include "reg-edit.h"
#include "strbuf.h"

static bool is_file(const struct action *a)
{
	return a->kind == ACT_FILE_PUT || a->kind == ACT_FILE_DELETE;
}

/* What the value will be: given for a set, computed for an edit of the value as it was. */
static char *describe_new(const struct action *a)
{
	CLEANUP_REG_VALUE struct reg_value changed = {0};
	if (a->kind == ACT_REG_SET)
		return reg_value_describe(&a->value);
	if (!reg_edit(a, a->old_value.data ? &a->old_value : NULL, &changed) ||
		changed.type == REG_NONE)
		return NULL;
	return reg_value_describe(&changed);
}

static json_t *action_to_json(const struct action *a)
{
	json_t *o = json_object();
	jsonx_set_string(o, "step", a->step);
	jsonx_set_string(o, "action", action_kind_name(a->kind));
	if (is_file(a)) {
		jsonx_set_string(o, "path", a->path);
		if (a->kind == ACT_FILE_PUT)
			jsonx_set_u64(o, "size", a->size);
	} else {
		CLEANUP_FREE char *old =
			a->old_value.data ? reg_value_describe(&a->old_value) : NULL;
		CLEANUP_FREE char *new_text = describe_new(a);
		jsonx_set_string(o, "hive", hive_id_name(a->hive));
		jsonx_set_string(o, "key", a->path);
		jsonx_set_string(o, "value", a->name);
		jsonx_set_string(o, "old", old);
		jsonx_set_string(o, "new", new_text);
	}
	jsonx_set_string(o, "why", a->why);
	jsonx_set_string(o, "result", a->result);
	return o;
}

json_t *plan_to_json(const struct plan *p)
{
	json_t *list = json_array(), *o = json_object();
	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(list, action_to_json(&p->v[i]));
	jsonx_set(o, "actions", list);
	jsonx_set(o, "notes", p->notes ? json_incref(p->notes) : json_array());
	return o;
}

static void add_text(struct strbuf *b, const struct action *a)
{
	strbuf_addf(b, "  %-16s ", action_kind_name(a->kind));
	if (is_file(a)) {
		strbuf_add(b, a->path);
	} else {
		CLEANUP_FREE char *old =
			a->old_value.data ? reg_value_describe(&a->old_value) : NULL;
		CLEANUP_FREE char *new_text = describe_new(a);
		strbuf_addf(b, "%s\\%s", hive_id_name(a->hive), a->path);
		if (a->name)
			strbuf_addf(b, " [%s]", *a->name ? a->name : "(default)");
		if (old)
			strbuf_addf(b, " %s", old);
		if (new_text)
			strbuf_addf(b, " -> %s", new_text);
	}
	strbuf_addf(b, " (%s)\n", a->why);
}

char *plan_to_text(const struct plan *p)
{
	struct strbuf b = {0};
	const char *step = NULL;
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].step != step)
			strbuf_addf(&b, "%s\n", p->v[i].step ? p->v[i].step : "");
		step = p->v[i].step;
		add_text(&b, &p->v[i]);
	}
	return strbuf_take(&b);
}
