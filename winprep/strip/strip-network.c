/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network providers of the source platform: a name in ProviderOrder whose DLL is gone delays every logon.
 * The Winsock catalog is only reported: its entries are numbered and chained, and a running Windows renumbers
 * them with its own tools; the DLL that an entry names has to stay. Facts windows-and-peers 1.3.1.
 */
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "strip-software.h"

#define WHY "network provider of the source platform"

static int strip_order(struct prep *p, const char *key, const char *name, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SYSTEM);
	return plan_reg_token_remove(p->plan, h, HIVE_SYSTEM, key, "ProviderOrder", name, WHY, err);
}

static int strip_provider(struct prep *p, const char *name, struct error **err)
{
	for (unsigned i = 0; i < p->guest->n_control_sets; i++) {
		CLEANUP_FREE char *base =
			guest_control_set_key(p->guest, i, "Control\\NetworkProvider");
		CLEANUP_FREE char *order = xasprintf("%s\\Order", base);
		CLEANUP_FREE char *hw_order = xasprintf("%s\\HwOrder", base);
		CLEANUP_FREE char *weights = xasprintf("%s\\ProviderOrder", base);
		if (strip_order(p, order, name, err) < 0 ||
			strip_order(p, hw_order, name, err) < 0 ||
			strip_value(p, HIVE_SYSTEM, weights, name, WHY, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- Winsock ---- */

/* An entry begins with its DLL's path, 8-bit text in at most 260 bytes. */
static char *entry_dll(struct hive *h, hive_node entry)
{
	CLEANUP_REG_VALUE struct reg_value v = {0};
	CLEANUP_ERR struct error *ignored = NULL;
	if (hive_get(h, entry, "PackedCatalogItem", &v, &ignored) != 1)
		return NULL;
	return xstrndup((const char *)v.data, v.len < 260 ? v.len : 260);
}

typedef bool dll_fn(const struct prep *p, const char *dll, void *data);

static bool any_entry(
	const struct prep *p, hive_node catalog, dll_fn *fn, void *data, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SYSTEM);
	CLEANUP_CHILDREN struct hive_children entries = {0};
	if (hive_children(h, catalog, &entries, err) < 0)
		return false;
	for (size_t i = 0; i < entries.n; i++) {
		CLEANUP_FREE char *dll = entry_dll(h, entries.v[i].node);
		if (dll && fn(p, dll, data))
			return true;
	}
	return false;
}

/* A catalog that cannot be read is no reason to fail: nothing of it is changed. */
static bool any_dll(const struct prep *p, dll_fn *fn, void *data)
{
	static const char *const catalogs[] = {"Catalog_Entries", "Catalog_Entries64"};
	struct hive *h = strip_hive(p, HIVE_SYSTEM);
	CLEANUP_ERR struct error *ignored = NULL;
	for (unsigned i = 0; i < p->guest->n_control_sets; i++)
		for (size_t k = 0; k < ARRAY_SIZE(catalogs); k++) {
			CLEANUP_FREE char *rest =
				xasprintf("Services\\WinSock2\\Parameters\\Protocol_Catalog9\\%s",
					catalogs[k]);
			CLEANUP_FREE char *key = guest_control_set_key(p->guest, i, rest);
			if (any_entry(p, hive_find(h, hive_root(h), key), fn, data, &ignored))
				return true;
		}
	return false;
}

/* "%windir%\\system32\\x.dll", "C:\\…\\x.dll" → from the volume's root. */
static char *dll_path(const struct prep *p, const char *dll)
{
	static const char *const roots[] = {"%windir%", "%SystemRoot%"};
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		if (strncasecmp(dll, roots[i], strlen(roots[i])) == 0)
			return xasprintf("%s%s", p->guest->root ? p->guest->root : "\\Windows",
				dll + strlen(roots[i]));
	const char *path = strip_without_drive(dll);
	return path ? xstrdup(path) : NULL;
}

static bool dll_is_below(const struct prep *p, const char *dll, void *data)
{
	const char *path = data;
	CLEANUP_FREE char *full = dll_path(p, dll);
	size_t len = strlen(path);
	return full && strncasecmp(full, path, len) == 0 &&
	       (full[len] == '\0' || full[len] == '\\');
}

bool strip_winsock_uses(const struct prep *p, const char *path)
{
	return any_dll(p, dll_is_below, (void *)path);
}

static bool dll_is_named(const struct prep *p, const char *dll, void *data)
{
	(void)p;
	const char *base = strrchr(dll, '\\');
	return strcasecmp(base ? base + 1 : dll, data) == 0;
}

static int note_winsock(struct prep *p, const char *name, struct error **err)
{
	(void)err;
	if (any_dll(p, dll_is_named, (void *)name))
		plan_note(p->plan,
			"%s stays in the Winsock catalog, and so does the file: the catalog is "
			"renumbered by a running Windows (netsh winsock) only",
			name);
	return 0;
}

int strip_network(struct prep *p, struct error **err)
{
	if (strip_each(p, STRIP_FIELD(network_providers), strip_provider, err) < 0)
		return -1;
	return strip_each(p, STRIP_FIELD(winsock_dlls), note_winsock, err);
}
