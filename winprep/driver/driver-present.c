/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "driver-present.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "driver-choice.h"
#include "mem.h"
#include "strip.h"

void driver_present_done(struct driver_present *d)
{
	free(d->published);
	free(d->service);
	free(d->package.inf_name);
	free(d->package.provider);
	*d = (struct driver_present){0};
}

/* The service that the package's configuration for the id names; else that of any configuration. */
static char *find_service(struct hive *h, hive_node package, const char *id)
{
	CLEANUP_CHILDREN struct hive_children configs = {0};
	CLEANUP_ERR struct error *ignored = NULL;
	CLEANUP_FREE char *config =
		hive_get_text(h, hive_findf(h, package, "Descriptors\\%s", id), "Configuration");
	hive_node all = hive_find(h, package, "Configurations");
	char *service = config ? hive_get_text(h, hive_find(h, all, config), "Service") : NULL;
	if (!all || hive_children(h, all, &configs, &ignored) < 0)
		return service;
	for (size_t i = 0; !service && i < configs.n; i++)
		service = hive_get_text(h, configs.v[i].node, "Service");
	return service;
}

/* Where an ImagePath is on the volume: "\\SystemRoot\\…" and "%SystemRoot%\\…" as well as what is below it. */
static char *driver_file(const struct guest *g, const char *service, const char *image)
{
	static const char *const prefixes[] = {"\\SystemRoot\\", "%SystemRoot%\\", "\\"};
	const char *root = g->root ? g->root : "\\Windows";
	if (!image || !*image)
		return xasprintf("%s\\System32\\drivers\\%s.sys", root, service);
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t len = strlen(prefixes[i]);
		if (strncasecmp(image, prefixes[i], len) == 0)
			return xasprintf("%s\\%s", root, image + len);
	}
	return xasprintf("%s\\%s", root, image);
}

char *driver_service_missing(const struct guest *g, const char *service)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	CLEANUP_ERR struct error *unread = NULL;
	struct ntfs_stat st = {0};
	uint32_t start;
	hive_node node = hive_findf(
		h, hive_root(h), "ControlSet%03u\\Services\\%s", g->current_control_set, service);
	if (!hive_get_number(h, node, "Start", &start))
		return xasprintf("service %s", service);
	CLEANUP_FREE char *image = hive_get_text(h, node, "ImagePath");
	CLEANUP_FREE char *path = driver_file(g, service, image);
	if (!g->volume || ntfs_file_stat(g->volume, path, &st, &unread) < 0 || st.exists)
		return NULL; /* what lies behind a link is Windows' own affair */
	return xasprintf("file %s", path);
}

/* Staged is not installed: such a service has no ImagePath. */
static bool service_can_start(const struct guest *g, const char *service)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *image = hive_get_text(h,
		hive_findf(h, hive_root(h), "ControlSet%03u\\Services\\%s", g->current_control_set,
			service),
		"ImagePath");
	CLEANUP_FREE char *missing = image ? driver_service_missing(g, service) : NULL;
	return image && !missing;
}

/* Only our packages say that they come from where they are. */
static bool is_ours(const struct guest *g, struct hive *h, hive_node package, const char *key)
{
	CLEANUP_FREE char *path = hive_get_text(h, package, "OemPath");
	CLEANUP_FREE char *folder = driver_store_folder(g, key);
	return path && strncasecmp(path, "C:", 2) == 0 && strcasecmp(path + 2, folder) == 0;
}

/* One INF that claims the id; kept where it is better than what was found before. */
static void consider(const struct prep *p, struct hive *h, const char *id, const char *published,
	struct driver_present *best)
{
	uint32_t number;
	struct driver_present c = {.published = xstrdup(published)};
	c.third_party = driver_oem_number(published, &number);
	CLEANUP_FREE char *key = hive_get_text(h,
		hive_findf(h, hive_root(h), "DriverDatabase\\DriverInfFiles\\%s", published),
		"Active");
	hive_node node =
		key ? hive_findf(h, hive_root(h), "DriverDatabase\\DriverPackages\\%s", key) : 0;
	c.service = node ? find_service(h, node, id) : NULL;
	c.found = c.service && *c.service && service_can_start(p->guest, c.service);
	if (c.found && c.third_party) {
		driver_package_read_one(h, node, &c.package);
		c.ours = is_ours(p->guest, h, node, key);
		c.found = !strip_owns_package(p, &c.package);
	}
	bool better = !best->found || driver_version_compare(c.package.date, c.package.version,
					      best->package.date, best->package.version) > 0;
	if (c.found && better) {
		struct driver_present worse = *best;
		*best = c;
		c = worse;
	}
	driver_present_done(&c);
}

