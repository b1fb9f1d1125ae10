/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "boot-drivers.h"

#include "mem.h"
#include "strbuf.h"

/* Staged is not installed: a package without configurations binds no device (facts 1.4.3, pvscsi). */
static bool has_driver(const struct guest *g, const struct platform_device *d)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	char **infs = NULL;
	CLEANUP_ERR struct error *ignored = NULL;
	CLEANUP_FREE char *image = hive_get_text(h,
		hive_findf(h, hive_root(h), "ControlSet%03u\\Services\\%s", g->current_control_set,
			d->service),
		"ImagePath");
	hive_node id = hive_findf(h, hive_root(h), "DriverDatabase\\DeviceIds\\%s", d->id);
	if (!image || hive_value_names(h, id, &infs, &ignored) < 0)
		return false;
	bool configured = false;
	for (size_t i = 0; infs[i] && !configured; i++) {
		CLEANUP_FREE char *package = hive_get_text(h,
			hive_findf(h, hive_root(h), "DriverDatabase\\DriverInfFiles\\%s", infs[i]),
			"Active");
		configured = package &&
			     hive_findf(h, hive_root(h),
				     "DriverDatabase\\DriverPackages\\%s\\Configurations", package);
	}
	reg_texts_free(infs);
	return configured;
}

static int check_group(const struct prep *p, unsigned group, struct error **err)
{
	struct strbuf names = {0};
	bool found = false;
	for (const struct platform_device *d = p->to->devices; d && d->id; d++) {
		if (d->boot_group != group)
			continue;
		found = found || has_driver(p->guest, d);
		strbuf_addf(&names, "%s%s (%s)", names.len ? ", " : "", d->title, d->id);
	}
	CLEANUP_FREE char *devices = strbuf_take(&names);
	if (found)
		return 0;
	return err_set(err, ERR_BOOT_DRIVER_MISSING,
		"this Windows has no driver to start from %s with: %s", p->to->title, devices);
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
