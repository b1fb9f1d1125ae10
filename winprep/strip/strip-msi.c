/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Uninstall entries of the source platform's tools, and the whole registration of the MSI products they
 * stand for. A product is ours where its display name is listed, or its upgrade code; everything else of it
 * is found through its product code. Facts windows-and-peers 1.3.
 */
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "msi-guid.h"
#include "strip-msi.h"

#define WHY		"installation of the source platform's tools"
#define CURRENT_VERSION "Microsoft\\Windows\\CurrentVersion"
#define MACHINE		CURRENT_VERSION "\\Installer\\UserData\\S-1-5-18"

static const char *const uninstall_keys[] = {
	CURRENT_VERSION "\\Uninstall", "Wow6432Node\\" CURRENT_VERSION "\\Uninstall"};

void msi_products_done(struct msi_products *m)
{
	free(m->v);
	*m = (struct msi_products){0};
}

bool msi_products_have(const struct msi_products *m, const char *packed)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcasecmp(m->v[i].packed, packed) == 0)
			return true;
	return false;
}

/* packed: whatever stands where a product code should. */
static void add_product(struct msi_products *m, const char *packed)
{
	struct msi_product one;
	if (!msi_unpack(packed, one.guid) || !msi_pack(one.guid, one.packed) ||
		msi_products_have(m, packed))
		return;
	m->v = xrealloc_array(m->v, m->n + 1, sizeof(*m->v));
	m->v[m->n++] = one;
}

/* ---- which products ---- */

static bool is_listed(const struct prep *p, hive_node node, const char *value)
{
	CLEANUP_FREE char *name = hive_get_text(strip_hive(p, HIVE_SOFTWARE), node, value);
	return name && strip_matches(p, STRIP_FIELD(uninstall_names), name);
}

static int find_by_uninstall(
	const struct prep *p, struct msi_products *m, const char *key, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SOFTWARE);
	CLEANUP_CHILDREN struct hive_children entries = {0};
	if (hive_children(h, hive_find(h, hive_root(h), key), &entries, err) < 0)
		return -1;
	for (size_t i = 0; i < entries.n; i++) {
		char packed[MSI_PACKED_SIZE];
		if (msi_pack(entries.v[i].name, packed) &&
			is_listed(p, entries.v[i].node, "DisplayName"))
			add_product(m, packed);
	}
	return 0;
}

/* Keys named by packed product code; sub: "" or the subkey that has the name. */
static int find_by_name(const struct prep *p, struct msi_products *m, const char *key,
	const char *sub, const char *value, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SOFTWARE);
	CLEANUP_CHILDREN struct hive_children products = {0};
	if (hive_children(h, hive_find(h, hive_root(h), key), &products, err) < 0)
		return -1;
	for (size_t i = 0; i < products.n; i++)
		if (is_listed(p, hive_find(h, products.v[i].node, sub), value))
			add_product(m, products.v[i].name);
	return 0;
}

static int find_by_upgrade_code(const struct prep *p, struct msi_products *m, const char *key,
	const char *code, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SOFTWARE);
	char packed[MSI_PACKED_SIZE], **products = NULL;
	if (!msi_pack(code, packed))
		return 0;
	hive_node node = hive_findf(h, hive_root(h), "%s\\%s", key, packed);
	if (hive_value_names(h, node, &products, err) < 0)
		return -1;
	for (size_t i = 0; products[i]; i++)
		add_product(m, products[i]);
	reg_texts_free(products);
	return 0;
}

static int find_by_upgrade_codes(const struct prep *p, struct msi_products *m, struct error **err)
{
	size_t at = 0;
	for (const struct strip_list *l; (l = strip_next(p, &at));)
		for (const char *const *c = l->upgrade_codes; c && *c; c++)
			for (size_t i = 0; msi_upgrade_keys[i]; i++)
				if (find_by_upgrade_code(p, m, msi_upgrade_keys[i], *c, err) < 0)
					return -1;
	return 0;
}

