/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "callback-document.h"

#include <string.h>

#include "io.h"
#include "jsonx.h"
#include "local-addresses.h"
#include "mem.h"

#define UUID_FILE "/sys/class/dmi/id/product_uuid"

/* NULL where there is none. */
static json_t *read_json(const char *file)
{
	CLEANUP_ERR struct error *ignored = NULL;
	json_t *o = NULL;
	return jsonx_read_file(file, &o, &ignored) == 0 ? o : NULL;
}

static json_t *member(const json_t *o, const char *name)
{
	json_t *v = json_object_get(o, name);
	return v ? json_incref(v) : json_null();
}

/* What whoever made the VM knows it by. */
static json_t *machine_uuid(void)
{
	CLEANUP_ERR struct error *ignored = NULL;
	CLEANUP_FREE char *text = NULL;
	char uuid[GUID_STRING_SIZE];
	struct guid g;
	size_t len;
	if (file_read(UUID_FILE, 256, &text, &len, &ignored) < 0)
		return json_null();
	text[strcspn(text, "\n")] = '\0';
	if (!guid_parse(text, &g))
		return json_null();
	guid_format(&g, uuid);
	return json_string(uuid);
}

static json_t *worker(const char *identity_file, const char *status_file)
{
	CLEANUP_JSON json_t *identity = read_json(identity_file), *status = read_json(status_file);
	struct local_address addresses[LOCAL_ADDRESSES_MAX];
	size_t n = local_addresses(addresses);
	json_t *o = json_object(), *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(addresses[i].text));
	jsonx_set_string(o, "version", CE_VERSION);
	jsonx_set(o, "uuid", machine_uuid());
	jsonx_set(o, "fingerprint", member(identity, "fingerprint"));
	jsonx_set(o, "addresses", list);
	jsonx_set(o, "port", member(status, "port"));
	return o;
}

char *callback_document(
	const struct outbox_event *e, const char *identity_file, const char *status_file)
{
	CLEANUP_JSON json_t *o = json_object();
	jsonx_set_u64(o, "version", 1);
	jsonx_set_string(o, "event", e->name);
	jsonx_set_string(o, "id", e->id);
	jsonx_set_string(o, "time", e->time);
	jsonx_set(o, "worker", worker(identity_file, status_file));
	jsonx_set(o, "job", e->job ? json_incref(e->job) : json_null());
	return jsonx_dump(o);
}
