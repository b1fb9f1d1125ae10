/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Taking an adapter that will not come back out of Windows, as an uninstall of its device would. */
#pragma once

#include "net-adapters.h"
#include "step.h"

/* ghosts: of that control set. Everything that names their devices, GUIDs or LUIDs goes. */
int net_purge_ghosts(struct prep *p, unsigned control_set, const struct net_adapters *ghosts,
	struct error **err);
