/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "status-file.h"

#include <string.h>

#include "io.h"
#include "job-list.h"
#include "jsonx.h"
#include "logging.h"
#include "mem.h"

#define JOBS_LOOKED_AT 50

static json_t *describe(unsigned port, bool in_memory, const json_t *items)
{
	json_t *o = json_object(), *running = json_array(), *job;
	const json_t *error = NULL;
	size_t i;
	json_array_foreach ((json_t *)items, i, job) {
		const char *status = json_string_value(json_object_get(job, "status"));
		if (status && strcmp(status, "inProgress") == 0)
			json_array_append(running, job);
		else if (!error && status && strcmp(status, "failed") == 0)
			error = json_object_get(job, "error");
	}
	jsonx_set_u64(o, "port", port);
	jsonx_set_bool(o, "stateInMemory", in_memory);
	jsonx_set(o, "jobs", running);
	jsonx_set(o, "lastError", error ? json_incref((json_t *)error) : json_null());
	return o;
}

void status_file_update(const char *file, unsigned port, struct agent *agent, char **last)
{
	CLEANUP_ERR struct error *err = NULL;
	CLEANUP_JSON json_t *page = NULL, *status = NULL;
	if (jobs_page(agent->jobs, JOBS_LOOKED_AT, NULL, &page, &err) < 0)
		return;
	status = describe(port, agent->state_in_memory, json_object_get(page, "items"));
	CLEANUP_FREE char *text = jsonx_dump(status);
	if (*last && strcmp(*last, text) == 0)
		return;
	if (file_write_atomic(file, text, strlen(text), 0600, &err) < 0 && !*last)
		log_error(err);
	free(*last);
	*last = TAKE_PTR(text);
}

void status_file_idle(const char *file, unsigned port)
{
	CLEANUP_ERR struct error *err = NULL;
	CLEANUP_JSON json_t *status = describe(port, false, NULL);
	CLEANUP_FREE char *text = jsonx_dump(status);
	if (file_write_atomic(file, text, strlen(text), 0600, &err) < 0)
		log_error(err);
}
