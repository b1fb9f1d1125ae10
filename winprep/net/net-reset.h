/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses that somebody set by hand go; the interface stays and asks for a lease. */
#pragma once

#include "net-adapters.h"
#include "step.h"

int net_reset_interface(
	struct prep *p, unsigned control_set, const struct net_adapter *a, struct error **err);
/* Interfaces with settings and without an adapter; all: every adapter of the control set. */
int net_reset_orphans(
	struct prep *p, unsigned control_set, const struct net_adapters *all, struct error **err);
/* Says which of them stay, and that nothing can be inherited by them. */
int net_note_orphans(
	struct prep *p, unsigned control_set, const struct net_adapters *all, struct error **err);
/* Persistent routes through the networks that these adapters have. */
int net_drop_routes(
	struct prep *p, unsigned control_set, const struct net_adapters *nics, struct error **err);
