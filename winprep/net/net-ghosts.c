/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the device of a network adapter leaves in the registry, after the real hive of a Windows 10 on
 * VMware: each place is named by the device's instance, by the interface's GUID or by its LUID, so nothing
 * of another adapter can be meant.
 */
#include "net-ghosts.h"

#include <string.h>
#include <strings.h>

#include "mem.h"
#include "net-settings.h"
#include "prepare.h"

#define WHY "adapter of the source platform: its device is gone"

/* Below a control set; the GUID follows. */
static const char *const guid_keys[] = {"Control\\Network\\" NET_CLASS "\\",
	"Control\\NetworkSetup2\\Interfaces\\",
	"Services\\Tcpip\\Parameters\\DNSRegisteredAdapters\\",
	"Services\\Dnscache\\InterfaceSpecificParameters\\", "Services\\"};

/* Interfaces that every NIC's device offers: of NDIS, and of network adapters in general. */
static const char *const interface_classes[] = {
	"{ad498944-762f-11d0-8dcb-00c04fc3358c}", "{cac88484-7515-4c03-82e6-71a87abac361}"};

/* Takes out of the list what is not the machine's; true where there is a team. */
static bool keep_nics(struct net_adapters *all)
{
	bool team = false;
	size_t n = all->n;
	all->n = 0;
	for (size_t i = 0; i < n; i++) {
		struct net_adapter a = all->v[i];
		team = team || a.kind == NET_TEAM;
		if (a.kind == NET_NIC)
			all->v[all->n++] = a;
		else
			net_adapter_done(&a);
	}
	return team;
}

bool net_ghosts_go(const struct prep *p)
{
	return p->request && p->request->network == NETWORK_DHCP && p->from && p->from != p->to;
}

int net_ghosts_read(
	const struct prep *p, unsigned control_set, struct net_adapters *ret, struct error **err)
{
	*ret = (struct net_adapters){0};
	if (!net_ghosts_go(p))
		return 0;
	if (net_adapters_read(p->guest, control_set, ret, err) < 0)
		return -1;
	if (keep_nics(ret))
		net_adapters_done(ret);
	return 0;
}

static int delete_key(struct prep *p, const char *key, struct error **err)
{
	return plan_reg_delete_key(
		p->plan, p->guest->hives[HIVE_SYSTEM].h, HIVE_SYSTEM, key, WHY, err);
}

/* ---- the device ---- */

/* "PCI\VEN_…\0" is "##?#PCI#VEN_…#0#{class}" there. */
static char *interface_key(
	const struct prep *p, unsigned control_set, const char *class, const char *device)
{
	CLEANUP_FREE char *link = xstrdup(device);
	for (char *c = link; *c; c++)
		if (*c == '\\')
			*c = '#';
	CLEANUP_FREE char *rest =
		xasprintf("Control\\DeviceClasses\\%s\\##?#%s#%s", class, link, class);
	return guest_control_set_key(p->guest, control_set, rest);
}

/* Its container lists it as a value's name. */
static int purge_container(
	struct prep *p, unsigned control_set, const struct net_adapter *a, struct error **err)
{
	if (!a->container)
		return 0;
	CLEANUP_FREE char *rest = xasprintf(
		"Control\\DeviceContainers\\%s\\BaseContainers\\%s", a->container, a->container);
	CLEANUP_FREE char *key = guest_control_set_key(p->guest, control_set, rest);
	return plan_reg_unset(
		p->plan, p->guest->hives[HIVE_SYSTEM].h, HIVE_SYSTEM, key, a->device, WHY, err);
}

