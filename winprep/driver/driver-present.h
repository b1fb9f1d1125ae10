/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drivers that a guest has already, for a device of the target. */
#pragma once

#include "driver-db.h"
#include "step.h"

struct driver_present {
	bool found;
	bool third_party;	       /* package is filled; else the driver is Windows' own */
	bool ours;		       /* an earlier preparation brought it */
	char *published, *service;     /* "oem3.inf" or "lsi_sas.inf"; its function driver */
	struct driver_package package; /* published and key are NULL */
};
void driver_present_done(struct driver_present *d);

/*
 * The newest package that claims the device, has configurations, whose service can start, and that this
 * plan does not take out. Staged is not installed. A device of a boot group needs it in SYSTEM.
 */
int driver_find_present(const struct prep *p, const struct platform_device *d,
	struct driver_present *ret, struct error **err);
/* Lets its service load at boot, in every control set. */
int driver_enable_present(struct prep *p, const struct driver_present *d, struct error **err);
