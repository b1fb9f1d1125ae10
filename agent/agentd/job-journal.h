/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What survives the agent: one folder a job under STATE-DIR/jobs, named by the job's id.
 *
 *   job.json    {"version": 1, "seq": N, "endedUs": N, "job": {…}}: the resource, never a secret;
 *               replaced atomically at each change of state
 *   plan.json   the plan, once there is one
 *   log         what agent and worker said, bounded
 *
 * STATE-DIR/lock is locked as long as the journal is open: one agent a folder. A folder that cannot
 * be read as a job is moved to STATE-DIR/damaged, for a person to look at.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "errors.h"

enum journal_file { JOURNAL_JOB, JOURNAL_PLAN, JOURNAL_LOG, _JOURNAL_FILE_MAX };

struct journal;

/* Makes the folders; ERR_INVALID_ARGUMENT where another agent has them. */
int journal_open(const char *state_dir, struct journal **ret, struct error **err);
void journal_close(struct journal *j);
DEFINE_CLEANUP(struct journal *, journal_close);

/* Takes resource over; false: it is none, the folder is damaged. */
typedef bool journal_found_fn(void *data, json_t *resource, uint64_t seq, int64_t ended_us);
/* Calls found for each job, in no order. Returns the number of folders set aside, or -1. */
int journal_load(struct journal *j, journal_found_fn *found, void *data, struct error **err);

/* Durable when it returns; the first save of an id makes its folder. */
int journal_save(struct journal *j, const char *id, uint64_t seq, int64_t ended_us,
	const json_t *resource, struct error **err);
int journal_save_plan(struct journal *j, const char *id, const json_t *plan, struct error **err);
/* A descriptor; ERR_NOT_FOUND where there is no such file (and flags has no O_CREAT). */
int journal_open_file(
	struct journal *j, const char *id, enum journal_file which, int flags, struct error **err);
/* The job is forgotten. */
void journal_remove(struct journal *j, const char *id);
