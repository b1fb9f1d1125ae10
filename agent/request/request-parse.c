/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "request-parse.h"

#include <string.h>
#include <strings.h>

#include "jsonx.h"
#include "mem.h"

void request_warn(json_t *warnings, const char *code, char *message)
{
	json_t *w = json_object();
	jsonx_set_string(w, "code", code);
	jsonx_set_string(w, "message", message);
	json_array_append_new(warnings, w);
	free(message);
}

bool request_given(const struct request_parser *p, const char *parent, const char *name)
{
	const struct request_field *f = request_field_find(p->table, parent, name);
	return p->seen[request_field_index(p->table, f)] != NULL;
}

static int unknown(
	const struct request_parser *p, const char *parent, const char *key, struct error **err)
{
	err_set(err, ERR_UNKNOWN_FIELD, "unknown field \"%s%s\"", parent, key);
	const char *close = request_field_suggest(p->table, parent, key);
	if (close)
		err_hint(err, "did you mean \"%s%s\"?", parent, close);
	return -1;
}

static int set_choice(const struct request_field *f, const char *path, const char *text,
	void *member, struct error **err)
{
	CLEANUP_FREE char *list = xstrdup("");
	for (const struct field_choice *c = f->choices; c->name; c++) {
		if (strcasecmp(c->name, text) == 0) {
			*(int *)member = c->value;
			return 0;
		}
		char *longer = xasprintf("%s%s%s", list, *list ? ", " : "", c->name);
		free(list);
		list = longer;
	}
	return err_set(
		err, ERR_INVALID_FIELD, "field \"%s\" is \"%s\" (%s expected)", path, text, list);
}

/* value has the field's type already. */
static int set_member(const struct request_parser *p, const struct request_field *f,
	const char *path, json_t *value, struct error **err)
{
	void *member = (char *)p->request + f->offset;
	const char *text = json_string_value(value);
	switch (f->type) {
	case FIELD_STRING:
		*(char **)member = xstrdup(text);
		return 0;
	case FIELD_BOOL:
		*(bool *)member = json_is_true(value) || (text && strcasecmp(text, "true") == 0);
		return 0;
	case FIELD_NUMBER:
		*(unsigned *)member = (unsigned)json_integer_value(value);
		return 0;
	case FIELD_SIZE:
		*(uint64_t *)member = (uint64_t)json_integer_value(value);
		return 0;
	case FIELD_CHOICE:
		return set_choice(f, path, text, member, err);
	case FIELD_STRINGS:
		*(json_t **)member = text ? json_pack("[O]", value) : json_incref(value);
		return 0;
	case FIELD_OBJECT:
	case FIELD_OBJECTS:
	case FIELD_ANY:
		*(json_t **)member = json_incref(value);
		return 0;
	case FIELD_SECTION:
	case FIELD_PORT:
		break;
	}
	return err_set(err, ERR_INTERNAL, "field \"%s\" has no place", path);
}

static int parse_object(
	struct request_parser *p, const char *parent, const json_t *object, struct error **err);

static int take_field(struct request_parser *p, const struct request_field *f, const char *path,
	json_t *value, struct error **err)
{
	if (f->who != FIELD_FOREIGN && request_field_check(f, path, value, err) < 0)
		return -1;
	switch (f->who) {
	case FIELD_OURS:
		if (f->type == FIELD_SECTION) {
			CLEANUP_FREE char *parent = xasprintf("%s.", f->name);
			return parse_object(p, parent, value, err);
		}
		return set_member(p, f, path, value, err);
	case FIELD_APPLIANCE:
		json_array_append_new(p->ignored, json_string(path));
		return 0;
	case FIELD_WARNED:
		request_warn(p->warnings, "field-ignored",
			xasprintf("field \"%s\" is ignored: %s", path, f->note));
		return 0;
	case FIELD_FOREIGN:
		break;
	}
	return err_set(err, ERR_UNKNOWN_FIELD, "field \"%s\" is none of %s: %s", path,
		p->table->job, f->note);
}

static int parse_object(
	struct request_parser *p, const char *parent, const json_t *object, struct error **err)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)object, key, value) {
		const struct request_field *f = request_field_find(p->table, parent, key);
		if (!f)
			return unknown(p, parent, key, err);
		const char **seen = &p->seen[request_field_index(p->table, f)];
		if (*seen)
			return err_set(err, ERR_INVALID_FIELD,
				"field \"%s\" is given twice: as \"%s\" and as \"%s%s\"", f->name,
				*seen, parent, key);
		*seen = key;
		if (json_is_null(value) && f->who != FIELD_FOREIGN)
			continue;
		CLEANUP_FREE char *path = xasprintf("%s%s", parent, key);
		if (take_field(p, f, path, value, err) < 0)
			return -1;
	}
	return 0;
}

int request_parse(struct request_parser *p, const json_t *body, struct error **err)
{
	return parse_object(p, "", body, err);
}
