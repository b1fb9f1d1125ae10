/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "strip.h"

/* Takes filters without a driver out of the storage classes of one control set; notes those of others. */
int filters_orphan(struct prep *p, unsigned control_set, struct error **err);
