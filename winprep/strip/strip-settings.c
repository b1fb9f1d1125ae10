/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of settings that the source platform's agent made: back to what Windows does without them. */
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "strip-software.h"

/* One row, at one key. */
struct place {
	struct prep *p;
	const struct strip_setting *s;
	enum hive_id hive;
	struct hive *h;
};

/* What stays of a text whose tail is cut off. */
static int cut_tail(const struct place *at, const char *key, const struct reg_value *v,
	const char *name, const char *text, struct error **err)
{
	size_t tail = strlen(at->s->text), size = strlen(text);
	if (size < tail || strcasecmp(text + size - tail, at->s->text) != 0)
		return 0;
	CLEANUP_FREE char *head = xstrndup(text, size - tail);
	return plan_reg_set(at->p->plan, at->h, at->hive, key, name,
		v->type == REG_EXPAND_SZ ? reg_expand_sz(head) : reg_sz(head), at->s->why, err);
}

static int undo_value(const struct place *at, const char *key, const char *name,
	const struct reg_value *v, struct error **err)
{
	const struct strip_setting *s = at->s;
	bool is_text = v->type == REG_SZ || v->type == REG_EXPAND_SZ;
	CLEANUP_FREE char *text = is_text ? reg_text(v) : NULL;
	uint32_t number;
	bool ours = s->rule == SETTING_ANY ||
		    (s->rule == SETTING_NUMBER && reg_number(v, &number) && number == s->number) ||
		    (s->rule == SETTING_TEXT && text && strcasecmp(text, s->text) == 0);
	if (s->rule == SETTING_TAIL && text)
		return cut_tail(at, key, v, name, text, err);
	return ours ? strip_value(at->p, at->hive, key, name, s->why, err) : 0;
}

/* The value, or all whose names begin with what stands before '*'. */
static int undo_at(const struct place *at, const char *key, hive_node node, struct error **err)
{
	const struct strip_setting *s = at->s;
	size_t len = strcspn(s->name, "*");
	char **names = NULL;
	if (s->rule == SETTING_ENSURE)
		return plan_reg_set(at->p->plan, at->h, at->hive, key, s->name,
			reg_dword(s->number), s->why, err);
	if (hive_value_names(at->h, node, &names, err) < 0)
		return -1;
	int rc = 0;
	for (size_t i = 0; rc == 0 && names[i]; i++) {
		CLEANUP_REG_VALUE struct reg_value v = {0};
		if (strncasecmp(names[i], s->name, len) != 0 || (!s->name[len] && names[i][len]))
			continue;
		rc = hive_get(at->h, node, names[i], &v, err);
		if (rc == 1)
			rc = undo_value(at, key, names[i], &v, err);
	}
	reg_texts_free(names);
	return rc < 0 ? -1 : 0;
}

/* rest: what is still to be walked of the row's key; "*" is every subkey. */
static int walk(const struct place *at, const char *key, hive_node node, const char *rest,
	struct error **err)
{
	CLEANUP_CHILDREN struct hive_children children = {0};
	const char *star = strchr(rest, '*');
	if (!star) {
		CLEANUP_FREE char *full = xasprintf("%s%s", key, rest);
		hive_node found = hive_find(at->h, node, rest);
		return found ? undo_at(at, full, found, err) : 0;
	}
	CLEANUP_FREE char *before = xstrndup(rest, (size_t)(star - rest));
	if (hive_children(at->h, hive_find(at->h, node, before), &children, err) < 0)
		return -1;
	for (size_t i = 0; i < children.n; i++) {
		CLEANUP_FREE char *sub = xasprintf("%s%s%s", key, before, children.v[i].name);
		if (walk(at, sub, children.v[i].node, star + 1, err) < 0)
			return -1;
	}
	return 0;
}

static int undo(struct prep *p, const struct strip_setting *s, struct error **err)
{
	enum hive_id id = s->software ? HIVE_SOFTWARE : HIVE_SYSTEM;
	struct place at = {.p = p, .s = s, .hive = id, .h = strip_hive(p, id)};
	if (!at.h)
		return 0;
	if (s->software)
		return walk(&at, "", hive_root(at.h), s->key, err);
	for (unsigned i = 0; i < p->guest->n_control_sets; i++) {
		CLEANUP_FREE char *base = guest_control_set_key(p->guest, i, "");
		if (walk(&at, base, hive_find(at.h, hive_root(at.h), base), s->key, err) < 0)
			return -1;
	}
	return 0;
}

int strip_settings(struct prep *p, struct error **err)
{
	size_t i = 0;
	for (const struct strip_list *l; (l = strip_next(p, &i));)
		for (const struct strip_setting *s = l->settings; s && s->key; s++)
			if (undo(p, s, err) < 0)
				return -1;
	return 0;
}
