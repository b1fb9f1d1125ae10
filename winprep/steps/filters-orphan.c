/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Filters of the classes that a system disk is reached through. One whose driver is no more keeps every device of
 * its class from starting; that the disk started where it was proves nothing, as its controller there may be of
 * another class. Facts windows-and-peers 1.3.10. Others are told and stay: encryption, backup.
 */
#include "filters-orphan.h"

#include <strings.h>

#include "mem.h"

/* With the filters that Windows itself brings. */
static const struct {
	const char *guid, *title;
	const char *own[5];
} classes[] = {
	{"{4d36e967-e325-11ce-bfc1-08002be10318}", "DiskDrive", {"partmgr", "EhStorClass"}},
	{"{71a27cdd-812a-11d0-bec7-08002be2092f}", "Volume",
		{"volsnap", "fvevol", "iorate", "rdyboost"}},
	{"{4d36e96a-e325-11ce-bfc1-08002be10318}", "HDC", {0}},
	{"{4d36e97b-e325-11ce-bfc1-08002be10318}", "SCSIAdapter", {0}},
	{"{4d36e97d-e325-11ce-bfc1-08002be10318}", "System", {0}},
};

struct place {
	struct prep *p;
	struct hive *h;
	hive_node services;
	const char *key; /* the class' */
	size_t class;
};

static bool is_own(size_t class, const char *name)
{
	for (const char *const *own = classes[class].own; *own; own++)
		if (strcasecmp(*own, name) == 0)
			return true;
	return false;
}

static int look_at(
	const struct place *at, const char *value, const char *filter, struct error **err)
{
	if (!*filter || strip_find_service(at->p, filter))
		return 0; /* the source's goes anyway */
	if (!hive_find(at->h, at->services, filter))
		return plan_reg_list_remove(at->p->plan, at->h, HIVE_SYSTEM, at->key, value, filter,
			"a filter without a driver keeps its devices from starting", err);
	if (!is_own(at->class, filter))
		plan_note(at->p->plan, "%s: filter \"%s\" of class %s stays: not Windows' own",
			at->key, filter, classes[at->class].title);
	return 0;
}

static int look_at_list(const struct place *at, const char *value, struct error **err)
{
	CLEANUP_REG_VALUE struct reg_value v = {0};
	int found = hive_get(at->h, hive_find(at->h, hive_root(at->h), at->key), value, &v, err);
	if (found <= 0)
		return found;
	char **names = reg_texts(&v);
	int rc = 0;
	for (size_t i = 0; rc == 0 && names[i]; i++)
		rc = look_at(at, value, names[i], err);
	reg_texts_free(names);
	return rc;
}

int filters_orphan(struct prep *p, unsigned control_set, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *services = guest_control_set_key(p->guest, control_set, "Services");
	struct place at = {.p = p, .h = h, .services = hive_find(h, hive_root(h), services)};
	/* A control set without services is none to draw conclusions from. */
	if (!at.services || !hive_find(h, at.services, "disk"))
		return 0;
	for (at.class = 0; at.class < ARRAY_SIZE(classes); at.class ++) {
		CLEANUP_FREE char *rest = xasprintf("Control\\Class\\%s", classes[at.class].guid);
		CLEANUP_FREE char *key = guest_control_set_key(p->guest, control_set, rest);
		at.key = key;
		if (look_at_list(&at, "UpperFilters", err) < 0 ||
			look_at_list(&at, "LowerFilters", err) < 0)
			return -1;
	}
	return 0;
}
