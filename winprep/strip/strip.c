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

/* ---- names ---- */

static const char *const *names_of(const struct strip_list *l, size_t field)
{
	return *(const char *const *const *)((const char *)l + field);
}

typedef bool match_fn(const char *listed, const char *text);

static bool any(const struct prep *p, size_t field, match_fn *match, const char *text)
{
	size_t i = 0;
	for (const struct strip_list *l; (l = strip_next(p, &i));)
		for (const char *const *n = names_of(l, field); n && *n; n++)
			if (match(*n, text))
				return true;
	return false;
}

static bool same(const char *listed, const char *text)
{
	return strcasecmp(listed, text) == 0;
}

static bool same_or_prefix(const char *listed, const char *text)
{
	size_t len = strlen(listed);
	if (len && listed[len - 1] == '*')
		return strncasecmp(listed, text, len - 1) == 0;
	return same(listed, text);
}

static bool same_or_above(const char *listed, const char *path)
{
	size_t len = strlen(listed);
	return strncasecmp(listed, path, len) == 0 && (path[len] == '\0' || path[len] == '\\');
}

bool strip_has(const struct prep *p, size_t field, const char *name)
{
	return any(p, field, same, name);
}

bool strip_matches(const struct prep *p, size_t field, const char *text)
{
	return any(p, field, same_or_prefix, text);
}

bool strip_covers(const struct prep *p, size_t field, const char *path)
{
	return any(p, field, same_or_above, path);
}

int strip_each(struct prep *p, size_t field, strip_name_fn *fn, struct error **err)
{
	size_t i = 0;
	for (const struct strip_list *l; (l = strip_next(p, &i));)
		for (const char *const *n = names_of(l, field); n && *n; n++)
			if (fn(p, *n, err) < 0)
				return -1;
	return 0;
}

static bool listed(const char *const *names, const char *name)
{
	for (; names && *names; names++)
		if (same(*names, name))
			return true;
	return false;
}

bool strip_owns_package(const struct prep *p, const struct driver_package *d)
{
	size_t i = 0;
	for (const struct strip_list *l; (l = strip_next(p, &i));)
		if (listed(l->inf_names, d->inf_name) && listed(l->providers, d->provider))
			return true;
	return false;
}

bool driver_is_owner(const char *owner, const struct driver_package *d)
{
	if (*owner == '!')
		return strcasecmp(owner + 1, d->key) == 0;

	size_t len = strlen(d->published);
	return strncasecmp(owner, d->published, len) == 0 &&
	       (owner[len] == '\0' || owner[len] == '!');
}

/* Windows writes some of them; each that goes is an edit of its own. */
#define OWNERS_MAX 64u

int strip_read_owners(
	struct hive *h, hive_node node, const char *key, char ***ret, struct error **err)
{
	CLEANUP_REG_VALUE struct reg_value v = {0};
	int rc = hive_get(h, node, "Owners", &v, err);
	if (rc <= 0)
		return rc;
	char **owners = reg_texts(&v);
	size_t n = 0;
	while (owners[n])
		n++;
	if (n > OWNERS_MAX) {
		reg_texts_free(owners);
		return err_set(err, ERR_HIVE_DAMAGED,
			"\"%s\": Owners has %zu entries (at most %u expected)", key, n, OWNERS_MAX);
	}
	*ret = owners;
	return 1;
}

bool driver_packages_have(const struct driver_packages *packages, const char *owner)
{
	for (size_t i = 0; i < packages->n; i++)
		if (driver_is_owner(owner, &packages->v[i]))
			return true;
	return false;
}

bool strip_owner_goes(
	const struct prep *p, const struct driver_packages *packages, const char *owner)
{
	for (size_t i = 0; i < packages->n; i++)
		if (driver_is_owner(owner, &packages->v[i]) &&
			strip_owns_package(p, &packages->v[i]))
			return true;
	return false;
}

/* ---- planning ---- */

struct hive *strip_hive(const struct prep *p, enum hive_id id)
{
	return p->guest->hives[id].h;
}

int strip_key(struct prep *p, enum hive_id id, const char *key, const char *why, struct error **err)
{
	struct hive *h = strip_hive(p, id);
	return h ? plan_reg_delete_key(p->plan, h, id, key, why, err) : 0;
}

int strip_value(struct prep *p, enum hive_id id, const char *key, const char *name, const char *why,
	struct error **err)
{
	struct hive *h = strip_hive(p, id);
	return h ? plan_reg_unset(p->plan, h, id, key, name, why, err) : 0;
}

int strip_file(struct prep *p, const char *path, const char *why, struct error **err)
{
	struct ntfs_stat st = {0};
	CLEANUP_ERR struct error *failure = NULL;
	if (!p->guest->volume)
		return 0;
	if (ntfs_file_stat(p->guest->volume, path, &st, &failure) == 0) {
		if (st.exists)
			plan_file_delete(p->plan, path, why);
		return 0;
	}
	if (failure->code == ERR_FILE_UNSUPPORTED) {
		plan_note(p->plan, "%s left alone: it lies behind a link", path);
		return 0;
	}
	*err = TAKE_PTR(failure);
	return -1;
}

/* ---- devices ---- */

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
