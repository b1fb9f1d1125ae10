/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "adapters.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "log.h"
#include "reg.h"
#include "text.h"

#define MEDIUM_WIRELESS_LAN  1
#define MEDIUM_NATIVE_802_11 9
#define MAX_DEVICE	     200 /* MAX_DEVICE_ID_LEN */

static const WCHAR *const machine_buses[] = {L"PCI", L"VMBUS", L"XENVIF", L"XENBUS", L"XEN"};
static const WCHAR *const team_devices[] = {
	L"COMPOSITEBUS\\MS_IMPLAT_MP", L"ROOT\\VMS_MP", L"ROOT\\VMS_VSMP"};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void adapter_done(struct adapter *a)
{
	free(a->device);
	free(a->number);
	free(a->guid);
	free(a->name);
	free(a->description);
}

void adapters_done(struct adapters *all)
{
	for (size_t i = 0; i < all->n; i++)
		adapter_done(&all->v[i]);
	free(all->v);
	*all = (struct adapters){0};
}

const WCHAR *adapter_title(const struct adapter *a)
{
	return a->name ? a->name : a->description ? a->description : a->device;
}

static void add(struct adapters *all, const struct adapter *a)
{
	if (!all->v)
		all->v = xalloc(MAX_ADAPTERS * sizeof(*all->v));
	all->v[all->n++] = *a;
}

/* "{4d36e972-…}\0001": the number. It becomes part of paths: four digits, or NULL. */
static WCHAR *class_number(const WCHAR *enum_key)
{
	WCHAR *class = reg_get_text(enum_key, L"ClassGUID");
	WCHAR *driver = reg_get_text(enum_key, L"Driver");
	const WCHAR *number = NULL;
	if (text_same(class, NET_CLASS) && driver && text_begins(driver, NET_CLASS L"\\"))
		number = driver + wcslen(NET_CLASS L"\\");
	BOOL fits = number && wcslen(number) == 4 && wcsspn(number, L"0123456789") == 4;
	WCHAR *copy = fits ? text_copy(number) : NULL;
	free(class);
	free(driver);
	return copy;
}

static BOOL set_mac(struct adapter *a, const WCHAR *key, const WCHAR *name)
{
	static const BYTE none[6];
	struct reg_data v;
	if (!reg_get(key, name, &v))
		return FALSE;
	a->has_mac = v.type == REG_BINARY && v.len == sizeof(a->mac) && memcmp(v.data, none, 6);
	if (a->has_mac)
		memcpy(a->mac, v.data, sizeof(a->mac));
	free(v.data);
	return a->has_mac;
}

static BOOL read_class(struct adapter *a)
{
	DWORD type = IF_ETHERNET, medium = 0;
	WCHAR *key = in_set(L"Control\\Class\\" NET_CLASS L"\\%ls", a->number);
	reg_get_number(key, L"*IfType", &type);
	reg_get_number(key, L"*PhysicalMediaType", &medium);
	a->guid = reg_get_text(key, L"NetCfgInstanceId");
	a->description = reg_get_text(key, L"DriverDesc");
	a->has_luid = reg_get_number(key, L"NetLuidIndex", &a->luid_index);
	free(key);
	return a->guid && text_is_guid(a->guid) && type == IF_ETHERNET &&
	       medium != MEDIUM_WIRELESS_LAN && medium != MEDIUM_NATIVE_802_11;
}

static void read_interface(struct adapter *a)
{
	WCHAR *kernel = in_set(L"Control\\NetworkSetup2\\Interfaces\\%ls\\Kernel", a->guid);
	if (!set_mac(a, kernel, L"PermanentAddress"))
		set_mac(a, kernel, L"CurrentAddress");
	free(kernel);
	WCHAR *connection = in_set(L"Control\\Network\\" NET_CLASS L"\\%ls\\Connection", a->guid);
	a->name = reg_get_text(connection, L"Name");
	free(connection);
}

static void read_device(struct adapters *all, const WCHAR *device, present_fn *present)
{
	WCHAR *key = in_set(L"Enum\\%ls", device);
	struct adapter a = {.number = class_number(key)};
	free(key);
	if (!a.number || all->n == MAX_ADAPTERS)
		return;
	a.device = text_copy(device);
	if (!read_class(&a)) {
		adapter_done(&a);
		return;
	}
	read_interface(&a);
	a.present = present(device);
	add(all, &a);
}

