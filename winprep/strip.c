/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "strip.h"

#include <string.h>
#include <strings.h>

#include "mem.h"

static bool list_holds(const struct strip_list *l, const struct platform *to)
{
	return !l->family || !to->family || strcmp(l->family, to->family) != 0;
}

const struct strip_list *strip_next(const struct prep *p, size_t *i)
{
	if (!p->from || p->from == p->to || !p->from->strips)
		return NULL;
	while (p->from->strips[*i]) {
		const struct strip_list *l = p->from->strips[(*i)++];
		if (list_holds(l, p->to))
			return l;
	}
	return NULL;
}

bool strip_applies(const struct prep *p)
{
	size_t i = 0;
	return strip_next(p, &i) != NULL;
}

const struct strip_service *strip_find_service(const struct prep *p, const char *name)
{
	size_t i = 0;
	for (const struct strip_list *l; (l = strip_next(p, &i));)
		for (const struct strip_service *s = l->services; s && s->name; s++)
			if (strcasecmp(s->name, name) == 0)
				return s;
	return NULL;
}

/* Enum has three levels: bus, device, instance; deeper keys are the device's own. */
static int walk(const struct guest *g, hive_node node, const char *key, unsigned level,
	device_fn *fn, void *data, struct error **err)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	char **names = NULL;
	if (level == 3)
		return fn(data, key, node, err);
	if (hive_subkeys(h, node, &names, err) < 0)
		return -1;
	int rc = 0;
	for (size_t i = 0; rc == 0 && names[i]; i++) {
		CLEANUP_FREE char *sub = xasprintf("%s\\%s", key, names[i]);
		rc = walk(g, hive_find(h, node, names[i]), sub, level + 1, fn, data, err);
	}
	reg_texts_free(names);
	return rc;
}

int guest_each_device(
	const struct guest *g, unsigned control_set, device_fn *fn, void *data, struct error **err)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *key = guest_control_set_key(g, control_set, "Enum");
	return walk(g, hive_find(h, hive_root(h), key), key, 0, fn, data, err);
}
