/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The settings stay where they are, below the old adapter's GUID. The hand-over says which adapter they
 * belong to, and holds a copy of each value in the bytes that Windows wrote: whoever applies it needs to
 * understand none of them.
 */
#include "net-handover.h"

#include <string.h>
#include <strings.h>

#include "mem.h"
#include "net-settings.h"
#include "strip.h"

#define WHY	"what the new adapter is to inherit"
#define VERSION 1

/* Leases are of the source's network: nothing to inherit. */
static bool is_lease(const char *name)
{
	static const char *const exactly[] = {"Lease", "LeaseObtainedTime", "LeaseTerminatesTime",
		"T1", "T2", "AddressType", "IsServerNapAware"};
	for (size_t i = 0; i < ARRAY_SIZE(exactly); i++)
		if (strcasecmp(name, exactly[i]) == 0)
			return true;
	return strncasecmp(name, "Dhcp", 4) == 0;
}

static int set(struct prep *p, const char *key, const char *name, struct reg_value value,
	struct error **err)
{
	return plan_reg_set(p->plan, p->guest->hives[HIVE_SOFTWARE].h, HIVE_SOFTWARE, key, name,
		value, WHY, err);
}

static int set_text(
	struct prep *p, const char *key, const char *name, const char *text, struct error **err)
{
	return text ? set(p, key, name, reg_sz(text), err) : 0;
}

static int copy_value(
	struct prep *p, const char *from, const char *name, const char *to, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	struct reg_value v = {0};
	int rc = hive_get(h, hive_find(h, hive_root(h), from), name, &v, err);
	return rc == 1 ? set(p, to, name, v, err) : rc;
}

/* What the platform's own agent set, another step takes away: that is nothing to inherit. */
static bool platform_made(const struct prep *p, const struct net_place *place, const char *name,
	const struct reg_value *v)
{
	CLEANUP_FREE char *pattern = xasprintf("%s*", place->prefix);
	size_t i = 0;
	uint32_t number;
	for (const struct strip_list *l; (l = strip_next(p, &i));)
		for (const struct strip_setting *s = l->settings; s && s->key; s++)
			if (!s->software && strcasecmp(s->key, pattern) == 0 &&
				strcasecmp(s->name, name) == 0 && s->rule == SETTING_NUMBER &&
				reg_number(v, &number) && number == s->number)
				return true;
	return false;
}

/* Values that an older hand-over had and the interface has no longer. */
static int drop_stale(struct prep *p, hive_node from, const char *to, struct error **err)
{
	struct hive *system = p->guest->hives[HIVE_SYSTEM].h,
		    *software = p->guest->hives[HIVE_SOFTWARE].h;
	char **names = NULL;
	if (hive_value_names(software, hive_find(software, hive_root(software), to), &names, err) <
		0)
		return -1;
	int rc = 0;
	for (size_t i = 0; rc == 0 && names[i]; i++) {
		CLEANUP_REG_VALUE struct reg_value v = {0};
		rc = hive_get(system, from, names[i], &v, err);
		if (rc == 0)
			rc = plan_reg_unset(p->plan, software, HIVE_SOFTWARE, to, names[i],
				"no longer set", err);
		rc = rc < 0 ? -1 : 0;
	}
	reg_texts_free(names);
	return rc;
}

static int copy_place(struct prep *p, unsigned control_set, const struct net_place *place,
	const struct net_adapter *a, const char *adapter_key, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *from = net_place_key(p->guest, control_set, place, a);
	CLEANUP_FREE char *to = xasprintf("%s\\%s", adapter_key, place->title);
	hive_node node = hive_find(h, hive_root(h), from);
	char **names = NULL;
	if (drop_stale(p, node, to, err) < 0 || hive_value_names(h, node, &names, err) < 0)
		return -1;
	int rc = 0;
	for (size_t i = 0; rc == 0 && names[i]; i++) {
		struct reg_value v = {0};
		if (is_lease(names[i]))
			continue;
		rc = hive_get(h, node, names[i], &v, err);
		if (rc == 1 && platform_made(p, place, names[i], &v))
			reg_value_done(&v);
		else if (rc == 1)
			rc = set(p, to, names[i], v, err);
		rc = rc < 0 ? -1 : 0;
	}
	reg_texts_free(names);
	return rc;
}

/* ---- values of the IP stacks ---- */

static const struct {
	const char *title, *module;
} stacks[] = {{"Nsi4", NSI_IPV4}, {"Nsi6", NSI_IPV6}};

struct nsi_copy {
	struct prep *p;
	unsigned control_set;
	const char *adapter_key;
	size_t stack; /* while one is gone through */
};

