/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jsonx.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "io.h"
#include "mem.h"
#include "utf16.h"

#define MAX_DEPTH     32
#define MAX_FILE_SIZE (16u << 20)

/* jansson's own limit is 2048 levels; a request needs four. Counted outside of strings. */
static bool too_deep(const char *text, size_t len)
{
	unsigned depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < len; i++) {
		if (in_string) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				in_string = false;
		} else if (text[i] == '"') {
			in_string = true;
		} else if (text[i] == '{' || text[i] == '[') {
			if (++depth > MAX_DEPTH)
				return true;
		} else if ((text[i] == '}' || text[i] == ']') && depth) {
			depth--;
		}
	}
	return false;
}

int jsonx_parse(const char *text, size_t len, json_t **ret, struct error **err)
{
	if (too_deep(text, len))
		return err_set(err, ERR_NOT_JSON, "JSON nested deeper than %d levels", MAX_DEPTH);
	json_error_t je;
	json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	/* the library's own words name a flag of its interface */
	bool nul = !value && (json_error_code(&je) == json_error_null_character ||
				     json_error_code(&je) == json_error_null_byte_in_key);
	if (!value)
		return err_set(err, ERR_NOT_JSON, "line %d, column %d: %s", je.line, je.column,
			nul ? "a text holds the character U+0000" : je.text);
	if (!json_is_object(value)) {
		json_decref(value);
		return err_set(err, ERR_NOT_JSON, "not a JSON object");
	}
	*ret = value;
	return 0;
}

int jsonx_read_file(const char *path, json_t **ret, struct error **err)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	if (file_read(path, MAX_FILE_SIZE, &text, &len, err) < 0)
		return -1;
	if (jsonx_parse(text, len, ret, err) < 0)
		return err_prefix(err, "\"%s\"", path);
	return 0;
}

json_t *jsonx_get(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);
	if (value)
		return value;
	const char *key;
	json_object_foreach ((json_t *)object, key, value)
		if (strcasecmp(key, name) == 0)
			return value;
	return NULL;
}

static const char *type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		break;
	}
	return "null";
}

static json_t *get_present(const json_t *object, const char *name)
{
	json_t *value = jsonx_get(object, name);
	return json_is_null(value) ? NULL : value;
}

int jsonx_get_string(const json_t *object, const char *where, const char *name, const char **ret,
	struct error **err)
{
	json_t *value = get_present(object, name);
	if (!value)
		return 0;
	if (!json_is_string(value))
		return err_set(err, ERR_INVALID_FIELD, "field \"%s%s\" is %s (a string expected)",
			where, name, type_name(value));
	if (strlen(json_string_value(value)) != json_string_length(value))
		return err_set(
			err, ERR_INVALID_FIELD, "field \"%s%s\" has a NUL character", where, name);
	*ret = json_string_value(value);
	return 0;
}

int jsonx_get_bool(
	const json_t *object, const char *where, const char *name, bool *ret, struct error **err)
{
	json_t *value = get_present(object, name);
	if (!value)
		return 0;
	if (json_is_boolean(value)) {
		*ret = json_is_true(value);
		return 0;
	}
	const char *text = json_string_value(value);
	if (text && (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0)) {
		*ret = strcasecmp(text, "true") == 0;
		return 0;
	}
	return err_set(err, ERR_INVALID_FIELD, "field \"%s%s\" is %s (true or false expected)",
		where, name, type_name(value));
}

int jsonx_get_u64(const json_t *object, const char *where, const char *name, uint64_t min,
	uint64_t max, uint64_t *ret, struct error **err)
{
	json_t *value = get_present(object, name);
	if (!value)
		return 0;
	if (!json_is_integer(value))
		return err_set(err, ERR_INVALID_FIELD,
			"field \"%s%s\" is %s (a whole number expected)", where, name,
			type_name(value));
	json_int_t n = json_integer_value(value);
	if (n < 0 || (uint64_t)n < min || (uint64_t)n > max)
		return err_set(err, ERR_INVALID_FIELD,
			"field \"%s%s\" is %" JSON_INTEGER_FORMAT " (%" PRIu64 " to %" PRIu64
			" expected)",
			where, name, n, min, max);
	*ret = (uint64_t)n;
	return 0;
}

static char *dump(const json_t *value, size_t flags)
{
	char *text = json_dumps(value, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	if (!text) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return text;
}

char *jsonx_dump(const json_t *value)
{
	return dump(value, JSON_COMPACT);
}

char *jsonx_dump_pretty(const json_t *value)
{
	return dump(value, JSON_INDENT(2));
}

void jsonx_set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0) {
		fputs("out of memory, or a value that is not UTF-8\n", stderr);
		abort();
	}
}

/* Text from a disk or the system need not be UTF-8; JSON is. */
static json_t *lossy_string(const char *text)
{
	json_t *value = json_string(text);
	if (value)
		return value;
	CLEANUP_FREE char *clean = utf8_clean(text);
	return json_string(clean);
}

void jsonx_set_string(json_t *object, const char *key, const char *value)
{
	jsonx_set(object, key, value ? lossy_string(value) : json_null());
}

void jsonx_set_u64(json_t *object, const char *key, uint64_t value)
{
	jsonx_set(object, key, json_integer((json_int_t)value));
}

void jsonx_set_bool(json_t *object, const char *key, bool value)
{
	jsonx_set(object, key, json_boolean(value));
}

json_t *jsonx_from_error(const struct error *err)
{
	json_t *o = json_object();
	jsonx_set_string(o, "code", err_code_name(err->code));
	jsonx_set_string(o, "message", err->message);
	jsonx_set_string(o, "detail", err->detail);
	jsonx_set_string(o, "step", err->step);
	jsonx_set_string(o, "hint", err_hint_text(err));
	return o;
}

static char *copy_string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? xstrdup(text) : NULL;
}

struct error *jsonx_to_error(const json_t *value)
{
	const char *code = json_string_value(json_object_get(value, "code"));
	const char *message = json_string_value(json_object_get(value, "message"));
	struct error *e = xcalloc(1, sizeof(*e));
	if (!code || !message || !err_code_from_name(code, &e->code)) {
		e->code = ERR_INTERNAL;
		e->message = xstrdup("an error object that is not well-formed");
		return e;
	}
	e->message = xstrdup(message);
	e->detail = copy_string(value, "detail");
	e->step = copy_string(value, "step");
	e->hint = copy_string(value, "hint");
	return e;
}
