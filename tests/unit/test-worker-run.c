/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running a worker, with one that ends in every possible way. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

#include "agent-util.h"
#include "unit.h"

struct seen {
	unsigned steps, progress, plans;
	size_t log_bytes;
	int cancel_at; /* eventfd to write to at the first progress; -1: never */
};

static void on_event(void *data, const struct worker_event *ev, const char *line, size_t len)
{
	struct seen *seen = data;
	ck_assert(len > 0 && line[0] == '{');
	seen->steps += ev->kind == WORKER_STEP;
	seen->progress += ev->kind == WORKER_PROGRESS;
	seen->plans += ev->kind == WORKER_PLAN;
	if (ev->kind == WORKER_PROGRESS && seen->cancel_at >= 0)
		eventfd_write(seen->cancel_at, 1);
}

static void on_log(void *data, const char *text, size_t len)
{
	(void)text;
	((struct seen *)data)->log_bytes += len;
}

static int run(const char *what, unsigned ms, unsigned timeout, int stop_fd, struct seen *seen,
	json_t **ret, struct error **err)
{
	signal(SIGPIPE, SIG_IGN);
	CLEANUP_FREE char *program = fake_worker();
	CLEANUP_FREE char *input = fake_input(what, ms);
	size_t len = strlen(input);
	struct worker_spec spec = {.program = program,
		.verb = "export",
		.input = input,
		.disk_fd = -1,
		.stop_fd = stop_fd,
		.timeout = timeout,
		.patience_ms = 200,
		.on_event = on_event,
		.on_log = on_log,
		.data = seen};
	int r = worker_run(&spec, ret, err);
	ck_assert_msg(mem_is_zero(input, len), "the input is still there");
	return r;
}

static struct seen nothing(void)
{
	return (struct seen){.cancel_at = -1};
}

START_TEST(success)
{
	struct seen seen = nothing();
	json_t *result = NULL;
	ck_ok(run("copy", 1, 0, -1, &seen, &result, &err));
	const json_t *a = json_object_get(result, "artifacts");
	ck_assert_str_eq(json_string_value(json_object_get(a, "md5Hash")),
		"23a396b3438cd1b16749c6635dd6c9b2");
	ck_assert_uint_eq(seen.steps, 2);
	ck_assert_uint_eq(seen.progress, 20);
	ck_assert_uint_eq(seen.plans, 1);
	ck_assert_uint_gt(seen.log_bytes, 0);
	json_decref(result);
}
END_TEST

/* Descriptors 0 to 2 and no other; the signal mask is clean; the input arrived whole. */
START_TEST(how_it_is_started)
{
	struct seen seen = nothing();
	json_t *result = NULL;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int extra = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
	ck_ok(run("tell", 1, 0, -1, &seen, &result, &err));
	close(extra);
	const json_t *a = json_object_get(result, "artifacts");
	json_t *fds = json_pack("[iii]", 0, 1, 2);
	ck_assert(json_equal(json_object_get(a, "fds"), fds));
	ck_assert_str_eq(json_string_value(json_object_get(a, "termBlocked")), "0");
	ck_assert_int_eq(json_integer_value(json_object_get(a, "passwordLength")), 9);
	json_decref(fds);
	json_decref(result);
}
END_TEST

START_TEST(disk_is_descriptor_3)
{
	struct seen seen = nothing();
	json_t *result = NULL;
	CLEANUP_FREE char *program = fake_worker();
	CLEANUP_FREE char *input = fake_input("tell", 1);
	CLEANUP_FREE char *path = xasprintf("%s/disk", unit_tmp());
	ck_assert_int_eq(unit_run("truncate -s 12345 %s", path), 0);
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct worker_spec spec = {.program = program,
		.verb = "export",
		.input = input,
		.disk_fd = fd,
		.stop_fd = -1,
		.on_event = on_event,
		.data = &seen};
	ck_ok(worker_run(&spec, &result, &err));
	const json_t *a = json_object_get(result, "artifacts");
	ck_assert_int_eq(json_integer_value(json_object_get(a, "disk3")), 12345);
	ck_assert_uint_eq(json_array_size(json_object_get(a, "fds")), 4);
	json_decref(result);
}
END_TEST

static const struct {
	const char *what;
	enum err_code code;
	const char *text;
} failures[] = {
	{"crash", ERR_WORKER_DIED, "signal 11 (SIGSEGV)"},
	{"silent", ERR_WORKER_DIED, "status 0 and without a result"},
	{"fail", ERR_SHARE_LOGIN, "the share said no"},
	{"garbage", ERR_INTERNAL, "protocol"},
	{"huge-line", ERR_INTERNAL, "more than 1048576 bytes"},
};

