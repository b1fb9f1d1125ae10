/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a VDA remembers the controllers it had: docs/design/vda.md. */
#pragma once

#include "step.h"

/* Everything that would lead a reconfigured VDA back to its old controllers. */
int vda_plan_forget(struct prep *p, struct error **err);
