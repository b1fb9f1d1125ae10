/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net-reset.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "guid.h"
#include "mem.h"
#include "net-settings.h"

/* ---- an interface that stays ---- */

static int unset_texts(struct prep *p, const char *key, const char *name, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	char **texts = net_get_texts(h, hive_find(h, hive_root(h), key), name);
	bool any = texts[0] != NULL;
	reg_texts_free(texts);
	return any ? plan_reg_unset(p->plan, h, HIVE_SYSTEM, key, name, "set by hand", err) : 0;
}

static int unset_nsi(void *data, const char *module, const char *object, const char *key,
	const char *name, struct error **err)
{
	struct prep *p = data;
	bool ip = strcasecmp(module, NSI_IPV4) == 0 || strcasecmp(module, NSI_IPV6) == 0;
	bool mine = strcmp(object, NSI_ADDRESSES) == 0 || strcmp(object, NSI_ROUTES) == 0;
	if (!ip || !mine)
		return 0;
	return plan_reg_unset(p->plan, p->guest->hives[HIVE_SYSTEM].h, HIVE_SYSTEM, key, name,
		"set by hand", err);
}

int net_reset_interface(
	struct prep *p, unsigned control_set, const struct net_adapter *a, struct error **err)
{
	static const char *const values[] = {"IPAddress", "SubnetMask", "DefaultGateway",
		"DefaultGatewayMetric", "NameServer", "ProfileNameServer", "NameServerList"};
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	for (const struct net_place *place = net_places; place->title; place++) {
		CLEANUP_FREE char *key = net_place_key(p->guest, control_set, place, a);
		uint32_t dhcp;
		hive_node node = hive_find(h, hive_root(h), key);
		for (size_t i = 0; node && i < ARRAY_SIZE(values); i++)
			if (unset_texts(p, key, values[i], err) < 0)
				return -1;
		if (hive_get_number(h, node, "EnableDHCP", &dhcp) &&
			plan_reg_set(p->plan, h, HIVE_SYSTEM, key, "EnableDHCP", reg_dword(1),
				"network: dhcp", err) < 0)
			return -1;
	}
	return net_each_nsi(p->guest, control_set, a, unset_nsi, p, err);
}

/* ---- routes ---- */

static bool parse_ipv4(const char *text, uint32_t *ret)
{
	struct in_addr a;
	if (inet_pton(AF_INET, text, &a) != 1)
		return false;
	*ret = a.s_addr;
	return true;
}

static bool in_subnet(struct hive *h, hive_node node, const char *address_value,
	const char *mask_value, uint32_t gateway)
{
	char **addresses = net_get_texts(h, node, address_value);
	char **masks = net_get_texts(h, node, mask_value);
	bool found = false;
	for (size_t i = 0; addresses[i] && masks[i]; i++) {
		uint32_t address, mask;
		found = found ||
			(parse_ipv4(addresses[i], &address) && parse_ipv4(masks[i], &mask) &&
				mask && (address & mask) == (gateway & mask));
	}
	reg_texts_free(addresses);
	reg_texts_free(masks);
	return found;
}

/* The adapter's own network: what it had by hand or by DHCP. */
static bool reaches(
	const struct prep *p, unsigned control_set, const struct net_adapter *a, uint32_t gateway)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *key = net_place_key(p->guest, control_set, &net_places[0], a);
	hive_node node = hive_find(h, hive_root(h), key);
	return in_subnet(h, node, "IPAddress", "SubnetMask", gateway) ||
	       in_subnet(h, node, "DhcpIPAddress", "DhcpSubnetMask", gateway);
}

/* "destination,mask,gateway,metric": the third field. */
static bool route_gateway(const char *route, uint32_t *ret)
{
	CLEANUP_FREE char *copy = xstrdup(route);
	char *rest = copy, *field = NULL;
	for (int i = 0; i < 3; i++)
		field = strsep(&rest, ",");
	return field && parse_ipv4(field, ret);
}

/* Persistent routes name a gateway, no adapter: one goes with the adapter whose network its gateway is in. */
int net_drop_routes(
	struct prep *p, unsigned control_set, const struct net_adapters *nics, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *key = guest_control_set_key(
		p->guest, control_set, "Services\\Tcpip\\Parameters\\PersistentRoutes");
	char **routes = NULL;
	int rc = hive_value_names(h, hive_find(h, hive_root(h), key), &routes, err);
	for (size_t i = 0; rc == 0 && routes[i]; i++) {
		uint32_t gateway;
		bool mine = false;
		if (!*routes[i])
			continue;
		for (size_t k = 0; route_gateway(routes[i], &gateway) && k < nics->n; k++)
			mine = mine || reaches(p, control_set, &nics->v[k], gateway);
		if (mine)
			rc = plan_reg_unset(p->plan, h, HIVE_SYSTEM, key, routes[i],
				"its gateway is in the network of an adapter that goes to DHCP",
				err);
		else
			plan_note(p->plan,
				"persistent route %s left alone: its gateway is in no adapter's network",
				routes[i]);
	}
	reg_texts_free(routes);
	return rc;
}

/* ---- interfaces without an adapter ---- */

struct orphans {
	struct prep *p;
	unsigned control_set;
	const struct net_adapters *all;
	bool keep; /* only told */
};

/* Settings of an adapter that was removed long ago, or of a dial-up connection that is dialled anew. */
static int reset_orphan(void *data, const char *name, hive_node node, struct error **err)
{
	(void)node;
	struct orphans *o = data;
	struct guid parsed;
	struct net_adapter a = {.kind = NET_OTHER, .guid = (char *)name};
	CLEANUP_FREE char *what = NULL;
	if (name[0] != '{' || !guid_parse(name, &parsed))
		return 0;
	for (size_t i = 0; i < o->all->n; i++)
		if (strcasecmp(o->all->v[i].guid, name) == 0)
			return 0;
	if (net_describe_static(o->p->guest, o->control_set, &a, &what, err) < 0)
		return -1;
	if (!what)
		return 0;
	if (o->keep) {
		plan_note(o->p->plan,
			"interface %s has %s, but no adapter any more: it stays, and no new adapter can inherit it",
			name, what);
		return 0;
	}
	plan_note(o->p->plan, "interface %s, which has no adapter any more, loses %s", name, what);
	return net_reset_interface(o->p, o->control_set, &a, err);
}

static int each_orphan(struct prep *p, unsigned control_set, const struct net_adapters *all,
	bool keep, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	struct orphans o = {.p = p, .control_set = control_set, .all = all, .keep = keep};
	CLEANUP_FREE char *key = guest_control_set_key(
		p->guest, control_set, "Services\\Tcpip\\Parameters\\Interfaces");
	return hive_each_subkey(h, hive_find(h, hive_root(h), key), reset_orphan, &o, err);
}

int net_reset_orphans(
	struct prep *p, unsigned control_set, const struct net_adapters *all, struct error **err)
{
	return each_orphan(p, control_set, all, false, err);
}

int net_note_orphans(
	struct prep *p, unsigned control_set, const struct net_adapters *all, struct error **err)
{
	return each_orphan(p, control_set, all, true, err);
}
