/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the agent's tests: the fake worker, and requests for it. */
#pragma once

#include <stdio.h>

#include "mem.h"
#include "worker-run.h"

/* tests/fake-worker beside the folder of the test program; the caller frees. */
static inline char *fake_worker(void)
{
	char *here = worker_default_program();
	char *path = xasprintf("%.*s/../fake-worker", (int)(strrchr(here, '/') - here), here);
	free(here);
	return path;
}

/* The worker's input for an export that does `what`; the caller frees. */
static inline char *fake_input(const char *what, unsigned ms)
{
	return xasprintf("{\"disk\":{\"path\":\"/d\"},\"request\":{\"outputStorageLocation\":"
			 "{\"password\":\"TopSecret\"},\"tags\":{\"fake\":\"%s\",\"ms\":%u}}}",
		what, ms);
}
