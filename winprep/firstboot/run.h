/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One start: from the hand-over to the result. Knows the registry, and the machine by the functions given. */
#pragma once

#include "adapters.h"

#define MAX_STARTS 3

enum outcome {
	RUN_LATER,   /* not now: the next start may */
	RUN_OVER,    /* there is nothing more to do */
	RUN_CHANGED, /* the same, and a restart makes it count */
};

struct run {
	present_fn *present;
	/* Waits for the machine's devices; FALSE: asked to stop. poll: TRUE when there is enough. */
	BOOL (*wait)(BOOL (*poll)(const struct run *run), const struct run *run);
};

/* With the bound on starts, the wait and the result. */
enum outcome run_start(const struct run *run);
/* One pass over what is there now. */
enum outcome run_apply(const struct run *run);
