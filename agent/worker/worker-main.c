/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <string.h>

#include "smb-proto.h"
#include "smb-writer.h"
#include "worker-protocol.h"
#include "worker-sandbox.h"
#include "worker.h"

static const struct verb {
	const char *name;
	worker_verb_fn *run;
	bool no_disk;
} verbs[] = {
	{"export", worker_export},
	{"inspect", worker_inspect},
	{"hash", worker_hash},
	{"check", worker_check},
	{"prepare", worker_prepare},
	{"recover", worker_recover},
	{"list", worker_list, .no_disk = true},
	{"unpack", worker_unpack},
};

static atomic_int stop;

/* The first reason to stop is the one that counts. */
static void on_stop(int sig)
{
	int running = OP_RUN;
	atomic_compare_exchange_strong(
		&stop, &running, sig == SIGUSR1 ? OP_STOP_TIMEOUT : OP_STOP_CANCEL);
}

static void watch_signals(void)
{
	/* No SA_RESTART: a call that waits comes back and looks at `stop`. */
	struct sigaction sa = {.sa_handler = on_stop};
	sigemptyset(&sa.sa_mask);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* A parent that was started with them blocked must not make the worker deaf. */
	sigset_t all;
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

static void emit(void *data, const struct op_event *ev)
{
	(void)data;
	worker_emit_op(ev);
}

static int run_verb(struct worker *w, const struct verb *verb, json_t **ret, struct error **err)
{
	if (sandbox_begin(err) < 0 || worker_input_read(w, STDIN_FILENO, err) < 0)
		return -1;
	return verb->run(w, ret, err);
}

static int run_job(const struct verb *verb)
{
	struct worker w = {.fd = -1, .no_disk = verb->no_disk};
	struct error *err CLEANUP_ERR = NULL;
	json_t *result = NULL;
	watch_signals();
	op_init(&w.op, emit, NULL, &stop);
	int failed = run_verb(&w, verb, &result, &err);
	if (failed) {
		err_step(&err, w.op.step);
		worker_emit_error(err, w.op.wrote);
	} else {
		op_finish(&w.op);
		worker_emit_body(WORKER_RESULT, result);
	}
	worker_input_done(&w);
	return failed ? err_exit_status(err, w.op.wrote) : 0;
}

static int usage(void)
{
	fputs("usage: ce-worker VERB < INPUT.json\nverbs:", stderr);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(stderr, " %s", verbs[i].name);
	fputs("\nA program starts it: see cectl(1), `cectl local`.\n", stderr);
	return 2;
}

int worker_main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "smb-writer") == 0)
		return smb_writer_main(SMB_STARTER_FD);
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return run_job(&verbs[i]);
	return usage();
}
