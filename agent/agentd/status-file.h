/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the console of the machine shows of the agent: a small JSON file, kept up to date. */
#pragma once

#include "http.h"

/*
 * {"port": N, "stateInMemory": bool, "jobs": [those that run, as the API shows them], "lastError": error of the newest job that
 * failed, or null}. Written when it changed; *last keeps what was written. A failure is logged once.
 */
void status_file_update(const char *file, unsigned port, struct agent *agent, char **last);
/* Without jobs, for an agent that waits to be paired. */
void status_file_idle(const char *file, unsigned port);
