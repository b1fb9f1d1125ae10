/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pack.h"
#include "worker.h"

/* The packs of a preparation: opened, and the folders that archives were unpacked to. All-zero: none. */
struct worker_packs {
	struct pack_set *set; /* NULL: no packs */
	char **folders;	      /* NULL-terminated, or NULL */
	char *tmp;	      /* of what was unpacked; or NULL */
};

/*
 * names: those of the request; without an agent they are paths of folders or archives, else the agent has
 * given the folders in w->packs. Errors: pack_unpack(), pack_set_open().
 */
int worker_packs_open(
	struct worker *w, char *const *names, struct worker_packs *ret, struct error **err);
void worker_packs_done(struct worker_packs *p);
