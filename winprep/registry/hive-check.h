/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a hive's keys and values hang together: asked before hivex gets to see the bytes, so that a hostile
 * or torn hive is one clear error here, not a failure half way through an edit (or worse) there.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "errors.h"

/*
 * data: a primary file after log replay. Walks all keys, their values and their data from the root: cells in
 * use and inside of the hive bins, lists as long as they say, names and data that fit, no key reached twice,
 * at most 512 levels (Windows' own limit). ERR_HIVE_DAMAGED naming the key and the place in the file.
 */
int hive_check(const uint8_t *data, size_t size, const char *name, struct error **err);
