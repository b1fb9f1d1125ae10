/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys of SYSTEM that belong to the source platform's tools and are no services: event sources, time
 * providers, display settings, co-installers. In all control sets.
 */
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "strip-software.h"

static int strip_system_key(struct prep *p, const char *name, struct error **err)
{
	for (unsigned i = 0; i < p->guest->n_control_sets; i++) {
		CLEANUP_FREE char *key = guest_control_set_key(p->guest, i, name);
		if (strip_key(p, HIVE_SYSTEM, key, "key of the source platform's tools", err) < 0)
			return -1;
	}
	return 0;
}

/* The log's key may list its sources a second time. */
static int strip_event_source(struct prep *p, const char *name, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SYSTEM);
	const char *source = strchr(name, '\\') + 1;
	CLEANUP_FREE char *rest = xasprintf("Services\\EventLog\\%s", name);
	CLEANUP_FREE char *log = xstrndup(rest, strlen(rest) - strlen(source) - 1);
	if (strip_system_key(p, rest, err) < 0)
		return -1;
	for (unsigned i = 0; i < p->guest->n_control_sets; i++) {
		CLEANUP_FREE char *key = guest_control_set_key(p->guest, i, log);
		if (plan_reg_list_remove(p->plan, h, HIVE_SYSTEM, key, "Sources", source,
			    "event source of the source platform's tools", err) < 0)
			return -1;
	}
	return 0;
}

/* Of one display adapter: its driver's settings, and its monitors'. */
static int strip_display(struct prep *p, unsigned control_set, const char *id, struct error **err)
{
	static const char *const keys[] = {
		"Control\\Video", "Control\\UnitedVideo\\CONTROL\\VIDEO"};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		CLEANUP_FREE char *rest = xasprintf("%s\\%s", keys[i], id);
		CLEANUP_FREE char *key = guest_control_set_key(p->guest, control_set, rest);
		if (strip_key(p, HIVE_SYSTEM, key, "display settings of a driver that goes", err) <
			0)
			return -1;
	}
	return 0;
}

static int strip_video(struct prep *p, unsigned control_set, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SYSTEM);
	CLEANUP_FREE char *base = guest_control_set_key(p->guest, control_set, "Control\\Video");
	CLEANUP_CHILDREN struct hive_children ids = {0};
	if (hive_children(h, hive_find(h, hive_root(h), base), &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++) {
		CLEANUP_FREE char *service =
			hive_get_text(h, hive_find(h, ids.v[i].node, "Video"), "Service");
		if (service && strip_find_service(p, service) &&
			strip_display(p, control_set, ids.v[i].name, err) < 0)
			return -1;
	}
	return 0;
}

/* An entry is "file.dll,Function". */
static bool is_coinstaller(const struct prep *p, const char *entry)
{
	CLEANUP_FREE char *dll = xstrndup(entry, strcspn(entry, ","));
	return strip_has(p, STRIP_FIELD(coinstallers), dll);
}

static int strip_class_coinstallers(
	struct prep *p, const char *key, hive_node node, const char *class, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SYSTEM);
	CLEANUP_REG_VALUE struct reg_value v = {0};
	int rc = hive_get(h, node, class, &v, err);
	if (rc <= 0)
		return rc;
	char **entries = reg_texts(&v);
	rc = 0;
	for (size_t i = 0; rc == 0 && entries[i]; i++)
		if (is_coinstaller(p, entries[i]))
			rc = plan_reg_list_remove(p->plan, h, HIVE_SYSTEM, key, class, entries[i],
				"co-installer of the source platform", err);
	reg_texts_free(entries);
	return rc;
}

static int strip_coinstallers(struct prep *p, unsigned control_set, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SYSTEM);
	CLEANUP_FREE char *key =
		guest_control_set_key(p->guest, control_set, "Control\\CoDeviceInstallers");
	hive_node node = hive_find(h, hive_root(h), key);
	char **classes = NULL;
	if (hive_value_names(h, node, &classes, err) < 0)
		return -1;
	int rc = 0;
	for (size_t i = 0; rc == 0 && classes[i]; i++)
		rc = strip_class_coinstallers(p, key, node, classes[i], err);
	reg_texts_free(classes);
	return rc;
}

int strip_system(struct prep *p, struct error **err)
{
	if (strip_each(p, STRIP_FIELD(system_keys), strip_system_key, err) < 0 ||
		strip_each(p, STRIP_FIELD(event_sources), strip_event_source, err) < 0)
		return -1;
	for (unsigned i = 0; i < p->guest->n_control_sets; i++)
		if (strip_video(p, i, err) < 0 || strip_coinstallers(p, i, err) < 0)
			return -1;
	return 0;
}
