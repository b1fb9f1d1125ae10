/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job-log.h"

#include <string.h>

#include "io.h"
#include "job.h"
#include "mem.h"

#define LINES_MAX (JOB_LOG_MAX + JOB_LOG_MAX / 4) /* even the agent's own lines have an end */

void job_log_done(struct job_log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

/* A log that cannot be written does not stop a job. */
static void put(struct job_log *log, const char *text, size_t len)
{
	if (len && write_full(log->fd, text, len) == 0) {
		log->size += len;
		log->mid_line = text[len - 1] != '\n';
	}
}

void job_log_raw(struct job_log *log, const char *text, size_t len)
{
	if (log->fd < 0 || log->cut)
		return;
	if (len <= JOB_LOG_MAX - log->size && log->size <= JOB_LOG_MAX) {
		put(log, text, len);
		return;
	}
	log->cut = true;
	job_log_line(log, "the worker's messages are cut here (%llu bytes are kept)",
		(unsigned long long)JOB_LOG_MAX);
}

void job_log_line(struct job_log *log, const char *fmt, ...)
{
	va_list ap;
	if (log->fd < 0 || log->size > LINES_MAX)
		return;
	va_start(ap, fmt);
	CLEANUP_FREE char *text = xvasprintf(fmt, ap);
	va_end(ap);
	CLEANUP_JSON json_t *now = job_time(job_now_us());
	CLEANUP_FREE char *line = xasprintf(
		"%s%s agent: %s\n", log->mid_line ? "\n" : "", json_string_value(now), text);
	put(log, line, strlen(line));
}
