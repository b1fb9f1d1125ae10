/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "boot-drivers.h"

#include <string.h>

#include "driver-choice.h"
#include "driver-present.h"
#include "mem.h"
#include "pack.h"
#include "strbuf.h"

/* What is known of the devices of a group, until one of them has a driver. */
struct group {
	struct strbuf devices, reasons;
	bool found;
};

static int check_device(
	const struct prep *p, const struct platform_device *d, struct group *g, struct error **err)
{
	CLEANUP(driver_present_done) struct driver_present have = {0};
	CLEANUP_FREE char *why = NULL;
	if (driver_find_present(p, d, &have, err) < 0)
		return -1;
	g->found = have.found || driver_choose(p, d, &why);
	strbuf_addf(&g->devices, "%s%s (%s)", g->devices.len ? ", " : "", d->title, d->id);
	/* Devices of a group are mostly in the same INFs, with the same reasons. */
	if (why && *why && (!g->reasons.data || !strstr(g->reasons.data, why)))
		strbuf_addf(&g->reasons, "%s%s", g->reasons.len ? "; " : "", why);
	return 0;
}

static int check_group(const struct prep *p, unsigned number, struct error **err)
{
	struct group g = {0};
	int rc = 0;
	for (const struct platform_device *d = p->to->devices; rc == 0 && !g.found && d->id; d++)
		if (d->boot_group == number)
			rc = check_device(p, d, &g, err);
	CLEANUP_FREE char *devices = strbuf_take(&g.devices), *reasons = strbuf_take(&g.reasons);
	if (rc < 0 || g.found)
		return rc;
	err_set(err, ERR_BOOT_DRIVER_MISSING,
		"this Windows has no driver to start from %s with: %s; %s%s", p->to->title, devices,
		p->packs && p->packs->n ? "the packs have: " : "no driver packs were given",
		p->packs && p->packs->n ? *reasons ? reasons : "nothing for them" : "");
	return -1;
}

/* ---- in-box drivers ---- */

static bool path_is_whole(const struct prep *p, const struct boot_path *path, struct strbuf *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(path->services) && path->services[i]; i++) {
		CLEANUP_FREE char *missing = driver_service_missing(p->guest, path->services[i]);
		if (!missing)
			continue;
		strbuf_addf(
			why, "%s%s (%s is missing)", why->len ? ", " : "", path->title, missing);
		return false;
	}
	return true;
}

static int check_paths(const struct prep *p, struct error **err)
{
	struct strbuf why CLEANUP(strbuf_done) = {0};
	if (!p->to->boot_paths)
		return 0;
	for (const struct boot_path *path = p->to->boot_paths; path->title; path++)
		if (path_is_whole(p, path, &why))
			return 0;
	err_set(err, ERR_BOOT_DRIVER_MISSING,
		"this Windows has lost its own drivers to start from %s with: %s", p->to->title,
		why.data);
	return err_hint(err,
		"repair Windows where it runs (sfc /scannow, or DISM /RestoreHealth), or restore the service from another one of its build");
}

int boot_drivers_check(const struct prep *p, struct error **err)
{
	if (check_paths(p, err) < 0)
		return -1;
	unsigned last = 0;
	for (const struct platform_device *d = p->to->devices; d && d->id; d++)
		if (d->boot_group > last) {
			last = d->boot_group;
			if (check_group(p, last, err) < 0)
				return -1;
		}
	return 0;
}
