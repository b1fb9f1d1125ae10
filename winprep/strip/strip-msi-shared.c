/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys of the Windows Installer that several products share. Components and upgrade codes are keys with one
 * value a product, named by its packed code; a key that has none left goes. There may be tens of thousands
 * of components: they are walked once.
 */
#include <string.h>

#include "mem.h"
#include "strip-msi.h"

#define INSTALLER "Microsoft\\Windows\\CurrentVersion\\Installer"
#define WHY	  "installation of the source platform's tools"

const char *const msi_upgrade_keys[] = {
	"Classes\\Installer\\UpgradeCodes", INSTALLER "\\UpgradeCodes", NULL};

/* One key with a value for each product. */
static int strip_users(struct prep *p, const struct msi_products *m, const char *parent,
	const struct hive_child *child, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SOFTWARE);
	char **products = NULL, **subkeys = NULL;
	if (hive_value_names(h, child->node, &products, err) < 0)
		return -1;
	size_t ours = 0, others = 0;
	for (size_t i = 0; products[i]; i++)
		if (msi_products_have(m, products[i]))
			ours++;
		else
			others++;
	int rc = ours ? hive_subkeys(h, child->node, &subkeys, err) : 0;
	CLEANUP_FREE char *key = ours ? xasprintf("%s\\%s", parent, child->name) : NULL;
	if (rc == 0 && ours && !others && !subkeys[0])
		rc = strip_key(p, HIVE_SOFTWARE, key, WHY, err);
	else
		for (size_t i = 0; rc == 0 && ours && products[i]; i++)
			if (msi_products_have(m, products[i]))
				rc = strip_value(p, HIVE_SOFTWARE, key, products[i], WHY, err);
	reg_texts_free(subkeys);
	reg_texts_free(products);
	return rc;
}

static int strip_children(
	struct prep *p, const struct msi_products *m, const char *key, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SOFTWARE);
	CLEANUP_CHILDREN struct hive_children children = {0};
	if (hive_children(h, hive_find(h, hive_root(h), key), &children, err) < 0)
		return -1;
	for (size_t i = 0; i < children.n; i++)
		if (strip_users(p, m, key, &children.v[i], err) < 0)
			return -1;
	return 0;
}

/* Values named "C:\Program Files\…\": folders that the installer made and would remove. */
static int strip_folders(struct prep *p, struct error **err)
{
	static const char key[] = INSTALLER "\\Folders";
	struct hive *h = strip_hive(p, HIVE_SOFTWARE);
	char **folders = NULL;
	if (hive_value_names(h, hive_find(h, hive_root(h), key), &folders, err) < 0)
		return -1;
	int rc = 0;
	for (size_t i = 0; rc == 0 && folders[i]; i++) {
		const char *path = strip_without_drive(folders[i]);
		if (path && strip_covers_file(p, path))
			rc = strip_value(p, HIVE_SOFTWARE, key, folders[i], WHY, err);
	}
	reg_texts_free(folders);
	return rc;
}

int msi_strip_shared(struct prep *p, const struct msi_products *m, struct error **err)
{
	static const char components[] = INSTALLER "\\UserData\\S-1-5-18\\Components";
	if (m->n && strip_children(p, m, components, err) < 0)
		return -1;
	for (size_t i = 0; m->n && msi_upgrade_keys[i]; i++)
		if (strip_children(p, m, msi_upgrade_keys[i], err) < 0)
			return -1;
	return strip_folders(p, err);
}
