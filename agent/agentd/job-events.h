/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The last events of a job, as server-sent events wants them: text with ids that count up from 1.
 * Bounded: the oldest make room. Not locked; the job list's lock covers it.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#define JOB_EVENTS_MAX	   256 /* kept for those who come late or read slowly */
#define JOB_EVENT_MAX_SIZE 8192

struct job_events {
	char **ring;	  /* of JOB_EVENTS_MAX; NULL until the first event */
	uint64_t last_id; /* 0: there was none yet */
};

/* All-zero is empty. Forgets the texts, not the count. */
void job_events_done(struct job_events *e);
/* Takes data over. An event of more than JOB_EVENT_MAX_SIZE bytes is dropped. */
void job_events_add(struct job_events *e, const char *name, json_t *data);
/*
 * What came after the event with that id, "id: …\nevent: …\ndata: …\n\n" each, as one text; NULL where
 * nothing did. *ret_last: the id to ask with next time. The caller frees.
 */
char *job_events_after(const struct job_events *e, uint64_t id, uint64_t *ret_last);
