/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a worker prints, its parent reads; and nothing else. */
#include "unit.h"

#include <string.h>

#include "jsonx.h"
#include "worker-protocol.h"

/* Everything that emit() prints on standard output. */
static char *printed(void (*emit)(const void *), const void *arg)
{
	static char buf[65536];
	int pipe_fd[2];
	fflush(stdout);
	int saved = dup(STDOUT_FILENO);
	ck_assert_int_eq(pipe(pipe_fd), 0);
	dup2(pipe_fd[1], STDOUT_FILENO);
	close(pipe_fd[1]);
	emit(arg);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	ssize_t n = read(pipe_fd[0], buf, sizeof(buf) - 1);
	close(pipe_fd[0]);
	ck_assert_int_gt(n, 0);
	buf[n] = '\0';
	ck_assert_ptr_eq(strchr(buf, '\n'), buf + n - 1);
	return buf;
}

static void emit_op(const void *ev)
{
	worker_emit_op(ev);
}

static struct worker_event through(void (*emit)(const void *), const void *arg)
{
	struct worker_event ev;
	const char *line = printed(emit, arg);
	ck_ok(worker_event_parse(line, strlen(line), &ev, &err));
	return ev;
}

START_TEST(progress_goes_through)
{
	struct op_event sent = {.kind = OP_EVENT_PROGRESS,
		.step = "copy",
		.percent = 12.3456,
		.done = 1ull << 40,
		.total = 1ull << 46,
		.bytes_per_second = 5,
		.eta_seconds = 77};
	struct worker_event ev = through(emit_op, &sent);
	ck_assert_int_eq(ev.kind, WORKER_PROGRESS);
	ck_assert_str_eq(ev.step, "copy");
	ck_assert_double_eq_tol(ev.percent, 12.35, 1e-9);
	ck_assert_uint_eq(ev.done, 1ull << 40);
	ck_assert_uint_eq(ev.total, 1ull << 46);
	ck_assert_uint_eq(ev.bytes_per_second, 5);
	ck_assert_int_eq(ev.eta_seconds, 77);
	worker_event_done(&ev);

	sent.bytes_per_second = 0;
	sent.eta_seconds = -1;
	ev = through(emit_op, &sent);
	ck_assert_uint_eq(ev.bytes_per_second, 0);
	ck_assert_int_eq(ev.eta_seconds, -1);
	worker_event_done(&ev);

	sent.kind = OP_EVENT_STEP;
	ev = through(emit_op, &sent);
	ck_assert_int_eq(ev.kind, WORKER_STEP);
	worker_event_done(&ev);
}
END_TEST

START_TEST(text_of_a_guest_becomes_plain_utf8)
{
	struct op_event sent = {.kind = OP_EVENT_WARNING,
		.step = "map",
		.code = "ntfs-dirty",
		.message = "\x1b[2J\"a\xff\"\r\n"};
	struct worker_event ev = through(emit_op, &sent);
	ck_assert_int_eq(ev.kind, WORKER_WARNING);
	ck_assert_str_eq(ev.code, "ntfs-dirty");
	ck_assert_str_eq(ev.message, "\xef\xbf\xbd[2J\"a\xef\xbf\xbd\"\xef\xbf\xbd\n");
	worker_event_done(&ev);
	sent = (struct op_event){.kind = OP_EVENT_NOTE, .message = "before any step"};
	ev = through(emit_op, &sent);
	ck_assert_int_eq(ev.kind, WORKER_NOTE);
	ck_assert_ptr_null(ev.step);
	worker_event_done(&ev);
}
END_TEST

static void emit_result(const void *arg)
{
	(void)arg;
	worker_emit_body(WORKER_RESULT, json_pack("{s:{s:s}}", "artifacts", "md5Hash", "00ff"));
}

static void emit_error(const void *arg)
{
	worker_emit_error(arg, true);
}

START_TEST(results_and_errors_go_through)
{
	struct worker_event ev = through(emit_result, NULL);
	ck_assert_int_eq(ev.kind, WORKER_RESULT);
	ck_assert_ptr_nonnull(json_object_get(json_object_get(ev.body, "artifacts"), "md5Hash"));
	worker_event_done(&ev);

	struct error *e = NULL;
	err_set(&e, ERR_NO_SPACE, "no room on \"\x80\"");
	err_step(&e, "copy");
	ev = through(emit_error, e);
	ck_assert_int_eq(ev.kind, WORKER_ERROR);
	ck_assert(ev.wrote);
	ck_assert_int_eq(ev.error->code, ERR_NO_SPACE);
	ck_assert_str_eq(ev.error->message, "no room on \"\xef\xbf\xbd\"");
	ck_assert_str_eq(ev.error->step, "copy");
	ck_assert_str_eq(ev.error->hint, err_code_hint(ERR_NO_SPACE));
	worker_event_done(&ev);
	err_free(e);
}
END_TEST

START_TEST(anything_else_is_refused)
{
	static const char *const lines[] = {
		"",
		"x",
		"[]",
		"{}",
		"{\"event\":\"other\"}",
		"{\"event\":1}",
		"{\"event\":\"step\",\"total\":1,\"percent\":0}",
		"{\"event\":\"step\",\"step\":\"Copy it\",\"total\":1,\"percent\":0}",
		"{\"event\":\"step\",\"step\":\"copy\",\"total\":1,\"percent\":100.5}",
		"{\"event\":\"step\",\"step\":\"copy\",\"total\":1,\"percent\":-1}",
		"{\"event\":\"step\",\"step\":\"copy\",\"total\":-1,\"percent\":1}",
		"{\"event\":\"step\",\"step\":\"copy\",\"total\":1.5,\"percent\":1}",
		"{\"event\":\"progress\",\"step\":\"copy\",\"percent\":1,\"done\":1,\"total\":1}",
		"{\"event\":\"warning\",\"message\":\"m\"}",
		"{\"event\":\"warning\",\"code\":\"a\\nb\",\"message\":\"m\"}",
		"{\"event\":\"warning\",\"code\":\"a\",\"message\":7}",
		"{\"event\":\"note\",\"message\":\"a\\u0000b\"}",
		"{\"event\":\"plan\"}",
		"{\"event\":\"result\",\"result\":[]}",
		"{\"event\":\"error\",\"error\":{}}",
		"{\"event\":\"error\",\"wrote\":true}",
		"{\"event\":\"note\",\"message\":\"a\"} {}",
	};
	struct worker_event ev;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		ck_fails(worker_event_parse(lines[i], strlen(lines[i]), &ev, &err), ERR_INTERNAL,
			"not of its protocol");
	char *big = malloc(WORKER_LINE_MAX + 1);
	memset(big, ' ', WORKER_LINE_MAX + 1);
	ck_fails(worker_event_parse(big, WORKER_LINE_MAX + 1, &ev, &err), ERR_INTERNAL, "longer");
	free(big);
}
END_TEST

UNIT_MAIN("worker-protocol", progress_goes_through, text_of_a_guest_becomes_plain_utf8,
	results_and_errors_go_through, anything_else_is_refused)
