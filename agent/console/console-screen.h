/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The status screen of a worker: what somebody who opens the VM's console needs. Plain text of 80 columns
 * and at most 24 lines: a terminal without colours, a serial log and a screenshot show it alike.
 */
#pragma once

#include <jansson.h>

#define SCREEN_COLUMNS 80
#define SCREEN_LINES   24

/* Each may be NULL: not known (yet). All borrowed. */
struct screen {
	const char *version, *host_name;
	const char *const *addresses; /* NULL-terminated: "192.0.2.5 (eth0)" */
	const char *no_address;	      /* why there is none: "eth0 has no link" */
	const json_t *identity;	      /* identity.json of ce-identity */
	const json_t *agent;	      /* status file of ce-agentd */
	const json_t *callback;	      /* report of ce-callback */
};

/* Lines joined by '\n', none over SCREEN_COLUMNS columns, control characters replaced; the caller frees. */
char *screen_text(const struct screen *s);
