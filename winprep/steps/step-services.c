/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Services and drivers of the source platform. Every one is disabled (Start 4); the key goes only where
 * the name is proven (not [K]) and nothing that stays refers to it: no device, no other service, no
 * other package's Owners entry.
 */
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "net-ghosts.h"
#include "strip.h"

#define START_DISABLED 4

/* Names of services that something which stays refers to, in one control set. */
struct references {
	struct prep *p;
	struct net_adapters ghosts; /* devices that go: what they refer to is not referred to */
	const struct driver_packages *packages;
	char **v;
	size_t n;
};

static void refer(struct references *r, const char *name)
{
	if (!strip_find_service(r->p, name))
		return;
	r->v = xrealloc_array(r->v, r->n + 1, sizeof(*r->v));
	r->v[r->n++] = xstrdup(name);
}

static bool referred(const struct references *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcasecmp(r->v[i], name) == 0)
			return true;
	return false;
}

static void references_done(struct references *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->v[i]);
	free(r->v);
	net_adapters_done(&r->ghosts);
}

static bool is_ghost(const struct references *r, const char *key)
{
	const char *device = strstr(key, "\\Enum\\") + 6;
	for (size_t i = 0; i < r->ghosts.n; i++)
		if (strcasecmp(r->ghosts.v[i].device, device) == 0)
			return true;
	return false;
}

static int refer_device(void *data, const char *key, hive_node node, struct error **err)
{
	(void)err;
	struct references *r = data;
	CLEANUP_FREE char *service =
		hive_get_text(r->p->guest->hives[HIVE_SYSTEM].h, node, "Service");
	if (service && !is_ghost(r, key))
		refer(r, service);
	return 0;
}

static int refer_dependencies(struct references *r, hive_node services, struct error **err)
{
	struct hive *h = r->p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_CHILDREN struct hive_children all = {0};
	if (hive_children(h, services, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		CLEANUP_REG_VALUE struct reg_value v = {0};
		if (strip_find_service(r->p, all.v[i].name))
			continue;
		int rc = hive_get(h, all.v[i].node, "DependOnService", &v, err);
		if (rc < 0)
			return -1;
		char **on = rc ? reg_texts(&v) : NULL;
		for (size_t k = 0; on && on[k]; k++)
			refer(r, on[k]);
		reg_texts_free(on);
	}
	return 0;
}

/* Owners that are neither "oemN.inf…" nor "!package", which goes with one: the driver is Windows' own, whatever the list says. */
static bool owned_by_windows(struct hive *h, hive_node node)
{
	CLEANUP_REG_VALUE struct reg_value v = {0};
	CLEANUP_ERR struct error *ignored = NULL;
	if (hive_get(h, node, "Owners", &v, &ignored) != 1)
		return false;
	char **owners = reg_texts(&v);
	bool windows = false;
	for (size_t i = 0; owners[i]; i++)
		windows = windows || (*owners[i] != '!' && strncasecmp(owners[i], "oem", 3) != 0);
	reg_texts_free(owners);
	return windows;
}

/* Another package, which stays, binds its devices to that service. */
static bool owned_by_who_stays(const struct references *r, hive_node node)
{
	CLEANUP_REG_VALUE struct reg_value v = {0};
	CLEANUP_ERR struct error *ignored = NULL;
	if (hive_get(r->p->guest->hives[HIVE_SYSTEM].h, node, "Owners", &v, &ignored) != 1)
		return false;
	char **owners = reg_texts(&v);
	bool stays = false;
	for (size_t i = 0; owners[i] && !stays; i++)
		stays = driver_packages_have(r->packages, owners[i]) &&
			!strip_owner_goes(r->p, r->packages, owners[i]);
	reg_texts_free(owners);
	return stays;
}

/* A name that is nobody's in particular counts only with its vendor's program. */
static bool has_image(struct hive *h, hive_node node, const struct strip_service *s)
{
	CLEANUP_FREE char *image = s->image ? hive_get_text(h, node, "ImagePath") : NULL;
	return !s->image || (image && strcasestr(image, s->image));
}

/* The number of a package that goes may be the next one's: it would own this service. */
static int disown(const struct references *r, const char *key, hive_node node, struct error **err)
{
	struct hive *h = strip_hive(r->p, HIVE_SYSTEM);
	char **owners = NULL;
	int rc = strip_read_owners(h, node, key, &owners, err);
	if (rc <= 0)
		return rc;
	rc = 0;
	for (size_t i = 0; rc == 0 && owners[i]; i++)
		if (strip_owner_goes(r->p, r->packages, owners[i]))
			rc = plan_reg_list_remove(r->p->plan, h, HIVE_SYSTEM, key, "Owners",
				owners[i], "its package goes", err);
	reg_texts_free(owners);
	return rc;
}

static int disable(const struct references *r, const char *key, hive_node node,
	const struct strip_service *s, struct error **err)
{
	struct prep *p = r->p;
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	uint32_t start;
	CLEANUP_FREE char *provider = xasprintf("%s\\NetworkProvider", key);
	if (strip_has(p, STRIP_FIELD(network_providers), s->name) &&
		strip_key(p, HIVE_SYSTEM, provider, "network provider of the source platform",
			err) < 0)
		return -1;
	if (disown(r, key, node, err) < 0)
		return -1;
	if (!hive_get_number(h, node, "Start", &start))
		return 0; /* parameters only: nothing that could start */
	return plan_reg_set(p->plan, h, HIVE_SYSTEM, key, "Start", reg_dword(START_DISABLED),
		s->disable_only ? "disabled: the name is not proven enough to delete it"
				: "disabled: a device or service still refers to it",
		err);
}

static int strip_service(struct prep *p, const struct references *r, const char *services,
	const struct strip_service *s, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *key = xasprintf("%s\\%s", services, s->name);
	hive_node node = hive_find(h, hive_root(h), key);
	if (!node || !has_image(h, node, s))
		return 0;
	if (owned_by_windows(h, node)) {
		plan_note(p->plan, "%s left alone: an in-box driver package owns it", key);
		return 0;
	}
	if (!s->disable_only && !referred(r, s->name) && !owned_by_who_stays(r, node))
		return plan_reg_delete_key(
			p->plan, h, HIVE_SYSTEM, key, "nothing refers to it any more", err);
	return disable(r, key, node, s, err);
}

static int strip_control_set(struct prep *p, unsigned control_set,
	const struct driver_packages *packages, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *services = guest_control_set_key(p->guest, control_set, "Services");
	CLEANUP(references_done) struct references r = {.p = p, .packages = packages};
	if (net_ghosts_read(p, control_set, &r.ghosts, err) < 0 ||
		guest_each_device(p->guest, control_set, refer_device, &r, err) < 0 ||
		refer_dependencies(&r, hive_find(h, hive_root(h), services), err) < 0)
		return -1;
	size_t i = 0;
	for (const struct strip_list *l; (l = strip_next(p, &i));)
		for (const struct strip_service *s = l->services; s && s->name; s++)
			if (strip_service(p, &r, services, s, err) < 0)
				return -1;
	return 0;
}

static int plan_services(struct prep *p, struct error **err)
{
	CLEANUP(driver_packages_done) struct driver_packages packages = {0};
	if (driver_packages_read(p->guest, &packages, err) < 0)
		return -1;
	for (unsigned i = 0; i < p->guest->n_control_sets; i++)
		if (strip_control_set(p, i, &packages, err) < 0)
			return -1;
	return 0;
}

const struct step step_services = {
	.name = "services",
	.summary =
		"disable the source platform's services and drivers, remove those nothing refers to",
	.applies = strip_applies,
	.plan = plan_services,
};
