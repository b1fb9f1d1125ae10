/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings that depend on where a Windows runs. Facts windows-and-peers 1.8; docs/design/settings.md. */
#include "mem.h"
#include "settings.h"

/* A clock in UTC that no platform is known to have asked for: somebody's own choice. */
static void note_clock(struct prep *p)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	uint32_t universal = 0;
	hive_node node = hive_findf(h, hive_root(h), "ControlSet%03u\\Control\\TimeZoneInformation",
		p->guest->current_control_set);
	if (!p->to->rtc_utc && !(p->from && p->from->rtc_utc) &&
		hive_get_number(h, node, "RealTimeIsUniversal", &universal) && universal)
		plan_note(p->plan,
			"RealTimeIsUniversal left alone: the platform it came from does not need it, "
			"so somebody chose it");
}

static int plan_settings(struct prep *p, struct error **err)
{
	for (unsigned i = 0; i < p->guest->n_control_sets; i++)
		if (settings_values(p, i, err) < 0 || settings_services(p, i, err) < 0 ||
			(p->request->enable_rdp && settings_firewall(p, i, err) < 0))
			return -1;
	note_clock(p);
	if (p->request->enable_rdp)
		settings_note_policies(p);
	return settings_boot(p, err) < 0 ? -1 : settings_letters(p, err);
}

const struct step step_settings = {
	.name = "settings",
	.summary =
		"disks online, clock, crash dump, power, Remote Desktop, services, serial console, "
		"drive letters",
	.plan = plan_settings,
};
