/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "driver-install.h"

/* Both warn, "pack-unsigned"; the catalog, where there is one, has been read. */
int driver_check_inf(struct driver_install *d, struct error **err);
/* A driver, "vioscsi.sys". */
int driver_check_program(struct driver_install *d, const char *name, const uint8_t *data,
	size_t len, struct error **err);