static int drop_stale_object(void *data, const char *object, hive_node node, struct error **err)
{
	(void)node;
	struct nsi_copy *c = data;
	struct hive *h = c->p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *rest =
		xasprintf("Control\\Nsi\\%s\\%s", stacks[c->stack].module, object);
	CLEANUP_FREE char *from = guest_control_set_key(c->p->guest, c->control_set, rest);
	CLEANUP_FREE char *to =
		xasprintf("%s\\%s\\%s", c->adapter_key, stacks[c->stack].title, object);
	return drop_stale(c->p, hive_find(h, hive_root(h), from), to, err);
}

static int drop_stale_nsi(struct nsi_copy *c, struct error **err)
{
	struct hive *h = c->p->guest->hives[HIVE_SOFTWARE].h;
	for (c->stack = 0; c->stack < ARRAY_SIZE(stacks); c->stack++) {
		hive_node node = hive_findf(
			h, hive_root(h), "%s\\%s", c->adapter_key, stacks[c->stack].title);
		if (hive_each_subkey(h, node, drop_stale_object, c, err) < 0)
			return -1;
	}
	return 0;
}

/* Addresses, routes, metrics, MTU of both IP stacks; what other modules keep is state, not settings. */
static int copy_nsi(void *data, const char *module, const char *object, const char *key,
	const char *name, struct error **err)
{
	struct nsi_copy *c = data;
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		if (strcasecmp(module, stacks[i].module) != 0)
			continue;
		CLEANUP_FREE char *to =
			xasprintf("%s\\%s\\%s", c->adapter_key, stacks[i].title, object);
		return copy_value(c->p, key, name, to, err);
	}
	return 0;
}

static int identify(
	struct prep *p, const struct net_adapter *a, const char *key, struct error **err)
{
	if (set_text(p, key, "Name", a->name, err) < 0 ||
		set_text(p, key, "Description", a->description, err) < 0 ||
		set_text(p, key, "Device", a->device, err) < 0)
		return -1;
	if (a->has_mac && set(p, key, "Address", reg_binary(a->mac, sizeof(a->mac)), err) < 0)
		return -1;
	if (*a->luid && set(p, key, "NetLuidIndex", reg_dword(a->luid_index), err) < 0)
		return -1;
	return set(p, key, "IfType", reg_dword(a->type), err);
}

static int hand_over(
	struct prep *p, unsigned control_set, const struct net_adapter *a, struct error **err)
{
	CLEANUP_FREE char *key = xasprintf(NET_HANDOVER_KEY "\\Adapters\\%s", a->guid);
	struct nsi_copy nsi = {.p = p, .control_set = control_set, .adapter_key = key};
	if (drop_stale_nsi(&nsi, err) < 0 || identify(p, a, key, err) < 0)
		return -1;
	for (const struct net_place *place = net_places; place->title; place++)
		if (copy_place(p, control_set, place, a, key, err) < 0)
			return -1;
	return net_each_nsi(p->guest, control_set, a, copy_nsi, &nsi, err);
}

/* ---- adapters of an older hand-over ---- */

struct stale {
	struct prep *p;
	const struct net_adapters *adapters;
};

static int drop_adapter(void *data, const char *name, hive_node node, struct error **err)
{
	(void)node;
	struct stale *s = data;
	for (size_t i = 0; i < s->adapters->n; i++)
		if (s->adapters->v[i].kind == NET_NIC &&
			strcasecmp(s->adapters->v[i].guid, name) == 0)
			return 0;
	CLEANUP_FREE char *key = xasprintf(NET_HANDOVER_KEY "\\Adapters\\%s", name);
	return plan_reg_delete_key(s->p->plan, s->p->guest->hives[HIVE_SOFTWARE].h, HIVE_SOFTWARE,
		key, "this Windows has no such adapter any more", err);
}

/* A first start that was cut short can leave a GUID with two devices. */
static bool is_listed(const struct net_adapters *all, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (all->v[k].kind == NET_NIC && strcasecmp(all->v[k].guid, all->v[i].guid) == 0)
			return true;
	return false;
}

int net_plan_handover(struct prep *p, unsigned control_set, const struct net_adapters *adapters,
	struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SOFTWARE].h;
	struct stale stale = {.p = p, .adapters = adapters};
	if (hive_each_subkey(h, hive_find(h, hive_root(h), NET_HANDOVER_KEY "\\Adapters"),
		    drop_adapter, &stale, err) < 0)
		return -1;
	bool any = false;
	for (size_t i = 0; i < adapters->n; i++) {
		if (adapters->v[i].kind != NET_NIC || is_listed(adapters, i))
			continue;
		any = true;
		if (hand_over(p, control_set, &adapters->v[i], err) < 0)
			return -1;
	}
	return any ? set(p, NET_HANDOVER_KEY, "Version", reg_dword(VERSION), err) : 0;
}
