/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Edits of shared registry values: pure functions from the value that is to the value that will be. */
#pragma once

#include "plan.h"

/*
 * Applies a list, token or bit action to old (NULL: there is no value). False where nothing would
 * change; else *ret is the new value, or empty (type REG_NONE, no data) where the value is to go.
 */
bool reg_edit(const struct action *edit, const struct reg_value *old, struct reg_value *ret);
