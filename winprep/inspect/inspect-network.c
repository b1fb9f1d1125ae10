/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Network connections with their addresses. Facts 1.7. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "guest-state.h"
#include "inspect-private.h"
#include "mem.h"
#include "strbuf.h"

#define NET_CLASS "{4d36e972-e325-11ce-bfc1-08002be10318}"
#define NSI_IPV6  "{eb004a01-9b1a-11d4-9123-0050047759bc}"

struct network {
	const struct guest *g;
	struct hive *h;
	hive_node connections;	   /* Control\Network\{class} */
	hive_node adapters;	   /* Control\Class\{class} */
	hive_node ipv4, ipv6, nsi; /* …\Interfaces; static IPv6 addresses */
	json_t *list;
};

/* "@netvmini.inf,%name%;Some Adapter" says its name behind the last ';'. */
static void set_device_text(json_t *o, struct network *n, hive_node device)
{
	static const char *const names[] = {"FriendlyName", "DeviceDesc"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP_FREE char *text = hive_get_text(n->h, device, names[i]);
		if (!text)
			continue;
		const char *semicolon = *text == '@' ? strrchr(text, ';') : NULL;
		jsonx_set_string(o, "adapter", semicolon ? semicolon + 1 : text);
		return;
	}
	jsonx_set_string(o, "adapter", NULL);
}

/* A list of servers is one text, with commas or spaces between them. */
static json_t *server_list(struct network *n, hive_node node, const char *name)
{
	json_t *list = json_array();
	CLEANUP_FREE char *text = hive_get_text(n->h, node, name);
	char *rest = text, *part;
	while (rest && (part = strsep(&rest, ", ")))
		if (*part)
			json_array_append_new(list, json_string(part));
	return list;
}

static json_t *addresses(struct network *n, hive_node node)
{
	json_t *list = json_array();
	CLEANUP_JSON json_t *ips = inspect_texts(n->h, node, "IPAddress");
	CLEANUP_JSON json_t *masks = inspect_texts(n->h, node, "SubnetMask");
	for (size_t i = 0; i < json_array_size(ips); i++) {
		const char *ip = json_string_value(json_array_get(ips, i));
		json_t *o = json_object();
		jsonx_set_string(o, "address", ip);
		jsonx_set_string(o, "mask", json_string_value(json_array_get(masks, i)));
		if (strcmp(ip, "0.0.0.0") == 0)
			json_decref(o);
		else
			json_array_append_new(list, o);
	}
	return list;
}

static void set_dhcp(json_t *o, struct network *n, hive_node node)
{
	uint32_t dhcp;
	bool known = hive_get_number(n->h, node, "EnableDHCP", &dhcp);
	jsonx_set(o, "dhcp", known ? json_boolean(dhcp != 0) : json_null());
}

static json_t *ipv4(struct network *n, hive_node node)
{
	if (!node)
		return json_null();
	json_t *o = json_object();
	set_dhcp(o, n, node);
	jsonx_set(o, "addresses", addresses(n, node));
	jsonx_set(o, "gateways", inspect_texts(n->h, node, "DefaultGateway"));
	jsonx_set(o, "dnsServers", server_list(n, node, "NameServer"));
	inspect_set_text(o, "dnsSuffix", n->h, node, "Domain");
	inspect_set_number(o, "mtu", n->h, node, "MTU");
	return o;
}

/* ---- IPv6: the addresses are kept by the interface's LUID ---- */

struct luid_search {
	struct network *n;
	const char *id;
	char luid[17]; /* hex of 24 bits reserved, 24 bits index, 16 bits type, little-endian */
};

static int look_at_adapter(void *data, const char *name, hive_node node, struct error **err)
{
	(void)name, (void)err;
	struct luid_search *s = data;
	uint32_t index, type = 6;
	CLEANUP_FREE char *id = hive_get_text(s->n->h, node, "NetCfgInstanceId");
	if (!id || strcasecmp(id, s->id) != 0 ||
		!hive_get_number(s->n->h, node, "NetLuidIndex", &index))
		return 0;
	hive_get_number(s->n->h, node, "*IfType", &type);
	snprintf(s->luid, sizeof(s->luid), "000000%02x%02x%02x%02x%02x", index & 0xff,
		index >> 8 & 0xff, index >> 16 & 0xff, type & 0xff, type >> 8 & 0xff);
	return 1;
}

/* 32 hex digits as eight groups. */
static json_t *address_of_hex(const char *hex)
{
	struct strbuf b = {0};
	for (int i = 0; i < 8; i++)
		strbuf_addf(&b, "%s%.4s", i ? ":" : "", hex + 4 * i);
	CLEANUP_FREE char *text = strbuf_take(&b);
	return json_string(text);
}