static int purge_device(
	struct prep *p, unsigned control_set, const struct net_adapter *a, struct error **err)
{
	CLEANUP_FREE char *device = xasprintf("Enum\\%s", a->device);
	CLEANUP_FREE char *driver = xasprintf("Control\\Class\\" NET_CLASS "\\%s", a->number);
	CLEANUP_FREE char *enum_key = guest_control_set_key(p->guest, control_set, device);
	CLEANUP_FREE char *class_key = guest_control_set_key(p->guest, control_set, driver);
	for (size_t i = 0; i < ARRAY_SIZE(interface_classes); i++) {
		CLEANUP_FREE char *key =
			interface_key(p, control_set, interface_classes[i], a->device);
		if (delete_key(p, key, err) < 0)
			return -1;
	}
	if (delete_key(p, enum_key, err) < 0 || delete_key(p, class_key, err) < 0)
		return -1;
	return purge_container(p, control_set, a, err);
}

/*
 * Descriptions counts the devices of one name: the value "Intel(R) …" lists "1", "2" …, and "Intel(R) … #2"
 * is the second. The number is free again, or the next one of that name would be called "#2".
 */
static int purge_description(
	struct prep *p, unsigned control_set, const struct net_adapter *a, struct error **err)
{
	if (!a->description)
		return 0;
	size_t len = strlen(a->description);
	const char *number = "1";
	if (a->friendly && strncmp(a->friendly, a->description, len) == 0 &&
		strncmp(a->friendly + len, " #", 2) == 0)
		number = a->friendly + len + 2;
	CLEANUP_FREE char *key = guest_control_set_key(
		p->guest, control_set, "Control\\Network\\" NET_CLASS "\\Descriptions");
	return plan_reg_list_remove(p->plan, p->guest->hives[HIVE_SYSTEM].h, HIVE_SYSTEM, key,
		a->description, number, WHY, err);
}

/* ---- the interface ---- */

static int purge_nsi(void *data, const char *module, const char *object, const char *key,
	const char *name, struct error **err)
{
	(void)module, (void)object;
	struct prep *p = data;
	return plan_reg_unset(
		p->plan, p->guest->hives[HIVE_SYSTEM].h, HIVE_SYSTEM, key, name, WHY, err);
}

static int purge_interface(
	struct prep *p, unsigned control_set, const struct net_adapter *a, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(guid_keys); i++) {
		CLEANUP_FREE char *rest = xasprintf("%s%s", guid_keys[i], a->guid);
		CLEANUP_FREE char *key = guest_control_set_key(p->guest, control_set, rest);
		if (delete_key(p, key, err) < 0)
			return -1;
	}
	for (const struct net_place *place = net_places; place->title; place++) {
		CLEANUP_FREE char *key = net_place_key(p->guest, control_set, place, a);
		if (delete_key(p, key, err) < 0)
			return -1;
	}
	return net_each_nsi(p->guest, control_set, a, purge_nsi, p, err);
}

/* ---- bindings of other services to it ---- */

struct bindings {
	struct prep *p;
	char *services; /* key */
	const struct net_adapters *ghosts;
};

static bool names_ghost(const struct net_adapters *ghosts, const char *text)
{
	for (size_t i = 0; i < ghosts->n; i++)
		if (strcasestr(text, ghosts->v[i].guid))
			return true;
	return false;
}

static int purge_list(
	struct bindings *b, const char *key, hive_node node, const char *name, struct error **err)
{
	struct hive *h = b->p->guest->hives[HIVE_SYSTEM].h;
	char **texts = net_get_texts(h, node, name);
	int rc = 0;
	for (size_t i = 0; rc == 0 && texts[i]; i++)
		if (names_ghost(b->ghosts, texts[i]))
			rc = plan_reg_list_remove(
				b->p->plan, h, HIVE_SYSTEM, key, name, texts[i], WHY, err);
	reg_texts_free(texts);
	return rc;
}

/* LanaMap has two bytes for each entry of Bind, in the same order. */
static int purge_lana_map(struct bindings *b, const char *key, hive_node node, struct error **err)
{
	struct hive *h = b->p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_REG_VALUE struct reg_value map = {0};
	int rc = hive_get(h, node, "LanaMap", &map, err);
	if (rc <= 0)
		return rc;
	char **bind = net_get_texts(h, node, "Bind");
	size_t n = 0, kept = 0;
	while (bind[n])
		n++;
	bool fits = map.type == REG_BINARY && map.len == 2 * n;
	for (size_t i = 0; fits && i < n; i++)
		if (!names_ghost(b->ghosts, bind[i]))
			memmove(map.data + 2 * kept++, map.data + 2 * i, 2);
	reg_texts_free(bind);
	if (!fits || kept == n)
		return 0;
	return plan_reg_set(b->p->plan, h, HIVE_SYSTEM, key, "LanaMap",
		reg_binary(map.data, 2 * kept), WHY, err);
}

