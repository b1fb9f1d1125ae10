/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Secrets of a request body, found by their keys, in bodies that are not valid too. */
#include <string.h>

#include "export-request.h"
#include "jsonx.h"
#include "mem.h"

static bool is_secret_key(const char *key)
{
	static const char *const parts[] = {"password", "passwd", "passphrase", "secret", "token"};
	size_t n = strlen(key);
	/* "AzureCwSecretId" and its like name a secret, they are none. */
	if (n > 2 && strcasecmp(key + n - 2, "id") == 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strcasestr(key, parts[i]))
			return true;
	return false;
}

/* "smb://user:password@host/share" is refused, but its refusal may be shown with the body. */
static bool has_userinfo(const char *text)
{
	const char *authority = text ? strstr(text, "://") : NULL;
	return authority && memchr(authority + 3, '@', strcspn(authority + 3, "/"));
}

static json_t *redact_value(const json_t *value);

static json_t *redact_object(const json_t *object)
{
	json_t *copy = json_object();
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)object, key, value)
		jsonx_set(copy, key,
			is_secret_key(key) && !json_is_null(value) ? json_string("***")
								   : redact_value(value));
	return copy;
}

static json_t *redact_value(const json_t *value)
{
	size_t i;
	json_t *item;
	if (json_is_object(value))
		return redact_object(value);
	if (json_is_array(value)) {
		json_t *copy = json_array();
		json_array_foreach ((json_t *)value, i, item)
			json_array_append_new(copy, redact_value(item));
		return copy;
	}
	if (has_userinfo(json_string_value(value)))
		return json_string("***");
	return json_incref((json_t *)value);
}

json_t *export_request_redact(const json_t *body)
{
	return redact_value(body);
}

static void wipe(json_t *value, bool secret)
{
	const char *key;
	size_t i;
	json_t *item;
	json_object_foreach (value, key, item)
		wipe(item, secret || is_secret_key(key));
	json_array_foreach (value, i, item)
		wipe(item, secret);
	if (json_is_string(value) && (secret || has_userinfo(json_string_value(value))))
		mem_wipe((char *)json_string_value(value), json_string_length(value));
}

void export_request_wipe(json_t *body)
{
	wipe(body, false);
}