static int consider_id(const struct prep *p, struct hive *h, hive_node node, const char *id,
	struct driver_present *best, struct error **err)
{
	char **infs = NULL;
	if (!node)
		return 0;
	if (hive_value_names(h, node, &infs, err) < 0)
		return -1;
	for (size_t i = 0; infs[i]; i++)
		consider(p, h, id, infs[i], best);
	reg_texts_free(infs);
	return 0;
}

/* The id itself; and where nobody claims it, the ids that say more. */
static int search_hive(const struct prep *p, struct hive *h, const char *id,
	struct driver_present *best, struct error **err)
{
	CLEANUP_CHILDREN struct hive_children ids = {0};
	const char *slash = strchr(id, '\\');
	hive_node all = hive_find(h, hive_root(h), "DriverDatabase\\DeviceIds");
	if (!all)
		return 0;
	if (consider_id(p, h, hive_find(h, all, id), id, best, err) < 0)
		return -1;
	if (best->found || !slash)
		return 0;
	CLEANUP_FREE char *bus = xstrndup(id, (size_t)(slash - id));
	hive_node node = hive_find(h, all, bus);
	if (!node)
		return 0;
	if (hive_children(h, node, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++) {
		if (!driver_id_matches(ids.v[i].name, slash + 1))
			continue;
		CLEANUP_FREE char *whole = xasprintf("%s\\%s", bus, ids.v[i].name);
		if (consider_id(p, h, ids.v[i].node, whole, best, err) < 0)
			return -1;
	}
	return 0;
}

int driver_find_present(const struct prep *p, const struct platform_device *d,
	struct driver_present *ret, struct error **err)
{
	struct hive *system = p->guest->hives[HIVE_SYSTEM].h;
	struct hive *drivers = p->guest->hives[HIVE_DRIVERS].h;
	struct driver_present best = {0};
	int rc = search_hive(p, system, d->id, &best, err);
	if (rc == 0 && drivers && !d->boot_group && !d->boots)
		rc = search_hive(p, drivers, d->id, &best, err);
	if (rc < 0)
		driver_present_done(&best);
	else
		*ret = best;
	return rc;
}

int driver_start_at_boot(struct prep *p, const char *key, struct error **err)
{
	static const char prefix[] = "\\SystemRoot\\";
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *override = xasprintf("%s\\StartOverride", key);
	CLEANUP_FREE char *image = hive_get_text(h, hive_find(h, hive_root(h), key), "ImagePath");
	if (plan_reg_set(p->plan, h, HIVE_SYSTEM, key, "Start", reg_dword(0),
		    "boot driver of the target", err) < 0 ||
		plan_reg_delete_key(p->plan, h, HIVE_SYSTEM, override,
			"it keeps a boot driver from loading", err) < 0)
		return -1;
	if (!image || strncasecmp(image, prefix, sizeof(prefix) - 1) != 0)
		return 0;
	return plan_reg_set(p->plan, h, HIVE_SYSTEM, key, "ImagePath",
		reg_expand_sz(image + sizeof(prefix) - 1),
		"the boot loader knows no \\SystemRoot yet", err);
}

int driver_enable_present(struct prep *p, const struct driver_present *d, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	for (unsigned i = 0; i < p->guest->n_control_sets; i++) {
		uint32_t start;
		CLEANUP_FREE char *rest = xasprintf("Services\\%s", d->service);
		CLEANUP_FREE char *key = guest_control_set_key(p->guest, i, rest);
		if (!hive_get_number(h, hive_find(h, hive_root(h), key), "Start", &start)) {
			plan_note(p->plan, "%s: this control set has no such driver", key);
			continue;
		}
		if (driver_start_at_boot(p, key, err) < 0)
			return -1;
	}
	return 0;
}
