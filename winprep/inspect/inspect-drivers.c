/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drivers that start with Windows and filters on its devices that did not come with Windows. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "driver-db.h"
#include "guest-state.h"
#include "inspect-private.h"
#include "mem.h"
#include "strip.h"

/*
 * Boot drivers of Windows that belong to no INF: in the three real SYSTEM hives of facts 0.3 (H1, H3, H4) and
 * of optional Windows features (Hyper-V, WSL, Defender, containers). A driver with an INF is told by it.
 */
static const char *const inbox_without_inf[] = {"acpiex", "bindflt", "bfs", "CimFS", "CLFS", "CNG",
	"EhStorClass", "EhStorTcgDrv", "FileCrypt", "FileInfo", "FltMgr", "Fs_Rec", "fvevol",
	"hvservice", "hvsocketcontrol", "hwpolicy", "iorate", "KSecDD", "KSecPkg", "lxss",
	"mountmgr", "MsSecCore", "MsSecFlt", "msisadrv", "Mup", "NDIS", "partmgr", "pcw", "pdc",
	"Ramdisk", "rdyboost", "SgrmAgent", "storqosflt", "Tcpip", "volmgr", "volmgrx", "volsnap",
	"VMSNPXY", "VmsProxy", "VMSP", "vmsvcext", "WdBoot", "Wdf01000", "WdFilter", "WFPLWFS",
	"WindowsTrustedRT", "WindowsTrustedRTProxy", "Wof", "wcifs", "intelpep", "spaceport",
	"storflt", "vmbus", "vdrvroot", "disk", "ACPI", "pci", "atapi", "pciide", "intelide",
	"storahci", "stornvme", "storvsc", "volume", "isapnp", NULL};

/* Filters that a Windows has without anybody's doing (facts 1.3.10, and its devices in H3 and H4). */
static const char *const inbox_filters[] = {"partmgr", "EhStorClass", "stdcfltn", "kbdclass",
	"mouclass", "volsnap", "fvevol", "iorate", "rdyboost", "ksthunk", "scfilter", "WpdUpFltr",
	"IRENUM", "SpatialGraphFilter", "serenum", "BthEnum", "WdmCompanionFilter", "mshidkmdf",
	"WinUsb", "AppleSSD", "msgpiowin32", NULL};

static bool listed(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (strcasecmp(*list, name) == 0)
			return true;
	return false;
}

/* ---- boot drivers ---- */

struct boot_drivers {
	struct hive *h;
	const struct driver_packages *packages;
	json_t *list;
};

static const struct driver_package *find_package(
	const struct driver_packages *p, const char *published)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcasecmp(p->v[i].published, published) == 0)
			return &p->v[i];
	return NULL;
}

/*
 * The oemN.inf among a service's owners, also written "oemN.inf!package"; freed by the caller. NULL, and
 * *ret_inbox, where an INF of Windows owns it, too (facts 0.1: i8042prt).
 */
static char *oem_owner(struct hive *h, hive_node node, bool *ret_inbox)
{
	char *found = NULL;
	uint32_t number;
	CLEANUP_JSON json_t *owners = inspect_texts(h, node, "Owners");
	*ret_inbox = false;
	for (size_t i = 0; i < json_array_size(owners); i++) {
		const char *text = json_string_value(json_array_get(owners, i));
		char *inf = xstrndup(text, strcspn(text, "!"));
		bool oem = driver_oem_number(inf, &number);
		*ret_inbox = *ret_inbox || (*inf && !oem);
		if (oem && !found)
			found = TAKE_PTR(inf);
		free(inf);
	}
	return found;
}

static int look_at_service(void *data, const char *name, hive_node node, struct error **err)
{
	(void)err;
	struct boot_drivers *b = data;
	uint32_t start, type = 0;
	bool inbox;
	if (!hive_get_number(b->h, node, "Start", &start) || start != 0)
		return 0;
	hive_get_number(b->h, node, "Type", &type);
	CLEANUP_FREE char *inf = oem_owner(b->h, node, &inbox);
	if (inbox || (!inf && listed(inbox_without_inf, name)))
		return 0;
	const struct driver_package *p = inf ? find_package(b->packages, inf) : NULL;
	json_t *o = json_object();
	jsonx_set_string(o, "service", name);
	inspect_set_text(o, "image", b->h, node, "ImagePath");
	inspect_set_text(o, "group", b->h, node, "Group");
	jsonx_set_string(o, "inf", inf);
	jsonx_set_string(o, "originalInf", p ? p->inf_name : NULL);
	jsonx_set_string(o, "provider", p ? p->provider : NULL);
	/* Windows starts it later than at boot on the machine it ran on last (facts 1.4.1). */
	jsonx_set_bool(o, "overridden", hive_find(b->h, node, "StartOverride") != 0);
	json_array_append_new(b->list, o);
	return 0;
}

json_t *inspect_boot_drivers(const struct guest *g)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	CLEANUP(driver_packages_done) struct driver_packages packages = {0};
	CLEANUP_ERR struct error *ignored = NULL;
	if (!h || driver_packages_read(g, &packages, &ignored) < 0)
		return json_null();
	struct boot_drivers b = {.h = h, .packages = &packages, .list = json_array()};
	if (hive_each_subkey(h, guest_current_key(g, "Services"), look_at_service, &b, &ignored) <
		0) {
		json_decref(b.list);
		return json_null();
	}
	return b.list;
}

/* ---- filters ---- */

struct filters {
	struct hive *h;
	hive_node services;
	json_t *list;
};

static void look_at_filters(struct filters *f, const char *scope, const char *key, hive_node node)
{
	static const char *const lists[] = {"UpperFilters", "LowerFilters"};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		CLEANUP_JSON json_t *names = inspect_texts(f->h, node, lists[i]);
		for (size_t k = 0; k < json_array_size(names); k++) {
			const char *name = json_string_value(json_array_get(names, k));
			if (listed(inbox_filters, name))
				continue;
			json_t *o = json_object();
			jsonx_set_string(o, "service", name);
			jsonx_set_string(o, "scope", scope);
			jsonx_set_string(o, "key", key);
			jsonx_set_string(o, "list", lists[i]);
			/* null: there is no such driver, and the device does not start */
			inspect_set_number(
				o, "start", f->h, hive_find(f->h, f->services, name), "Start");
			json_array_append_new(f->list, o);
		}
	}
}

static int look_at_class(void *data, const char *name, hive_node node, struct error **err)
{
	(void)err;
	struct filters *f = data;
	CLEANUP_FREE char *class = hive_get_text(f->h, node, "Class");
	CLEANUP_FREE char *key = class ? xasprintf("%s (%s)", name, class) : xstrdup(name);
	look_at_filters(f, "class", key, node);
	return 0;
}

static int look_at_device(void *data, const char *key, hive_node node, struct error **err)
{
	(void)err;
	look_at_filters(data, "device", strstr(key, "\\Enum\\") + 6, node);
	return 0;
}

json_t *inspect_filters(const struct guest *g)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	CLEANUP_ERR struct error *ignored = NULL;
	if (!h)
		return json_null();
	struct filters f = {
		.h = h, .services = guest_current_key(g, "Services"), .list = json_array()};
	int rc = hive_each_subkey(
		h, guest_current_key(g, "Control\\Class"), look_at_class, &f, &ignored);
	for (unsigned i = 0; rc == 0 && i < g->n_control_sets; i++)
		if (g->control_sets[i] == g->current_control_set)
			rc = guest_each_device(g, i, look_at_device, &f, &ignored);
	if (rc == 0)
		return f.list;
	json_decref(f.list);
	return json_null();
}
