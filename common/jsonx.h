/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jansson with this project's errors: bounded parsing, strict fields, key case ignored (the public
 * API's own client sends mixed case, facts/ips 1.0).
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "errors.h"

DEFINE_CLEANUP(json_t *, json_decref);
#define CLEANUP_JSON CLEANUP(json_decref_p)

/* One JSON object, depth at most 32, no duplicate keys, no trailing bytes. ERR_NOT_JSON. */
int jsonx_parse(const char *text, size_t len, json_t **ret, struct error **err);
int jsonx_read_file(const char *path, json_t **ret, struct error **err);

/* The member whose key equals name but for ASCII case; NULL where there is none. Borrowed. */
json_t *jsonx_get(const json_t *object, const char *name);

/*
 * Typed members; where: the object's own path for messages ("" at the top, else ends in a dot).
 * Absent or null: 0 and *ret untouched. Wrong type or range: ERR_INVALID_FIELD naming the field.
 * Booleans are also accepted as the strings "true" and "false", any case (facts/ips, checklist 1).
 */
int jsonx_get_string(const json_t *object, const char *where, const char *name, const char **ret,
	struct error **err);
int jsonx_get_bool(
	const json_t *object, const char *where, const char *name, bool *ret, struct error **err);
int jsonx_get_u64(const json_t *object, const char *where, const char *name, uint64_t min,
	uint64_t max, uint64_t *ret, struct error **err);

/* Compact and on one line; never NULL; the caller frees. Slashes are not escaped. */
char *jsonx_dump(const json_t *value);
char *jsonx_dump_pretty(const json_t *value);

/* {code, message, detail, step, hint}: the API's error object; absent parts are null. */
json_t *jsonx_from_error(const struct error *err);
/* The inverse, for what a worker sends; anything ill-formed becomes ERR_INTERNAL saying so. */
struct error *jsonx_to_error(const json_t *value);

/* Member that takes the value over; a failed allocation ends the process, like xmalloc. */
void jsonx_set(json_t *object, const char *key, json_t *value);
void jsonx_set_string(json_t *object, const char *key, const char *value); /* NULL: null */
void jsonx_set_u64(json_t *object, const char *key, uint64_t value);
void jsonx_set_bool(json_t *object, const char *key, bool value);
