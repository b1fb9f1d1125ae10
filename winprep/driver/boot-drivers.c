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

int boot_drivers_check(const struct prep *p, struct error **err)
{
	unsigned last = 0;
	for (const struct platform_device *d = p->to->devices; d && d->id; d++)
		if (d->boot_group > last) {
			last = d->boot_group;
			if (check_group(p, last, err) < 0)
				return -1;
		}
	return 0;
}
