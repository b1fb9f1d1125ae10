/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cectl.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "io.h"
#include "jsonx.h"
#include "mem.h"
#include "worker-protocol.h"

static volatile sig_atomic_t worker_pid;

/* Ctrl-C asks the worker to stop; it answers by ending, and cectl ends after it. */
static void forward_signal(int sig)
{
	(void)sig;
	if (worker_pid > 0)
		kill(worker_pid, SIGTERM);
}

void worker_outcome_done(struct worker_outcome *o)
{
	json_decref(o->plan);
	json_decref(o->result);
	json_decref(o->warnings);
}

static int worker_path(const struct cectl *c, char **ret, struct error **err)
{
	const char *env = getenv("CE_WORKER");
	if (env) {
		*ret = xstrdup(env);
		return 0;
	}
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return err_errno(err, ERR_SYSTEM, errno, "where %s is", c->program);
	self[n] = '\0';
	char *slash = strrchr(self, '/');
	CLEANUP_FREE char *path = xasprintf("%.*s/ce-worker", (int)(slash - self), self);
	if (access(path, X_OK) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "\"%s\" (or set CE_WORKER)", path);
	*ret = TAKE_PTR(path);
	return 0;
}

struct child {
	int in, out; /* our ends of its standard input and output */
	pid_t pid;
};

static void child_exec(const char *path, const char *verb, int in, int out)
{
	/* Its own group: a terminal's Ctrl-C reaches it once, through forward_signal(). */
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(127);
	execl(path, "ce-worker", verb, (char *)NULL);
	_exit(127);
}

static int child_start(struct child *ret, const char *path, const char *verb, struct error **err)
{
	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "pipe");
	if (pipe2(out, O_CLOEXEC) < 0) {
		close(in[0]);
		close(in[1]);
		return err_errno(err, ERR_SYSTEM, errno, "pipe");
	}
	pid_t pid = fork();
	if (pid == 0)
		child_exec(path, verb, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	if (pid < 0) {
		close(in[1]);
		close(out[0]);
		return err_errno(err, ERR_SYSTEM, errno, "start \"%s\"", path);
	}
	*ret = (struct child){.in = in[1], .out = out[0], .pid = pid};
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

static void take_event(
	struct cectl *c, struct worker_event *ev, struct worker_outcome *o, struct error **failure)
{
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
		add_warning(o->warnings, ev);
		break;
	case WORKER_NOTE:
		progress_end();
		fprintf(stderr, "%s\n", ev->message);
		break;
	case WORKER_PLAN:
		json_decref(o->plan);
		o->plan = TAKE_PTR(ev->body);
		break;
	case WORKER_RESULT:
		json_decref(o->result);
		o->result = TAKE_PTR(ev->body);
		break;
	case WORKER_ERROR:
		c->wrote = ev->wrote;
		err_move(failure, &ev->error);
		break;
	}
}

static int read_events(struct cectl *c, int fd, struct worker_outcome *o, struct error **failure,
	struct error **err)
{
	CLEANUP_FREE char *line = NULL;
	size_t cap = 0;
	CLEANUP_FCLOSE FILE *f = fdopen(fd, "r");
	for (;;) {
		errno = 0;
		ssize_t n = getline(&line, &cap, f);
		if (n < 0 && errno == EINTR) {
			clearerr(f);
			continue;
		}
		if (n < 0)
			return 0;
		struct worker_event ev = {0};
		if (worker_event_parse(line, (size_t)n, &ev, err) < 0)
			return -1;
		take_event(c, &ev, o, failure);
		worker_event_done(&ev);
	}
}

/* What the way it ended says where it sent neither a result nor an error. */
static int died(int status, struct error **err)
{
	if (WIFSIGNALED(status))
		return err_set(err, ERR_WORKER_DIED, "the worker was ended by signal %d (%s)",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	return err_set(err, ERR_WORKER_DIED, "the worker ended with status %d and no result",
		WEXITSTATUS(status));
}

static int child_wait(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

int cectl_run_worker(struct cectl *c, const char *verb, json_t *input, struct worker_outcome *ret,
	struct error **err)
{
	CLEANUP_JSON json_t *owned = input;
	CLEANUP_FREE char *path = NULL;
	struct child child;
	if (worker_path(c, &path, err) < 0)
		return -1;
	struct sigaction forward = {.sa_handler = forward_signal};
	sigaction(SIGINT, &forward, NULL);
	sigaction(SIGTERM, &forward, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (child_start(&child, path, verb, err) < 0)
		return -1;
	worker_pid = child.pid;

	char *text = jsonx_dump(owned);
	/* A worker that ends early says why on its output: the broken pipe itself is no news. */
	(void)!write_full(child.in, text, strlen(text));
	mem_wipe_str(text);
	close(child.in);

	struct worker_outcome o = {.warnings = json_array()};
	struct error *failure CLEANUP(err_free_p) = NULL;
	int bad = read_events(c, child.out, &o, &failure, err);
	if (bad < 0)
		kill(child.pid, SIGKILL);
	int status = child_wait(child.pid);
	worker_pid = 0;
	progress_end();
	if (bad == 0 && failure)
		*err = TAKE_PTR(failure);
	else if (bad == 0 && (status != 0 || !o.result))
		died(status, err);
	if (*err) {
		worker_outcome_done(&o);
		return -1;
	}
	*ret = o;
	return 0;
}
