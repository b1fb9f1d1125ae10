/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which INF of the packs drives a device of the target in this Windows; and if none, why. */
#pragma once

#include "pack.h"
#include "step.h"

/*
 * The best one: models for the newest Windows that this one is, then the folder that names this Windows
 * ("w10", "2k22"), then DriverVer; what is still equal by the order of the set. NULL: none fits; then
 * *ret_why (may be NULL) is what the packs have instead ("viostor.inf is for x86"), "" for nothing.
 * The caller frees it.
 */
const struct pack_inf *driver_choose(
	const struct prep *p, const struct platform_device *d, char **ret_why);

/* Whether an id of an INF is the device's: the same, or one that says more ("…&SUBSYS_00081AF4"). */
bool driver_id_matches(const char *inf_id, const char *device_id);
