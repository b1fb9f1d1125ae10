/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guest made of one real SYSTEM hive, for tests of steps that need no disk. */
#pragma once

#include "step.h"

/* From $CE_TEST_DATA/hives/NAME.xz; a missing folder skips the case. Freed with hive_guest_done(). */
void hive_guest_init(struct guest *g, const char *name);
void hive_guest_done(struct guest *g);
/* Plans the step, applies the actions to the hive, plans again: the second plan must be empty. */
void hive_guest_run(struct prep *p, const struct step *step);
