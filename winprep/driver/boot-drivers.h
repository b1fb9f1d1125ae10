/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether the target can start this Windows at all: asked before anything is planned. */
#pragma once

#include "step.h"

/*
 * Of every group of boot devices of the target (platform_device.boot_group), at least one has its driver in
 * the guest: a service that can start, and a driver package that claims the device. Else
 * ERR_BOOT_DRIVER_MISSING, naming the devices. Of targets that in-box drivers start, one boot path at least is whole:
 * its services and their files (platform.boot_paths).
 */
int boot_drivers_check(const struct prep *p, struct error **err);
