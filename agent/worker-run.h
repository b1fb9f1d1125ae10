/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs one ce-worker from start to end: input, events, log, cancel, time limit, death. ce-agentd runs
 * every job and every inspection with it, and so does `cectl local`. The calling thread blocks; it
 * must live until the worker ends (the worker asks the kernel to be killed with the thread that
 * started it). The program ignores SIGPIPE.
 */
#pragma once

#include <stddef.h>

#include "worker-protocol.h"

/* The n bytes of line are the event as it came, without its newline. */
typedef void worker_event_fn(
	void *data, const struct worker_event *ev, const char *line, size_t len);
typedef void worker_log_fn(void *data, const char *text, size_t len);

struct worker_spec {
	const char *program; /* path of ce-worker */
	const char *verb;
	char *input;	  /* the JSON of its standard input; wiped as soon as it is handed over */
	int disk_fd;	  /* becomes the worker's descriptor 3; -1: none. Stays the caller's */
	int stop_fd;	  /* readable: cancel the worker; -1: never. Not read from */
	unsigned timeout; /* seconds; 0: none */
	unsigned patience_ms;	   /* between two signals of a cancel; 0: 5,000 */
	worker_event_fn *on_event; /* may be NULL, as may on_log */
	worker_log_fn *on_log;	   /* standard error, in pieces */
	void *data;
};

/*
 * Success: the worker wrote a result and exited with 0; *ret_result is the caller's.
 * Failure: the worker's own error, or
 *   ERR_CANCELED, ERR_TIMEOUT   it was stopped so, and ended without an error of its own
 *   ERR_WORKER_DIED             it ended without a result or an error; the message names the signal
 *   ERR_INTERNAL                it broke the protocol, and was killed
 *   ERR_SYSTEM                  it could not be started
 * A cancel that comes after the worker has finished its work does not undo it.
 */
int worker_run(struct worker_spec *spec, json_t **ret_result, struct error **err);

/* ce-worker beside the running program; the caller frees. */
char *worker_default_program(void);
