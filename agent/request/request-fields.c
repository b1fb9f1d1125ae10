/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "request-fields.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

/* Whether name (n bytes) is parent followed by key, ASCII case ignored. */
static bool name_is(const char *name, size_t n, const char *parent, const char *key)
{
	size_t p = strlen(parent);
	return n == p + strlen(key) && strncasecmp(name, parent, p) == 0 &&
	       strncasecmp(name + p, key, n - p) == 0;
}

static bool row_has_name(const struct request_field *f, const char *parent, const char *key)
{
	if (name_is(f->name, strlen(f->name), parent, key))
		return true;
	for (const char *p = f->aliases; p && *p;) {
		size_t n = strcspn(p, " ");
		if (name_is(p, n, parent, key))
			return true;
		p += n + strspn(p + n, " ");
	}
	return false;
}

/* The i-th row of both tables; NULL past the end. */
static const struct request_field *row_at(const struct request_table *t, size_t i)
{
	if (i < t->n)
		return &t->v[i];
	return i - t->n < n_appliance_fields ? &appliance_fields[i - t->n] : NULL;
}

const struct request_field *request_field_find(
	const struct request_table *t, const char *parent, const char *key)
{
	const struct request_field *f;
	/* A dot is what joins the names of this table: no key of a body has one. */
	if (strchr(key, '.'))
		return NULL;
	for (size_t i = 0; (f = row_at(t, i)); i++)
		if (row_has_name(f, parent, key))
			return f;
	return NULL;
}

size_t request_field_index(const struct request_table *t, const struct request_field *f)
{
	bool own = f >= t->v && f < t->v + t->n;
	size_t i = own ? (size_t)(f - t->v) : t->n + (size_t)(f - appliance_fields);
	assert(i < REQUEST_FIELDS_MAX);
	return i;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;
	return m < c ? m : c;
}

#define SUGGEST_MAX 64 /* longer names are not compared */

/* Levenshtein's distance, ASCII case ignored. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(b);
	unsigned row[SUGGEST_MAX + 1];
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned change = strncasecmp(&a[i - 1], &b[j - 1], 1) != 0;
			unsigned up = row[j];
			row[j] = min3(up + 1, row[j - 1] + 1, diagonal + change);
			diagonal = up;
		}
	}
	return row[n];
}

const char *request_field_suggest(
	const struct request_table *t, const char *parent, const char *key)
{
	size_t p = strlen(parent), len = strlen(key);
	if (len > SUGGEST_MAX)
		return NULL;
	unsigned best = 1 + (unsigned)len / 3;
	const char *found = NULL;
	const struct request_field *f;
	for (size_t i = 0; (f = row_at(t, i)); i++) {
		const char *name = f->name;
		if (f->who == FIELD_FOREIGN || strncasecmp(name, parent, p) != 0)
			continue;
		name += p;
		if (strchr(name, '.') || strlen(name) > SUGGEST_MAX)
			continue;
		unsigned d = distance(key, name);
		if (d < best) {
			best = d;
			found = name;
		}
	}
	return found;
}

/* An array whose members are all of that type. */
static bool is_array_of(const json_t *value, json_type type)
{
	size_t i;
	json_t *item;
	json_array_foreach ((json_t *)value, i, item)
		if (json_typeof(item) != type)
			return false;
	return json_is_array(value);
}

static bool is_bool(const json_t *value)
{
	const char *text = json_string_value(value);
	return json_is_boolean(value) ||
	       (text && (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0));
}

/* What a value of the type is called; NULL: value is one. */
static const char *mismatch(const struct request_field *f, const json_t *value)
{
	switch (f->type) {
	case FIELD_STRING:
	case FIELD_CHOICE:
		return json_is_string(value) ? NULL : "a string";
	case FIELD_BOOL:
		return is_bool(value) ? NULL : "true or false";
	case FIELD_NUMBER:
	case FIELD_SIZE:
		return json_is_integer(value) ? NULL : "a whole number";
	case FIELD_PORT:
		return json_is_integer(value) || json_is_string(value) ? NULL : "a port number";
	case FIELD_OBJECT:
	case FIELD_SECTION:
		return json_is_object(value) ? NULL : "an object";
	case FIELD_OBJECTS:
		return is_array_of(value, JSON_OBJECT) ? NULL : "an array of objects";
	case FIELD_STRINGS:
		return json_is_string(value) || is_array_of(value, JSON_STRING)
			       ? NULL
			       : "an array of strings";
	case FIELD_ANY:
		return NULL;
	}
	return "nothing";
}

int request_field_check(
	const struct request_field *f, const char *path, const json_t *value, struct error **err)
{
	const char *expected = mismatch(f, value);
	if (expected)
		return err_set(err, ERR_INVALID_FIELD, "field \"%s\" is not %s", path, expected);
	if ((f->type != FIELD_NUMBER && f->type != FIELD_SIZE) || f->who != FIELD_OURS)
		return 0;
	json_int_t n = json_integer_value(value);
	if (n < 0 || (uint64_t)n < f->min || (uint64_t)n > f->max)
		return err_set(err, ERR_INVALID_FIELD,
			"field \"%s\" is %" JSON_INTEGER_FORMAT " (%" PRIu64 " to %" PRIu64
			" expected)",
			path, n, f->min, f->max);
	return 0;
}
