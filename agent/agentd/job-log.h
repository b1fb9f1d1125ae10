/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A job's log file: the worker's standard error as it comes, and the agent's own lines about steps,
 * warnings and the end. Bounded; a note marks where it was cut.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOB_LOG_MAX (UINT64_C(4) << 20)

struct job_log {
	int fd; /* owned; -1: nothing is kept */
	uint64_t size;
	bool cut, mid_line;
};

void job_log_done(struct job_log *log);
void job_log_raw(struct job_log *log, const char *text, size_t len);
/* "2026-01-31T12:00:00.000Z agent: …", on a line of its own; kept even where the log is cut. */
void job_log_line(struct job_log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
