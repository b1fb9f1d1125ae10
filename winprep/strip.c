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

/* A real machine has some hundreds of devices; a hive whose keys hold each other has no end of them. */
#define DEVICE_KEYS_MAX 200000u

/* Enum has three levels: bus, device, instance; deeper keys are the device's own. */
struct device_walk {
	struct hive *h;
	device_fn *fn;
	void *data;
	const char *key;
	unsigned level, *keys;
};

static int walk(void *data, const char *name, hive_node node, struct error **err)
{
	const struct device_walk *up = data;
	struct device_walk w = *up;
	CLEANUP_FREE char *key = xasprintf("%s\\%s", up->key, name);
	w.key = key;
	w.level++;
	if (++*w.keys > DEVICE_KEYS_MAX)
		return err_set(err, ERR_HIVE_DAMAGED, "\"%s\": more than %u keys of devices", key,
			DEVICE_KEYS_MAX);
	if (w.level == 3)
		return w.fn(w.data, key, node, err);
	return hive_each_subkey(w.h, node, walk, &w, err);
}

int guest_each_device(
	const struct guest *g, unsigned control_set, device_fn *fn, void *data, struct error **err)
{
	unsigned keys = 0;
	CLEANUP_FREE char *key = guest_control_set_key(g, control_set, "Enum");
	struct device_walk w = {
		.h = g->hives[HIVE_SYSTEM].h, .fn = fn, .data = data, .key = key, .keys = &keys};
	return hive_each_subkey(w.h, hive_find(w.h, hive_root(w.h), key), walk, &w, err);
}
