/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hive-find.h"

#include <hivex.h>
#include <stdlib.h>
#include <strings.h>

#define LARGE 200 /* subkeys */

static void drop(struct find_cache *c, size_t i)
{
	hive_children_done(&c->slots[i].children);
	c->slots[i].parent = 0;
}

void find_cache_done(struct find_cache *c)
{
	for (size_t i = 0; i < FIND_SLOTS; i++)
		drop(c, i);
}

/* NULL: the names cannot be read. */
static const struct hive_children *children_of(
	struct find_cache *c, struct hive *h, hive_node parent)
{
	CLEANUP_ERR struct error *ignored = NULL;
	for (size_t i = 0; i < FIND_SLOTS; i++)
		if (c->slots[i].parent == parent)
			return &c->slots[i].children;
	size_t i = c->next++ % FIND_SLOTS;
	drop(c, i);
	if (hive_children(h, parent, &c->slots[i].children, &ignored) < 0) {
		drop(c, i);
		return NULL;
	}
	c->slots[i].parent = parent;
	return &c->slots[i].children;
}

hive_node find_child(struct find_cache *c, struct hive *h, struct hive_h *hivex, hive_node parent,
	const char *name)
{
	const struct hive_children *all =
		hivex_node_nr_children(hivex, parent) > LARGE ? children_of(c, h, parent) : NULL;
	if (!all)
		return hivex_node_get_child(hivex, parent, name);
	for (size_t i = 0; i < all->n; i++)
		if (strcasecmp(all->v[i].name, name) == 0)
			return all->v[i].node;
	return 0;
}

void find_cache_added(struct find_cache *c, hive_node parent)
{
	for (size_t i = 0; i < FIND_SLOTS; i++)
		if (c->slots[i].parent == parent)
			drop(c, i);
}

/* Takes it out; false where it is not in it. */
static bool take_out(struct hive_children *c, hive_node node)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].node == node) {
			free(c->v[i].name);
			c->v[i] = c->v[--c->n];
			return true;
		}
	return false;
}

/* A slot of another key may be one below the deleted: it goes. */
void find_cache_deleted(struct find_cache *c, hive_node node)
{
	for (size_t i = 0; i < FIND_SLOTS; i++)
		if (c->slots[i].parent && !take_out(&c->slots[i].children, node))
			drop(c, i);
}
