/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker-run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "mem.h"

#define PATIENCE_MS 5000
#define READ_SIZE   (64u << 10)
#define LAST_READS  32 /* of what an ended worker left in a pipe */
#define DISK_FD	    3

extern char **environ;

/* How a worker is asked to stop: signal after signal until it is gone. */
static const int cancel_signals[] = {SIGTERM, SIGTERM, SIGTERM, SIGKILL, 0};
static const int timeout_signals[] = {SIGUSR1, SIGUSR1, SIGTERM, SIGKILL, 0};
static const int broken_signals[] = {SIGKILL, 0};

struct run {
	struct worker_spec *spec;
	pid_t pid;
	int pid_fd, in, out, log; /* our ends */
	size_t sent;		  /* of the input */
	int64_t deadline_us;	  /* of the time limit; 0: none */

	enum op_stop stopping;
	const int *next_signal; /* NULL: not being stopped */
	int64_t next_signal_us;

	char *line; /* what came of the current line */
	size_t line_len, line_cap;
	json_t *result;
	struct error *error; /* the worker's own, or what is wrong with it */
	struct error
		*protocol; /* it broke the protocol: whatever else it says, that is the error */
};

static void run_done(struct run *r)
{
	const int fds[] = {r->pid_fd, r->in, r->out, r->log};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(r->line);
	json_decref(r->result);
	err_free(r->error);
	err_free(r->protocol);
}

static void close_fd(int *fd)
{
	cleanup_close(fd);
	*fd = -1;
}

/* The whole group: a worker's own children end with it. */
static void send_signal(struct run *r, int sig)
{
	kill(sig == SIGKILL ? -r->pid : r->pid, sig);
}

static void begin_stop(struct run *r, enum op_stop why, const int *signals)
{
	r->stopping = why;
	r->next_signal = signals;
	r->next_signal_us = op_now_us();
}

static void tick_stop(struct run *r, int64_t now)
{
	if (!r->next_signal && r->deadline_us && now >= r->deadline_us)
		begin_stop(r, OP_STOP_TIMEOUT, timeout_signals);
	if (!r->next_signal || !*r->next_signal || now < r->next_signal_us)
		return;
	unsigned patience_ms = r->spec->patience_ms ? r->spec->patience_ms : PATIENCE_MS;
	send_signal(r, *r->next_signal++);
	r->next_signal_us = now + (int64_t)patience_ms * 1000;
}

static int wait_ms(const struct run *r, int64_t now)
{
	int64_t at = r->next_signal ? (*r->next_signal ? r->next_signal_us : 0) : r->deadline_us;
	if (!at)
		return -1;
	int64_t ms = at > now ? (at - now + 999) / 1000 : 0;
	return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

static void broke_protocol(struct run *r, struct error **err)
{
	err_move(&r->protocol, err);
	close_fd(&r->out);
	begin_stop(r, OP_RUN, broken_signals);
}

static void take_line(struct run *r, const char *line, size_t len)
{
	struct worker_event ev = {0};
	struct error *err = NULL;
	if (worker_event_parse(line, len, &ev, &err) < 0) {
		broke_protocol(r, &err);
		return;
	}
	if (ev.kind == WORKER_RESULT && !r->result)
		r->result = json_incref(ev.body);
	if (ev.kind == WORKER_ERROR && !r->error)
		r->error = err_copy(ev.error);
	if (r->spec->on_event)
		r->spec->on_event(r->spec->data, &ev, line, len);
	worker_event_done(&ev);
}

static void keep_rest(struct run *r, const char *p, size_t len)
{
	struct error *err = NULL;
	if (r->line_len + len > WORKER_LINE_MAX) {
		err_set(&err, ERR_INTERNAL, "a line of the worker has more than %u bytes",
			WORKER_LINE_MAX);
		broke_protocol(r, &err);
		return;
	}
	if (r->line_len + len > r->line_cap) {
		r->line_cap = r->line_len + len + READ_SIZE;
		r->line = xrealloc_array(r->line, r->line_cap, 1);
	}
	memcpy(r->line + r->line_len, p, len);
	r->line_len += len;
}

static void take_output(struct run *r, const char *p, size_t len)
{
	while (len && r->out >= 0) {
		const char *newline = memchr(p, '\n', len);
		size_t n = newline ? (size_t)(newline - p) : len;
		if (n)
			keep_rest(r, p, n);
		if (newline && r->out >= 0) {
			take_line(r, r->line_len ? r->line : "", r->line_len);
			r->line_len = 0;
		}
		n += newline ? 1 : 0;
		p += n;
		len -= n;
	}
}

static void take_log(struct run *r, const char *p, size_t len)
{
	if (r->spec->on_log)
		r->spec->on_log(r->spec->data, p, len);
}

/* One read; false where there is no more for now. The descriptor is closed at its end. */
static bool read_some(struct run *r, int *fd, void (*take)(struct run *, const char *, size_t))
{
	char buf[READ_SIZE];
	ssize_t n = *fd < 0 ? -1 : read(*fd, buf, sizeof(buf));
	if (n > 0) {
		take(r, buf, (size_t)n);
		return true;
	}
	if (*fd >= 0 && (n == 0 || (errno != EAGAIN && errno != EINTR)))
		close_fd(fd);
	return false;
}

static void write_input(struct run *r)
{
	char *input = r->spec->input;
	size_t len = strlen(input + r->sent);
	ssize_t n = len ? write(r->in, input + r->sent, len) : 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* A worker that closed its input early says why, or is found dead. */
	if (n < 0)
		n = (ssize_t)len;
	mem_wipe(input + r->sent, (size_t)n);
	r->sent += (size_t)n;
	if ((size_t)n == len)
		close_fd(&r->in);
}

static void set_nonblock(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* Our environment, and in it whom the worker answers to: see sandbox_begin(). The caller frees. */
static char **worker_environment(char parent[static 40])
{
	size_t n = 0;
	while (environ[n])
		n++;
	char **env = xcalloc(n + 2, sizeof(*env));
	memcpy(env, environ, n * sizeof(*env));
	snprintf(parent, 40, "CE_PARENT_PID=%d", (int)getpid());
	env[n] = parent;
	return env;
}

/* Only the four descriptors, default signals, a process group of its own. */
static int spawn(struct run *r, int in, int out, int log)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, all;
	char *argv[] = {(char *)r->spec->program, (char *)r->spec->verb, NULL};
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&fa, log, STDERR_FILENO);
	if (r->spec->disk_fd >= 0)
		posix_spawn_file_actions_adddup2(&fa, r->spec->disk_fd, DISK_FD);
	posix_spawn_file_actions_addclosefrom_np(
		&fa, r->spec->disk_fd >= 0 ? DISK_FD + 1 : DISK_FD);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	char parent[40];
	CLEANUP_FREE char **env = worker_environment(parent);
	int errnum = posix_spawn(&r->pid, r->spec->program, &fa, &attr, argv, env);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	return errnum;
}