typedef void device_fn(void *context, const WCHAR *device);

static void each_instance(const WCHAR *id, device_fn *fn, void *context)
{
	WCHAR *key = in_set(L"Enum\\%ls", id);
	WCHAR *instances = reg_keys(key);
	LIST_EACH (instance, instances) {
		WCHAR *device = text_format(L"%ls\\%ls", id, instance);
		if (wcslen(device) <= MAX_DEVICE)
			fn(context, device);
		free(device);
	}
	free(key);
	free(instances);
}

struct reading {
	struct adapters all;
	present_fn *present;
};

static void found_device(void *context, const WCHAR *device)
{
	struct reading *r = context;
	read_device(&r->all, device, r->present);
}

struct adapters adapters_read(present_fn *present)
{
	struct reading r = {.present = present};
	for (size_t i = 0; i < COUNT(machine_buses); i++) {
		WCHAR *bus = in_set(L"Enum\\%ls", machine_buses[i]);
		WCHAR *ids = reg_keys(bus);
		LIST_EACH (id, ids) {
			WCHAR *path = text_format(L"%ls\\%ls", machine_buses[i], id);
			each_instance(path, found_device, &r);
			free(path);
		}
		free(bus);
		free(ids);
	}
	return r.all;
}

static void found_team(void *context, const WCHAR *device)
{
	WCHAR *key = in_set(L"Enum\\%ls", device);
	WCHAR *number = class_number(key);
	if (number)
		*(BOOL *)context = TRUE;
	free(key);
	free(number);
}

BOOL adapters_team(void)
{
	BOOL team = FALSE;
	for (size_t i = 0; i < COUNT(team_devices); i++)
		each_instance(team_devices[i], found_team, &team);
	return team;
}

/* ---- the hand-over ---- */

/* BUS\ID\INSTANCE of a machine's bus: it becomes part of paths. */
static BOOL is_device(const WCHAR *text)
{
	const WCHAR *id = text ? wcschr(text, L'\\') : NULL;
	const WCHAR *instance = id ? wcschr(id + 1, L'\\') : NULL;
	if (!instance || wcslen(text) > MAX_DEVICE || id[1] == L'\\' || !instance[1] ||
		wcschr(instance + 1, L'\\'))
		return FALSE;
	for (size_t i = 0; i < COUNT(machine_buses); i++)
		if (text_begins(text, machine_buses[i]) &&
			wcslen(machine_buses[i]) == (size_t)(id - text))
			return TRUE;
	return FALSE;
}

static BOOL read_old(const WCHAR *guid, present_fn *present, struct adapter *a)
{
	DWORD type = IF_ETHERNET;
	WCHAR *key = text_format(HANDOVER_KEY L"\\Adapters\\%ls", guid);
	a->guid = text_copy(guid);
	a->device = reg_get_text(key, L"Device");
	a->name = reg_get_text(key, L"Name");
	a->description = reg_get_text(key, L"Description");
	a->has_luid =
		reg_get_number(key, L"NetLuidIndex", &a->luid_index) && a->luid_index <= 0xffffff;
	set_mac(a, key, L"Address");
	reg_get_number(key, L"IfType", &type);
	free(key);
	if (type != IF_ETHERNET || !is_device(a->device))
		return FALSE;
	if (a->name && wcslen(a->name) > 255) {
		free(a->name);
		a->name = NULL;
	}
	a->present = present(a->device);
	return TRUE;
}

BOOL handover_read(present_fn *present, struct adapters *ret)
{
	DWORD version = 0;
	*ret = (struct adapters){0};
	if (!reg_get_number(HANDOVER_KEY, L"Version", &version) || version != 1)
		return FALSE;
	WCHAR *guids = reg_keys(HANDOVER_KEY L"\\Adapters");
	LIST_EACH (guid, guids) {
		struct adapter a = {0};
		if (ret->n == MAX_ADAPTERS || !text_is_guid(guid) || !read_old(guid, present, &a)) {
			log_line(L"hand-over: %.100ls is not an adapter's: left out", guid);
			adapter_done(&a);
			continue;
		}
		add(ret, &a);
	}
	free(guids);
	return TRUE;
}
