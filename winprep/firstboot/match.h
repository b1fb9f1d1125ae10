/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which new adapter inherits from which old one. */
#pragma once

#include "adapters.h"

/* Candidates: present, and no device that the hand-over knows. */
BOOL match_is_new(const struct adapter *a, const struct adapters *old);
size_t match_count_new(const struct adapters *now, const struct adapters *old);
/*
 * What an earlier start began, then the MAC address, then the only one there is, and nothing else. Sets
 * successor, by and done of each old one.
 */
void match_adapters(struct adapters *old, struct adapters *now);