static json_t *ipv6_addresses(struct network *n, const char *id)
{
	struct luid_search s = {.n = n, .id = id};
	CLEANUP_ERR struct error *ignored = NULL;
	char **names = NULL;
	json_t *list = json_array();
	if (hive_each_subkey(n->h, n->adapters, look_at_adapter, &s, &ignored) != 1 ||
		hive_value_names(n->h, n->nsi, &names, &ignored) < 0)
		return list;
	for (size_t i = 0; names[i]; i++)
		if (strlen(names[i]) >= 48 && strncasecmp(names[i], s.luid, 16) == 0 &&
			strspn(names[i], "0123456789abcdefABCDEF") >= 48)
			json_array_append_new(list, address_of_hex(names[i] + 16));
	reg_texts_free(names);
	return list;
}

static json_t *ipv6(struct network *n, const char *id, hive_node node)
{
	json_t *o = json_object();
	set_dhcp(o, n, node);
	jsonx_set(o, "addresses", ipv6_addresses(n, id));
	jsonx_set(o, "dnsServers", server_list(n, node, "NameServer"));
	return o;
}

/* ---- connections ---- */

static void add(struct network *n, const char *id, hive_node connection)
{
	struct hive *h = n->h;
	CLEANUP_FREE char *device = hive_get_text(h, connection, "PnpInstanceID");
	json_t *o = json_object();
	jsonx_set_string(o, "id", id);
	inspect_set_text(o, "name", h, connection, "Name");
	jsonx_set_string(o, "device", device);
	CLEANUP_FREE char *key = xasprintf("Enum\\%s", device ? device : "");
	set_device_text(o, n, device ? guest_current_key(n->g, key) : 0);
	jsonx_set(o, "ipv4", ipv4(n, hive_find(h, n->ipv4, id)));
	jsonx_set(o, "ipv6", ipv6(n, id, hive_find(h, n->ipv6, id)));
	json_array_append_new(n->list, o);
}

/* Connections without a device are tunnels and such. */
static int look_at_connection(void *data, const char *name, hive_node node, struct error **err)
{
	(void)err;
	struct network *n = data;
	hive_node connection = hive_find(n->h, node, "Connection");
	CLEANUP_FREE char *device = hive_get_text(n->h, connection, "PnpInstanceID");
	if (device)
		add(n, name, connection);
	return 0;
}

/* Addresses that no connection has any more: an adapter that was taken out. */
static int look_at_interface(void *data, const char *name, hive_node node, struct error **err)
{
	(void)err;
	struct network *n = data;
	hive_node connection = hive_find(n->h, hive_find(n->h, n->connections, name), "Connection");
	CLEANUP_FREE char *device = hive_get_text(n->h, connection, "PnpInstanceID");
	CLEANUP_JSON json_t *list = addresses(n, node);
	if (!device && json_array_size(list))
		add(n, name, connection);
	return 0;
}

static json_t *routes(const struct guest *g, struct hive *h)
{
	char **names = NULL;
	CLEANUP_ERR struct error *ignored = NULL;
	json_t *list = json_array();
	if (hive_value_names(h,
		    guest_current_key(g, "Services\\Tcpip\\Parameters\\PersistentRoutes"), &names,
		    &ignored) < 0)
		return list;
	for (size_t i = 0; names[i]; i++)
		if (*names[i])
			json_array_append_new(list, json_string(names[i]));
	reg_texts_free(names);
	return list;
}

json_t *inspect_network(const struct guest *g)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	CLEANUP_ERR struct error *ignored = NULL;
	if (!h)
		return json_null();
	struct network n = {.g = g,
		.h = h,
		.connections = guest_current_key(g, "Control\\Network\\" NET_CLASS),
		.adapters = guest_current_key(g, "Control\\Class\\" NET_CLASS),
		.ipv4 = guest_current_key(g, "Services\\Tcpip\\Parameters\\Interfaces"),
		.ipv6 = guest_current_key(g, "Services\\Tcpip6\\Parameters\\Interfaces"),
		.nsi = guest_current_key(g, "Control\\Nsi\\" NSI_IPV6 "\\10"),
		.list = json_array()};
	json_t *o = json_object();
	jsonx_set(o, "interfaces", n.list);
	jsonx_set(o, "persistentRoutes", routes(g, h));
	if (hive_each_subkey(h, n.connections, look_at_connection, &n, &ignored) == 0 &&
		hive_each_subkey(h, n.ipv4, look_at_interface, &n, &ignored) == 0)
		return o;
	json_decref(o);
	return json_null();
}
