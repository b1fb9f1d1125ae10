/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the first start needs to give an old adapter's identity to the new one: docs/design/network.md. */
#pragma once

#include "net-adapters.h"
#include "step.h"

#define NET_HANDOVER_KEY "CE Agent\\Network" /* below SOFTWARE */

/* adapters: of the current control set; those of kind NET_NIC are written down. */
int net_plan_handover(struct prep *p, unsigned control_set, const struct net_adapters *adapters,
	struct error **err);
