/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the appliance is still to be told: that this machine is ready, once for each time it started, and every
 * job that has ended, in the order of their ends. Jobs are read from the records that ce-agentd keeps of them
 * (agentd/job-journal.h); nothing is written there. What has been told is kept in STATE/told.json, on stable
 * storage before the next one is told: whatever is killed when, nothing is lost that the agent still has a
 * record of, and only what was told in the very moment before is told again, with the same id.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "errors.h"
#include "guid.h"

#define OUTBOX_MAX 4096 /* jobs known; the agent keeps 1000 that have ended */

struct outbox_event {
	const char *name;	   /* "ready", "jobEnded" */
	char id[GUID_STRING_SIZE]; /* of the boot, of the job */
	char *time;		   /* of the ready, of the end; owned */
	json_t *job;		   /* what is told of it; NULL; owned */
};

struct outbox;

/* jobs_dir: the agent's; it need not be there yet. boot_id: another one each time the machine starts. */
int outbox_open(const char *jobs_dir, const char *state_dir, const char *boot_id,
	struct outbox **ret, struct error **err);
void outbox_free(struct outbox *o);
DEFINE_CLEANUP(struct outbox *, outbox_free);

/* The agent answers: from now on there is that to tell, unless it was told since this boot. */
void outbox_ready(struct outbox *o);
/* Looks for jobs that have ended. */
void outbox_scan(struct outbox *o);
/* The one to tell now, or NULL; valid until the next call of any of these. */
const struct outbox_event *outbox_next(const struct outbox *o);
/* It was told. An error: it is remembered, but not on stable storage. */
int outbox_told(struct outbox *o, struct error **err);