static int find_products(const struct prep *p, struct msi_products *m, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(uninstall_keys); i++)
		if (find_by_uninstall(p, m, uninstall_keys[i], err) < 0)
			return -1;
	if (find_by_name(p, m, MACHINE "\\Products", "InstallProperties", "DisplayName", err) < 0 ||
		find_by_name(p, m, "Classes\\Installer\\Products", "", "ProductName", err) < 0)
		return -1;
	return find_by_upgrade_codes(p, m, err);
}

/* ---- what goes ---- */

/* The copy of itself that a bundle of packages keeps, by the name of its entry. */
static int strip_bundle(struct prep *p, const char *entry, struct error **err)
{
	char packed[MSI_PACKED_SIZE];
	CLEANUP_FREE char *path = xasprintf("\\ProgramData\\Package Cache\\%s", entry);
	return msi_pack(entry, packed) ? strip_file(p, path, WHY, err) : 0;
}

/* By name, also where it is no MSI product; or by the code of a product found elsewhere. */
static int strip_uninstall(
	struct prep *p, const struct msi_products *m, const char *key, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SOFTWARE);
	CLEANUP_CHILDREN struct hive_children entries = {0};
	if (hive_children(h, hive_find(h, hive_root(h), key), &entries, err) < 0)
		return -1;
	for (size_t i = 0; i < entries.n; i++) {
		char packed[MSI_PACKED_SIZE];
		const char *name = entries.v[i].name;
		CLEANUP_FREE char *entry = xasprintf("%s\\%s", key, name);
		/* old XenTools have no name but that of their key */
		bool ours = is_listed(p, entries.v[i].node, "DisplayName") ||
			    strip_matches(p, STRIP_FIELD(uninstall_names), name) ||
			    (msi_pack(name, packed) && msi_products_have(m, packed));
		if (ours && (strip_key(p, HIVE_SOFTWARE, entry, WHY, err) < 0 ||
				    strip_bundle(p, name, err) < 0))
			return -1;
	}
	return 0;
}

/* The package that the installer kept for repair: "C:\Windows\Installer\1a2b3c.msi" and nothing else. */
static int strip_cached_package(struct prep *p, const struct msi_product *m, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SOFTWARE);
	hive_node node =
		hive_findf(h, hive_root(h), MACHINE "\\Products\\%s\\InstallProperties", m->packed);
	CLEANUP_FREE char *package = hive_get_text(h, node, "LocalPackage");
	const char *path = package ? strip_without_drive(package) : NULL;
	CLEANUP_FREE char *folder =
		xasprintf("%s\\Installer\\", p->guest->root ? p->guest->root : "\\Windows");
	size_t len = strlen(folder), size = path ? strlen(path) : 0;
	if (size < len + 5 || strncasecmp(path, folder, len) != 0 || strchr(path + len, '\\') ||
		strcasecmp(path + size - 4, ".msi") != 0)
		return 0;
	return strip_file(p, path, "the installer's copy of that package", err);
}

static int strip_product(struct prep *p, const struct msi_product *m, struct error **err)
{
	static const char *const keys[] = {"Classes\\Installer\\Products",
		"Classes\\Installer\\Features", MACHINE "\\Products"};
	if (strip_cached_package(p, m, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		CLEANUP_FREE char *key = xasprintf("%s\\%s", keys[i], m->packed);
		if (strip_key(p, HIVE_SOFTWARE, key, WHY, err) < 0)
			return -1;
	}
	CLEANUP_FREE char *icons = xasprintf(
		"%s\\Installer\\%s", p->guest->root ? p->guest->root : "\\Windows", m->guid);
	return strip_file(p, icons, "icons of that package", err);
}

int strip_msi(struct prep *p, struct error **err)
{
	CLEANUP(msi_products_done) struct msi_products m = {0};
	if (!strip_hive(p, HIVE_SOFTWARE))
		return 0;
	if (find_products(p, &m, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(uninstall_keys); i++)
		if (strip_uninstall(p, &m, uninstall_keys[i], err) < 0)
			return -1;
	for (size_t i = 0; i < m.n; i++)
		if (strip_product(p, &m.v[i], err) < 0)
			return -1;
	return msi_strip_shared(p, &m, err);
}
