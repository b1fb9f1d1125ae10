/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job-events.h"

#include <inttypes.h>
#include <string.h>

#include "jsonx.h"
#include "mem.h"

void job_events_done(struct job_events *e)
{
	for (size_t i = 0; e->ring && i < JOB_EVENTS_MAX; i++)
		free(e->ring[i]);
	free(e->ring);
	e->ring = NULL;
}

void job_events_add(struct job_events *e, const char *name, json_t *data)
{
	CLEANUP_JSON json_t *owned = data;
	CLEANUP_FREE char *text = jsonx_dump(owned);
	if (strlen(text) > JOB_EVENT_MAX_SIZE)
		return;
	if (!e->ring)
		e->ring = xcalloc(JOB_EVENTS_MAX, sizeof(*e->ring));
	char **slot = &e->ring[++e->last_id % JOB_EVENTS_MAX];
	free(*slot);
	*slot = xasprintf("id: %" PRIu64 "\nevent: %s\ndata: %s\n\n", e->last_id, name, text);
}

char *job_events_after(const struct job_events *e, uint64_t id, uint64_t *ret_last)
{
	uint64_t oldest = e->last_id > JOB_EVENTS_MAX ? e->last_id - JOB_EVENTS_MAX + 1 : 1;
	char *all = NULL;
	size_t size;
	if (!e->ring || id >= e->last_id)
		return NULL;
	FILE *f = open_memstream(&all, &size);
	if (!f)
		return NULL;
	for (uint64_t i = id + 1 > oldest ? id + 1 : oldest; i <= e->last_id; i++)
		fputs(e->ring[i % JOB_EVENTS_MAX] ? e->ring[i % JOB_EVENTS_MAX] : "", f);
	fclose(f);
	*ret_last = e->last_id;
	return all;
}
