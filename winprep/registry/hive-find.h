/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Subkeys by name. hivex reads all names of a key for each look-up: with the 30 000 components that Windows
 * Installer may know, 20 ms each. Of large keys the names are kept here, of the few that were asked last.
 */
#pragma once

#include "hive.h"

struct hive_h; /* hivex */

#define FIND_SLOTS 4

struct find_cache {
	struct {
		hive_node parent; /* 0: empty */
		struct hive_children children;
	} slots[FIND_SLOTS];
	unsigned next; /* to be filled */
};
void find_cache_done(struct find_cache *c);
/* 0 where there is none. */
hive_node find_child(struct find_cache *c, struct hive *h, struct hive_h *hivex, hive_node parent,
	const char *name);
/* What writing does to it. */
void find_cache_added(struct find_cache *c, hive_node parent);
void find_cache_deleted(struct find_cache *c, hive_node node);
