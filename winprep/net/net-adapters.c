/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net-adapters.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "guid.h"
#include "mem.h"
#include "strip.h"

#define IF_TYPE_ETHERNET     6
#define MEDIUM_WIRELESS_LAN  1
#define MEDIUM_NATIVE_802_11 9

/* Buses whose devices a platform brings along (facts windows-and-peers 1.3, 1.8). */
static const char *const machine_buses[] = {"PCI", "VMBUS", "XENVIF", "XENBUS", "XEN"};

/* Teams and switches of Windows itself. */
static const char *const team_devices[] = {
	"COMPOSITEBUS\\MS_IMPLAT_MP", "ROOT\\VMS_MP", "ROOT\\VMS_VSMP"};

static bool begins_with_part(const char *device, const char *part)
{
	size_t len = strlen(part);
	return strncasecmp(device, part, len) == 0 && device[len] == '\\';
}

static enum net_kind kind_of(const char *device, uint32_t type, uint32_t medium)
{
	for (size_t i = 0; i < ARRAY_SIZE(team_devices); i++)
		if (begins_with_part(device, team_devices[i]))
			return NET_TEAM;
	if (type != IF_TYPE_ETHERNET || medium == MEDIUM_WIRELESS_LAN ||
		medium == MEDIUM_NATIVE_802_11)
		return NET_OTHER;
	for (size_t i = 0; i < ARRAY_SIZE(machine_buses); i++)
		if (begins_with_part(device, machine_buses[i]))
			return NET_NIC;
	return NET_OTHER;
}

/* "{4d36e972-…}\0001": the number, or NULL. It becomes part of paths: nothing but digits. */
static const char *class_number(const char *driver)
{
	size_t len = strlen(NET_CLASS);
	if (strncasecmp(driver, NET_CLASS "\\", len + 1) != 0)
		return NULL;
	const char *number = driver + len + 1;
	return strlen(number) == 4 && strspn(number, "0123456789") == 4 ? number : NULL;
}

static bool is_braced_guid(const char *text)
{
	struct guid parsed;
	return text[0] == '{' && strlen(text) == GUID_STRING_SIZE + 1 && guid_parse(text, &parsed);
}

/* NET_LUID: 24 bits reserved, 24 bits of index, 16 bits of type; Nsi writes its bytes as they lie. */
static void format_luid(struct net_adapter *a)
{
	snprintf(a->luid, sizeof(a->luid), "000000%02x%02x%02x%02x%02x", a->luid_index & 0xff,
		a->luid_index >> 8 & 0xff, a->luid_index >> 16 & 0xff, a->type & 0xff,
		a->type >> 8 & 0xff);
}

static void read_mac(struct hive *h, hive_node set, struct net_adapter *a)
{
	static const char *const names[] = {"PermanentAddress", "CurrentAddress"};
	hive_node node =
		hive_findf(h, set, "Control\\NetworkSetup2\\Interfaces\\%s\\Kernel", a->guid);
	for (size_t i = 0; i < ARRAY_SIZE(names) && !a->has_mac; i++) {
		CLEANUP_REG_VALUE struct reg_value v = {0};
		CLEANUP_ERR struct error *ignored = NULL;
		if (hive_get(h, node, names[i], &v, &ignored) != 1 || v.len != sizeof(a->mac))
			continue;
		memcpy(a->mac, v.data, sizeof(a->mac));
		a->has_mac = !mem_is_zero(a->mac, sizeof(a->mac));
	}
}

struct reading {
	struct hive *h;
	hive_node set;
	struct net_adapters *all;
};

void net_adapter_done(struct net_adapter *a)
{
	free(a->device);
	free(a->number);
	free(a->guid);
	free(a->name);
	free(a->description);
	free(a->container);
	free(a->friendly);
}

static void read_class(const struct reading *r, hive_node class_node, struct net_adapter *a)
{
	struct hive *h = r->h;
	uint32_t medium = 0;
	hive_get_number(h, class_node, "*PhysicalMediaType", &medium);
	if (!hive_get_number(h, class_node, "*IfType", &a->type))
		a->type = IF_TYPE_ETHERNET;
	if (hive_get_number(h, class_node, "NetLuidIndex", &a->luid_index))
		format_luid(a);
	a->kind = kind_of(a->device, a->type, medium);
	a->description = hive_get_text(h, class_node, "DriverDesc");
	a->name = hive_get_text(h,
		hive_findf(h, r->set, "Control\\Network\\" NET_CLASS "\\%s\\Connection", a->guid),
		"Name");
	read_mac(h, r->set, a);
}

static int read_device(void *data, const char *key, hive_node node, struct error **err)
{
	(void)err;
	struct reading *r = data;
	CLEANUP_FREE char *class_guid = hive_get_text(r->h, node, "ClassGUID");
	if (!class_guid || strcasecmp(class_guid, NET_CLASS) != 0)
		return 0;
	CLEANUP_FREE char *driver = hive_get_text(r->h, node, "Driver");
	const char *number = driver ? class_number(driver) : NULL;
	if (!number)
		return 0;
	hive_node class_node =
		hive_findf(r->h, r->set, "Control\\Class\\" NET_CLASS "\\%s", number);
	CLEANUP_FREE char *guid = hive_get_text(r->h, class_node, "NetCfgInstanceId");
	if (!guid || !is_braced_guid(guid))
		return 0;
	struct net_adapter a = {.device = xstrdup(strstr(key, "\\Enum\\") + 6),
		.number = xstrdup(number),
		.guid = TAKE_PTR(guid),
		.container = hive_get_text(r->h, node, "ContainerID"),
		.friendly = hive_get_text(r->h, node, "FriendlyName")};
	read_class(r, class_node, &a);
	r->all->v = xrealloc_array(r->all->v, r->all->n + 1, sizeof(*r->all->v));
	r->all->v[r->all->n++] = a;
	return 0;
}

int net_adapters_read(
	const struct guest *g, unsigned control_set, struct net_adapters *ret, struct error **err)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	struct net_adapters all = {0};
	struct reading r = {.h = h,
		.set = hive_findf(h, hive_root(h), "ControlSet%03u", g->control_sets[control_set]),
		.all = &all};
	if (guest_each_device(g, control_set, read_device, &r, err) < 0) {
		net_adapters_done(&all);
		return -1;
	}
	*ret = all;
	return 0;
}

void net_adapters_done(struct net_adapters *a)
{
	for (size_t i = 0; i < a->n; i++)
		net_adapter_done(&a->v[i]);
	free(a->v);
	*a = (struct net_adapters){0};
}

const char *net_adapter_title(const struct net_adapter *a)
{
	return a->name ? a->name : a->description ? a->description : a->device;
}
