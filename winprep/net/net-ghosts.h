/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Taking an adapter that will not come back out of Windows, as an uninstall of its device would. */
#pragma once

#include "net-adapters.h"
#include "step.h"

/* The request is for DHCP, and the machine's adapters stay behind on the platform it leaves. */
bool net_ghosts_go(const struct prep *p);
/*
 * The adapters of that control set that this preparation takes out: none with `network: keep`, none where
 * their devices may still be there, none where there is a team. Other steps ask, too: what only refers to a
 * ghost is not referred to.
 */
int net_ghosts_read(
	const struct prep *p, unsigned control_set, struct net_adapters *ret, struct error **err);

/* ghosts: of that control set. Everything that names their devices, GUIDs or LUIDs goes. */
int net_purge_ghosts(struct prep *p, unsigned control_set, const struct net_adapters *ghosts,
	struct error **err);
