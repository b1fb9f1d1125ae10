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
/*
 * What a driver's service lacks to be loaded, in the current control set: its key or its file, in words; NULL:
 * nothing. The caller frees.
 */
char *driver_service_missing(const struct guest *g, const char *service);
/*
 * The service of that key loads at boot: Start 0, no StartOverride, and its ImagePath as the boot loader takes
 * it, relative to the Windows folder (facts windows-and-peers 1.4.4).
 */
int driver_start_at_boot(struct prep *p, const char *key, struct error **err);
/* Lets its service load at boot, in every control set. */
int driver_enable_present(struct prep *p, const struct driver_present *d, struct error **err);
