/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the source platform's tools left besides services and drivers: their registration, their files, and
 * the settings they made for a platform that is gone.
 */
#include "strip-software.h"

static int plan_software(struct prep *p, struct error **err)
{
	static int (*const parts[])(struct prep *, struct error **) = {strip_network, strip_system,
		strip_msi, strip_software, strip_lockdown, strip_tasks, strip_files, strip_hosts,
		strip_time, strip_licence, strip_settings};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i](p, err) < 0)
			return -1;
	return 0;
}

const struct step step_software = {
	.name = "software",
	.summary = "remove the source platform's tools, their registration and their settings",
	.applies = strip_applies,
	.plan = plan_software,
};
