/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the step settings. Each plans for one control set, but for the last two. */
#pragma once

#include "prepare.h"

/* Tables of single values, and of services' start types. */
int settings_values(struct prep *p, unsigned control_set, struct error **err);
int settings_services(struct prep *p, unsigned control_set, struct error **err);
/* The firewall's own rules for Remote Desktop. */
int settings_firewall(struct prep *p, unsigned control_set, struct error **err);
/* Policies that outrank what was set for Remote Desktop: noted, never changed. */
void settings_note_policies(struct prep *p);
/* The serial console and more of the boot configuration; not of a control set, either. */
int settings_boot(struct prep *p, struct error **err);
/* Makes room for the letter of the target's temporary disk. */
int settings_letters(struct prep *p, struct error **err);