static int purge_linkage(struct bindings *b, const char *key, hive_node node, struct error **err)
{
	static const char *const lists[] = {"Bind", "Export", "Route"};
	if (purge_lana_map(b, key, node, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (purge_list(b, key, node, lists[i], err) < 0)
			return -1;
	return 0;
}

/* Filters and protocols keep a key for each adapter they are bound to. */
static int purge_parameters(
	struct bindings *b, const char *service, hive_node node, struct error **err)
{
	static const char *const lists[] = {"Parameters\\Adapters", "Parameters\\NdisAdapters"};
	struct hive *h = b->p->guest->hives[HIVE_SYSTEM].h;
	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		hive_node adapters = hive_find(h, node, lists[k]);
		for (size_t i = 0; adapters && i < b->ghosts->n; i++) {
			CLEANUP_FREE char *key = xasprintf("%s\\%s\\%s\\%s", b->services, service,
				lists[k], b->ghosts->v[i].guid);
			if (delete_key(b->p, key, err) < 0)
				return -1;
		}
	}
	return 0;
}

static int purge_service(void *data, const char *name, hive_node node, struct error **err)
{
	struct bindings *b = data;
	struct hive *h = b->p->guest->hives[HIVE_SYSTEM].h;
	hive_node linkage = hive_find(h, node, "Linkage");
	CLEANUP_FREE char *key = xasprintf("%s\\%s\\Linkage", b->services, name);
	if (linkage && purge_linkage(b, key, linkage, err) < 0)
		return -1;
	return purge_parameters(b, name, node, err);
}

/* ---- SOFTWARE ---- */

static int purge_card(void *data, const char *name, hive_node node, struct error **err)
{
	struct bindings *b = data;
	struct hive *h = b->p->guest->hives[HIVE_SOFTWARE].h;
	CLEANUP_FREE char *guid = hive_get_text(h, node, "ServiceName");
	if (!guid || !names_ghost(b->ghosts, guid))
		return 0;
	CLEANUP_FREE char *key = xasprintf("%s\\%s", b->services, name);
	return plan_reg_delete_key(b->p->plan, h, HIVE_SOFTWARE, key, WHY, err);
}

/* Once, not for every control set: its ghosts are those of the current one. */
static int purge_cards(struct bindings *b, struct error **err)
{
	struct hive *h = b->p->guest->hives[HIVE_SOFTWARE].h;
	CLEANUP_FREE char *key = xstrdup("Microsoft\\Windows NT\\CurrentVersion\\NetworkCards");
	b->services = key;
	return h ? hive_each_subkey(h, hive_find(h, hive_root(h), key), purge_card, b, err) : 0;
}

int net_purge_ghosts(
	struct prep *p, unsigned control_set, const struct net_adapters *ghosts, struct error **err)
{
	const struct guest *g = p->guest;
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *services = guest_control_set_key(g, control_set, "Services");
	struct bindings b = {.p = p, .services = services, .ghosts = ghosts};
	if (!ghosts->n)
		return 0;
	for (size_t i = 0; i < ghosts->n; i++)
		if (purge_device(p, control_set, &ghosts->v[i], err) < 0 ||
			purge_description(p, control_set, &ghosts->v[i], err) < 0 ||
			purge_interface(p, control_set, &ghosts->v[i], err) < 0)
			return -1;
	if (hive_each_subkey(h, hive_find(h, hive_root(h), services), purge_service, &b, err) < 0)
		return -1;
	bool current = g->control_sets[control_set] == g->current_control_set;
	return current ? purge_cards(&b, err) : 0;
}
