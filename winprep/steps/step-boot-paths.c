/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The target's in-box boot drivers, every path of them, in every control set: Start 0 and no StartOverride.
 * Windows sets StartOverride\0 = 3 on all boot drivers it did not need (42 to 47 of them on a normal
 * install): Start alone does not make them load.
 */
#include "driver-present.h"
#include "mem.h"
#include "strip.h"

static int enable(struct prep *p, unsigned control_set, const char *service, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *rest = xasprintf("Services\\%s", service);
	CLEANUP_FREE char *key = guest_control_set_key(p->guest, control_set, rest);
	hive_node node = hive_find(h, hive_root(h), key);
	uint32_t start;
	if (!node || !hive_get_number(h, node, "Start", &start)) {
		plan_note(p->plan, "%s: this Windows has no such driver", key);
		return 0;
	}
	return driver_start_at_boot(p, key, err);
}

static int plan_boot_paths(struct prep *p, struct error **err)
{
	for (unsigned i = 0; i < p->guest->n_control_sets; i++)
		for (const char *const *s = p->to->boot_services; *s; s++)
			if (enable(p, i, *s, err) < 0)
				return -1;
	return 0;
}

const struct step step_boot_paths = {
	.name = "boot-paths",
	.summary = "let the target's in-box boot drivers load",
	.plan = plan_boot_paths,
};
