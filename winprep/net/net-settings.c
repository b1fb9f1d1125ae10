/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net-settings.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "strbuf.h"

/* Facts windows-and-peers 1.7. */
const struct net_place net_places[] = {
	{"Tcpip", "Services\\Tcpip\\Parameters\\Interfaces\\"},
	{"Tcpip6", "Services\\Tcpip6\\Parameters\\Interfaces\\"},
	{"NetBT", "Services\\NetBT\\Parameters\\Interfaces\\Tcpip_"},
	{"NetBT6", "Services\\NetBT\\Parameters\\Interfaces\\Tcpip6_"},
	{NULL, NULL},
};

char *net_place_key(const struct guest *g, unsigned control_set, const struct net_place *place,
	const struct net_adapter *a)
{
	return xasprintf(
		"ControlSet%03u\\%s%s", g->control_sets[control_set], place->prefix, a->guid);
}

/* ---- Control\Nsi ---- */

struct nsi_walk {
	struct hive *h;
	const struct net_adapter *a;
	const char *key;    /* of Control\Nsi */
	const char *module; /* while in one */
	net_nsi_fn *fn;
	void *data;
};

/*
 * Most names begin with the LUID; a route's begins with where it leads to, in fields of eight bytes, and
 * the LUID is one of them.
 */
static bool is_of(const char *object, const char *name, const char *luid)
{
	size_t len = strlen(name);
	bool route = strcmp(object, NSI_ROUTES) == 0;
	for (size_t at = 0; at + 16 <= len && (at == 0 || route); at += 16)
		if (strncasecmp(name + at, luid, 16) == 0)
			return true;
	return false;
}

static int walk_object(void *data, const char *object, hive_node node, struct error **err)
{
	struct nsi_walk *w = data;
	char **names = NULL;
	if (hive_value_names(w->h, node, &names, err) < 0)
		return -1;
	CLEANUP_FREE char *key = xasprintf("%s\\%s\\%s", w->key, w->module, object);
	int rc = 0;
	for (size_t i = 0; rc == 0 && names[i]; i++)
		if (is_of(object, names[i], w->a->luid))
			rc = w->fn(w->data, w->module, object, key, names[i], err);
	reg_texts_free(names);
	return rc;
}

static int walk_module(void *data, const char *module, hive_node node, struct error **err)
{
	struct nsi_walk *w = data;
	w->module = module;
	return hive_each_subkey(w->h, node, walk_object, w, err);
}

int net_each_nsi(const struct guest *g, unsigned control_set, const struct net_adapter *a,
	net_nsi_fn *fn, void *data, struct error **err)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *key = guest_control_set_key(g, control_set, "Control\\Nsi");
	struct nsi_walk w = {.h = h, .a = a, .key = key, .fn = fn, .data = data};
	if (!*a->luid)
		return 0;
	return hive_each_subkey(h, hive_find(h, hive_root(h), key), walk_module, &w, err);
}

/* ---- what was set by hand ---- */

char **net_get_texts(struct hive *h, hive_node node, const char *name)
{
	CLEANUP_REG_VALUE struct reg_value v = {0};
	CLEANUP_ERR struct error *ignored = NULL;
	char **texts = hive_get(h, node, name, &v, &ignored) == 1 ? reg_texts(&v)
								  : xcalloc(1, sizeof(*texts));
	size_t kept = 0;
	for (size_t i = 0; texts[i]; i++) {
		char *text = texts[i];
		texts[i] = NULL;
		if (*text)
			texts[kept++] = text;
		else
			free(text);
	}
	return texts;
}

static void add_texts(
	struct strbuf *b, struct hive *h, hive_node node, const char *name, const char *title)
{
	char **texts = net_get_texts(h, node, name);
	for (size_t i = 0; texts[i]; i++)
		strbuf_addf(b, "%s%s%s%s", i || !b->len ? "" : ", ", i ? "," : title,
			i || !*title ? "" : " ", texts[i]);
	reg_texts_free(texts);
}

static void describe_ipv4(struct strbuf *b, struct hive *h, hive_node tcpip)
{
	uint32_t dhcp = 1;
	char **addresses = net_get_texts(h, tcpip, "IPAddress");
	char **masks = net_get_texts(h, tcpip, "SubnetMask");
	hive_get_number(h, tcpip, "EnableDHCP", &dhcp);
	for (size_t i = 0, m = 0; !dhcp && addresses[i]; i++) {
		strbuf_addf(b, "%s%s%s%s", b->len ? ", " : "", addresses[i], masks[m] ? "/" : "",
			masks[m] ? masks[m] : "");
		m += masks[m] != NULL;
	}
	reg_texts_free(addresses);
	reg_texts_free(masks);
	if (!dhcp)
		add_texts(b, h, tcpip, "DefaultGateway", "gateway");
	add_texts(b, h, tcpip, "NameServer", "DNS");
}

/* Name of an address's value: LUID, then the address, in hexadecimal digits. */
static bool parse_ipv6(const char *name, char ret[static INET6_ADDRSTRLEN])
{
	uint8_t address[16];
	if (strlen(name) < 48)
		return false;
	for (size_t i = 0; i < sizeof(address); i++) {
		char digits[3] = {name[16 + 2 * i], name[17 + 2 * i], '\0'}, *end;
		address[i] = (uint8_t)strtoul(digits, &end, 16);
		if (*end)
			return false;
	}
	return inet_ntop(AF_INET6, address, ret, INET6_ADDRSTRLEN) != NULL;
}

static int describe_nsi(void *data, const char *module, const char *object, const char *key,
	const char *name, struct error **err)
{
	(void)key, (void)err;
	struct strbuf *b = data;
	char address[INET6_ADDRSTRLEN];
	bool route = strcmp(object, NSI_ROUTES) == 0, six = strcasecmp(module, NSI_IPV6) == 0;
	/* IPv4's default route is the gateway that was named already: to 0.0.0.0, all digits zero. */
	if (route && (six || strspn(name, "0") < 48))
		strbuf_addf(b, "%san %s route", b->len ? ", " : "", six ? "IPv6" : "IPv4");
	else if (six && strcmp(object, NSI_ADDRESSES) == 0 && parse_ipv6(name, address))
		strbuf_addf(b, "%s%s", b->len ? ", " : "", address);
	return 0;
}

int net_describe_static(const struct guest *g, unsigned control_set, const struct net_adapter *a,
	char **ret, struct error **err)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	struct strbuf b CLEANUP(strbuf_done) = {0};
	hive_node node[3];
	for (size_t i = 0; i < ARRAY_SIZE(node); i++) {
		CLEANUP_FREE char *key = net_place_key(g, control_set, &net_places[i], a);
		node[i] = hive_find(h, hive_root(h), key);
	}
	describe_ipv4(&b, h, node[0]);
	add_texts(&b, h, node[1], "NameServer", "DNS");
	add_texts(&b, h, node[2], "NameServerList", "WINS");
	if (net_each_nsi(g, control_set, a, describe_nsi, &b, err) < 0)
		return -1;
	*ret = b.len ? strbuf_take(&b) : NULL;
	return 0;
}
