/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only code that carries a plan out: files first, hives last, SYSTEM the very last. */
#pragma once

#include "guest.h"

/*
 * g was opened for writing on an overlay. Each action's result becomes "done". A failure leaves the
 * overlay half changed: throw it away. The guest's hives are not to be read afterwards.
 */
int plan_apply(struct plan *p, struct guest *g, struct op *op, struct error **err);

/*
 * What a plan must not do, found before anything is written: two actions that contradict each other on one
 * target, a hive that the guest lacks, a file outside of the places a preparation may write to, more than
 * the volume has room for.
 */
int plan_check(const struct plan *p, const struct guest *g, struct error **err);
