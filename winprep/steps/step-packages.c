/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Driver packages of the source platform: out of the driver databases of SYSTEM and DRIVERS, the Owners of
 * shared services, the driver store. A package is matched by its INF's original name and its provider
 * together, never by its oem number.
 */
#include <string.h>
#include <strings.h>

#include "driver-db.h"
#include "mem.h"
#include "strip.h"

#define WHY "driver package of the source platform"

/* ---- the database ---- */

/*
 * DeviceIds: a value named after the INF below every id (and class) it serves. A key that holds nothing
 * else goes with it.
 */
#define ID_LEVELS 3 /* DeviceIds, bus, id */
static int strip_device_ids(struct prep *p, enum hive_id id, hive_node node, const char *key,
	unsigned levels, const char *published, struct error **err)
{
	struct hive *h = p->guest->hives[id].h;
	CLEANUP_CHILDREN struct hive_children subkeys = {0};
	char **values = NULL;
	if (hive_children(h, node, &subkeys, err) < 0)
		return -1;
	int rc = hive_value_names(h, node, &values, err);
	bool here = false, others = false;
	for (size_t i = 0; rc == 0 && values[i]; i++) {
		bool same = strcasecmp(values[i], published) == 0;
		here = here || same;
		others = others || !same;
	}
	if (rc == 0 && here && !others && !subkeys.n)
		rc = plan_reg_delete_key(p->plan, h, id, key, WHY, err);
	else if (rc == 0 && here)
		rc = plan_reg_unset(p->plan, h, id, key, published, WHY, err);
	for (size_t i = 0; rc == 0 && levels > 1 && i < subkeys.n; i++) {
		CLEANUP_FREE char *sub = xasprintf("%s\\%s", key, subkeys.v[i].name);
		rc = strip_device_ids(p, id, subkeys.v[i].node, sub, levels - 1, published, err);
	}
	reg_texts_free(values);
	return rc;
}

static int strip_database(struct prep *p, const struct driver_package *d, struct error **err)
{
	struct hive *h = p->guest->hives[d->hive].h;
	CLEANUP_FREE char *package = xasprintf("DriverDatabase\\DriverPackages\\%s", d->key);
	CLEANUP_FREE char *inf_file = xasprintf("DriverDatabase\\DriverInfFiles\\%s", d->published);
	hive_node ids = hive_find(h, hive_root(h), "DriverDatabase\\DeviceIds");
	if (plan_reg_delete_key(p->plan, h, d->hive, package, WHY, err) < 0 ||
		plan_reg_delete_key(p->plan, h, d->hive, inf_file, WHY, err) < 0)
		return -1;
	return ids ? strip_device_ids(p, d->hive, ids, "DriverDatabase\\DeviceIds", ID_LEVELS,
			     d->published, err)
		   : 0;
}

/* The number is free again, in both hives. */
static int strip_oem_number(struct prep *p, const struct driver_package *d, struct error **err)
{
	static const enum hive_id hives[] = {HIVE_SYSTEM, HIVE_DRIVERS};
	uint32_t number;
	if (!driver_oem_number(d->published, &number))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(hives); i++) {
		struct hive *h = p->guest->hives[hives[i]].h;
		if (h && plan_reg_bit(p->plan, h, hives[i], "DriverDatabase", "OemInfMap", number,
				 false, "its number is free again", err) < 0)
			return -1;
	}
	return 0;
}

/* ---- Owners ---- */

static int strip_owners(struct prep *p, const char *key, hive_node node,
	const struct driver_package *d, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	char **owners = NULL;
	int rc = strip_read_owners(h, node, key, &owners, err);
	if (rc <= 0)
		return rc;
	rc = 0;
	for (size_t i = 0; rc == 0 && owners[i]; i++)
		if (driver_is_owner(owners[i], d))
			rc = plan_reg_list_remove(p->plan, h, HIVE_SYSTEM, key, "Owners", owners[i],
				"its package goes", err);
	reg_texts_free(owners);
	return rc;
}

/* Of services that stay; those of the lists were the business of the step before. */
static int strip_all_owners(
	struct prep *p, unsigned control_set, const struct driver_package *d, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *services = guest_control_set_key(p->guest, control_set, "Services");
	hive_node node = hive_find(h, hive_root(h), services);
	CLEANUP_CHILDREN struct hive_children all = {0};
	if (hive_children(h, node, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		CLEANUP_FREE char *key = xasprintf("%s\\%s", services, all.v[i].name);
		if (!strip_find_service(p, all.v[i].name) &&
			strip_owners(p, key, all.v[i].node, d, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- files ---- */

static int delete_if_there(struct prep *p, char *path, struct error **err)
{
	CLEANUP_FREE char *owned = path;
	return strip_file(p, owned, WHY, err);
}

static int strip_copies(struct prep *p, const struct driver_package *d, struct error **err)
{
	const struct guest *g = p->guest;
	if (delete_if_there(p, driver_inf_path(g, d->published), err) < 0 ||
		delete_if_there(p, driver_pnf_path(g, d->published), err) < 0)
		return -1;
	return delete_if_there(p, driver_catalog_path(g, d->published), err);
}

/* again: a package of the other hive had that number, and what belongs to the number is planned. */
static int strip_package(
	struct prep *p, const struct driver_package *d, bool again, struct error **err)
{
	if (strip_database(p, d, err) < 0 ||
		delete_if_there(p, driver_store_folder(p->guest, d->key), err) < 0)
		return -1;
	if (again)
		return 0;
	if (strip_oem_number(p, d, err) < 0)
		return -1;
	for (unsigned i = 0; i < p->guest->n_control_sets; i++)
		if (strip_all_owners(p, i, d, err) < 0)
			return -1;
	return strip_copies(p, d, err);
}

/* A package that no installer made: its INF has a fixed name, and the list of packages is its own. */
static int strip_fixed(struct prep *p, const char *name, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_REG_VALUE struct reg_value v = {0};
	hive_node node = hive_findf(h, hive_root(h), "DriverDatabase\\DriverInfFiles\\%s", name);
	int rc = hive_get(h, node, "", &v, err);
	if (rc <= 0)
		return rc;
	char **packages = reg_texts(&v);
	struct driver_package d = {
		.hive = HIVE_SYSTEM, .key = packages[0], .published = (char *)name};
	rc = d.key && strncasecmp(d.key, name, strlen(name)) == 0 ? strip_database(p, &d, err) : 0;
	reg_texts_free(packages);
	return rc;
}

static int plan_packages(struct prep *p, struct error **err)
{
	CLEANUP(driver_packages_done) struct driver_packages all = {0};
	if (driver_packages_read(p->guest, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		bool again = false;
		for (size_t k = 0; k < i; k++)
			again = again ||
				(strip_owns_package(p, &all.v[k]) &&
					strcasecmp(all.v[k].published, all.v[i].published) == 0);
		if (strip_owns_package(p, &all.v[i]) && strip_package(p, &all.v[i], again, err) < 0)
			return -1;
	}
	return strip_each(p, STRIP_FIELD(fixed_packages), strip_fixed, err);
}

const struct step step_packages = {
	.name = "packages",
	.summary =
		"remove the source platform's driver packages from the driver database and store",
	.applies = strip_applies,
	.plan = plan_packages,
};
