/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cectl.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "export-request.h"
#include "io.h"
#include "jsonx.h"
#include "mem.h"
#include "worker-run.h"

/* A byte in the pipe asks the worker to stop; it answers by ending, and cectl ends after it. */
static int stop_pipe[2] = {-1, -1};

static void on_stop_signal(int sig)
{
	(void)sig;
	int saved = errno;
	(void)!write(stop_pipe[1], "", 1);
	errno = saved;
}

static int watch_signals(struct error **err)
{
	if (stop_pipe[0] < 0 && pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "pipe");
	const struct sigaction stop = {.sa_handler = on_stop_signal};
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

void worker_outcome_done(struct worker_outcome *o)
{
	json_decref(o->plan);
	json_decref(o->result);
	json_decref(o->warnings);
}

static int worker_path(char **ret, struct error **err)
{
	const char *env = getenv("CE_WORKER");
	CLEANUP_FREE char *path = env ? xstrdup(env) : worker_default_program();
	if (access(path, X_OK) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "\"%s\" (or set CE_WORKER)", path);
	*ret = TAKE_PTR(path);
	return 0;
}

static void add_warning(json_t *warnings, const struct worker_event *ev)
{
	json_t *w = json_object();
	jsonx_set_string(w, "code", ev->code);
	jsonx_set_string(w, "message", ev->message);
	jsonx_set_string(w, "step", ev->step);
	json_array_append_new(warnings, w);
	progress_end();
	fprintf(stderr, "warning: %s [%s]\n", ev->message, ev->code);
}

struct watch {
	struct cectl *c;
	struct worker_outcome outcome;
};

static void on_event(void *data, const struct worker_event *ev, const char *line, size_t len)
{
	struct watch *w = data;
	(void)line, (void)len;
	switch (ev->kind) {
	case WORKER_STEP:
	case WORKER_PROGRESS:
		progress_show(&(struct progress_view){.step = ev->step,
			.percent = ev->percent,
			.done = ev->done,
			.total = ev->total,
			.bytes_per_second = ev->bytes_per_second,
			.eta_seconds = ev->eta_seconds});
		break;
	case WORKER_WARNING:
		add_warning(w->outcome.warnings, ev);
		break;
	case WORKER_NOTE:
		progress_end();
		fprintf(stderr, "%s\n", ev->message);
		break;
	case WORKER_PLAN:
		json_decref(w->outcome.plan);
		w->outcome.plan = json_incref(ev->body);
		break;
	case WORKER_RESULT:
		break;
	case WORKER_ERROR:
		w->c->wrote = ev->wrote;
		break;
	}
}

static void on_log(void *data, const char *text, size_t len)
{
	(void)data;
	progress_end();
	(void)!write_full(STDERR_FILENO, text, len);
}

/* Seconds, where the request has a limit of its own: who waits at a terminal needs no other. */
static unsigned time_limit(const json_t *input)
{
	CLEANUP_ERR struct error *ignored = NULL; /* the worker reports what is wrong with it */
	uint64_t seconds = 0;
	const json_t *request = json_object_get(input, "request");
	if (request)
		jsonx_get_u64(request, "", "timeout", 1, UINT32_MAX, &seconds, &ignored);
	return (unsigned)seconds;
}

int cectl_run_worker(struct cectl *c, const char *verb, json_t *input, struct worker_outcome *ret,
	struct error **err)
{
	CLEANUP_JSON json_t *owned = input;
	CLEANUP_FREE char *path = NULL;
	if (worker_path(&path, err) < 0 || watch_signals(err) < 0)
		return -1;
	struct watch w = {.c = c, .outcome = {.warnings = json_array()}};
	struct worker_spec spec = {
		.program = path,
		.verb = verb,
		.input = jsonx_dump(owned),
		.disk_fd = -1,
		.stop_fd = stop_pipe[0],
		.timeout = time_limit(owned),
		.on_event = on_event,
		.on_log = on_log,
		.data = &w,
	};
	export_request_wipe(owned);
	int result = worker_run(&spec, &w.outcome.result, err);
	free(spec.input);
	progress_end();
	if (result < 0) {
		worker_outcome_done(&w.outcome);
		return -1;
	}
	*ret = w.outcome;
	return 0;
}
