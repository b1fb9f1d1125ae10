/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options that only a running Windows can carry out are refused by name. */
#pragma once

#include "prepare.h"

/*
 * guest: NULL before the disk is opened: what no guest could make superfluous is refused then. With one, an
 * option that installs what is installed already is fulfilled (facts ips 3.9) and noted in plan.
 */
int first_boot_needs_check(const struct prepare_request *r, const struct guest *guest,
	struct plan *plan, struct error **err);