START_TEST(failure)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		struct seen seen = nothing();
		json_t *result = NULL;
		int64_t start = op_now_us();
		ck_fails(run(failures[i].what, 1, 0, -1, &seen, &result, &err), failures[i].code,
			failures[i].text);
		ck_assert_ptr_null(result);
		ck_assert_msg(op_now_us() - start < 10000000, "%s took its time", failures[i].what);
	}
}
END_TEST

START_TEST(cannot_start)
{
	json_t *result = NULL;
	char input[] = "{}";
	struct worker_spec spec = {.program = "/nonexistent/ce-worker",
		.verb = "export",
		.input = input,
		.disk_fd = -1,
		.stop_fd = -1};
	ck_fails(worker_run(&spec, &result, &err), ERR_SYSTEM, "/nonexistent/ce-worker");
}
END_TEST

/* A worker that does not read its input does not stop the agent. */
START_TEST(input_not_read)
{
	signal(SIGPIPE, SIG_IGN);
	struct seen seen = nothing();
	json_t *result = NULL;
	CLEANUP_FREE char *program = fake_worker();
	char *input = xmalloc(2 << 20);
	memset(input, 'x', (2 << 20) - 1);
	input[(2 << 20) - 1] = '\0';
	setenv("CE_FAKE_DEAF_INPUT", "1", 1);
	struct worker_spec spec = {.program = program,
		.verb = "export",
		.input = input,
		.disk_fd = -1,
		.stop_fd = -1,
		.on_event = on_event,
		.data = &seen};
	ck_ok(worker_run(&spec, &result, &err));
	unsetenv("CE_FAKE_DEAF_INPUT");
	ck_assert(mem_is_zero(input, (2 << 20) - 1));
	free(input);
	json_decref(result);
}
END_TEST

START_TEST(log_flood)
{
	struct seen seen = nothing();
	json_t *result = NULL;
	ck_ok(run("flood-log", 1, 0, -1, &seen, &result, &err));
	ck_assert_uint_ge(seen.log_bytes, 6 << 20);
	json_decref(result);
}
END_TEST

/* A child that the worker left behind holds its pipes: the end is seen all the same. */
START_TEST(orphan)
{
	struct seen seen = nothing();
	json_t *result = NULL;
	int64_t start = op_now_us();
	ck_ok(run("orphan", 1, 0, -1, &seen, &result, &err));
	ck_assert_int_lt(op_now_us() - start, 5000000);
	json_decref(result);
}
END_TEST

START_TEST(cancel)
{
	struct seen seen = nothing();
	json_t *result = NULL;
	CLEANUP_CLOSE int stop = eventfd(0, EFD_CLOEXEC);
	seen.cancel_at = stop;
	ck_fails(run("copy", 50, 0, stop, &seen, &result, &err), ERR_CANCELED, NULL);
	ck_assert_uint_lt(seen.progress, 10);
}
END_TEST

/* It ignores TERM: KILL ends it after three of them. */
START_TEST(cancel_deaf)
{
	struct seen seen = nothing();
	json_t *result = NULL;
	CLEANUP_CLOSE int stop = eventfd(0, EFD_CLOEXEC);
	int64_t start = op_now_us();
	seen.cancel_at = stop;
	ck_fails(run("deaf", 1000, 0, stop, &seen, &result, &err), ERR_CANCELED, NULL);
	int64_t took = op_now_us() - start;
	ck_assert_int_ge(took, 3 * 200000);
	ck_assert_int_lt(took, 10000000);
}
END_TEST

/* Canceled before it began. */
START_TEST(cancel_at_once)
{
	struct seen seen = nothing();
	json_t *result = NULL;
	CLEANUP_CLOSE int stop = eventfd(1, EFD_CLOEXEC);
	ck_fails(run("deaf", 1000, 0, stop, &seen, &result, &err), ERR_CANCELED, NULL);
}
END_TEST

START_TEST(time_limit)
{
	static const char *const workers[] = {"copy", "deaf"};
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
		struct seen seen = nothing();
		json_t *result = NULL;
		int64_t start = op_now_us();
		ck_fails(run(workers[i], 2000, 1, -1, &seen, &result, &err), ERR_TIMEOUT, NULL);
		ck_assert_int_ge(op_now_us() - start, 1000000);
		ck_assert_int_lt(op_now_us() - start, 10000000);
	}
}
END_TEST

UNIT_MAIN("worker-run", success, how_it_is_started, disk_is_descriptor_3, failure, cannot_start,
	input_not_read, log_flood, orphan, cancel, cancel_deaf, cancel_at_once, time_limit)
