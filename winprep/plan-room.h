/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "guest.h"

/* ERR_NO_SPACE with the figures where the Windows volume is too full for the plan. */
int plan_check_room(const struct plan *p, const struct guest *g, struct error **err);
/* Gives ERR_NO_SPACE of that volume its way out; leaves other errors alone. Returns -1. */
int plan_volume_full(struct error **err);