static int start(struct run *r, struct error **err)
{
	CLEANUP_CLOSE int in = -1, out = -1, log = -1;
	int p[3][2];
	for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
		if (pipe2(p[i], O_CLOEXEC) < 0) {
			int errnum = errno;
			while (i--) {
				close(p[i][0]);
				close(p[i][1]);
			}
			return err_errno(err, ERR_SYSTEM, errnum, "cannot make a pipe");
		}
	}
	in = p[0][0], r->in = p[0][1];
	r->out = p[1][0], out = p[1][1];
	r->log = p[2][0], log = p[2][1];
	set_nonblock(r->in);
	set_nonblock(r->out);
	set_nonblock(r->log);
	int errnum = spawn(r, in, out, log);
	if (errnum)
		return err_errno(err, ERR_SYSTEM, errnum, "cannot start the worker \"%s\"",
			r->spec->program);
	r->pid_fd = pidfd_open(r->pid, 0);
	if (r->pid_fd < 0) {
		errnum = errno;
		send_signal(r, SIGKILL);
		waitpid(r->pid, NULL, 0);
		return err_errno(err, ERR_SYSTEM, errnum, "cannot watch the worker");
	}
	if (r->spec->timeout)
		r->deadline_us = op_now_us() + (int64_t)r->spec->timeout * 1000000;
	return 0;
}

/* Until the process is gone and what it said has been read. */
static void watch(struct run *r)
{
	for (;;) {
		int64_t now = op_now_us();
		tick_stop(r, now);
		struct pollfd fds[] = {{r->pid_fd, POLLIN, 0}, {r->out, POLLIN, 0},
			{r->log, POLLIN, 0}, {r->in, POLLOUT, 0},
			{r->next_signal ? -1 : r->spec->stop_fd, POLLIN, 0}};
		if (poll(fds, ARRAY_SIZE(fds), wait_ms(r, now)) <= 0)
			continue;
		if (fds[4].revents)
			begin_stop(r, OP_STOP_CANCEL, cancel_signals);
		if (fds[3].revents)
			write_input(r);
		if (fds[2].revents)
			read_some(r, &r->log, take_log);
		if (fds[1].revents)
			read_some(r, &r->out, take_output);
		if (fds[0].revents)
			break;
	}
	/* A child of the worker may still hold the pipes: they are not waited for. */
	send_signal(r, SIGKILL);
	for (int i = 0; i < LAST_READS && read_some(r, &r->out, take_output); i++)
		;
	for (int i = 0; i < LAST_READS && read_some(r, &r->log, take_log); i++)
		;
}

static int died(const struct run *r, int status, struct error **err)
{
	if (WIFSIGNALED(status)) {
		const char *name = sigabbrev_np(WTERMSIG(status));
		return err_set(err, ERR_WORKER_DIED, "worker was killed by signal %d (SIG%s)",
			WTERMSIG(status), name ? name : "?");
	}
	return err_set(err, ERR_WORKER_DIED, "worker ended with status %d and without %s",
		WEXITSTATUS(status), r->result ? "success, after a result" : "a result");
}

static int verdict(struct run *r, int status, json_t **ret_result, struct error **err)
{
	bool exited = WIFEXITED(status);
	/* SIGTERM after SIGUSR1 makes a worker say `canceled`: it was out of time all the same. */
	bool late = r->stopping == OP_STOP_TIMEOUT && r->error && r->error->code == ERR_CANCELED;
	if (r->protocol)
		err_move(err, &r->protocol);
	else if (r->error && !late)
		err_move(err, &r->error);
	else if (exited && WEXITSTATUS(status) == 0 && r->result)
		*ret_result = TAKE_PTR(r->result);
	else if (r->stopping)
		op_stop_error(r->stopping, err);
	else
		died(r, status, err);
	return *err ? -1 : 0;
}

int worker_run(struct worker_spec *spec, json_t **ret_result, struct error **err)
{
	struct run r = {.spec = spec, .pid_fd = -1, .in = -1, .out = -1, .log = -1};
	size_t input_len = strlen(spec->input);
	int status = 0, result = start(&r, err);
	if (result == 0) {
		watch(&r);
		while (waitpid(r.pid, &status, 0) < 0 && errno == EINTR)
			;
		result = verdict(&r, status, ret_result, err);
	}
	mem_wipe(spec->input, input_len);
	run_done(&r);
	return result;
}

char *worker_default_program(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n <= 0)
		return xstrdup("ce-worker");
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	return xasprintf("%.*s/ce-worker", slash ? (int)(slash - path) : 0, path);
}
