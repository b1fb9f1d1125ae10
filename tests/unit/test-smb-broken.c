/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that can happen to a server, a connection or a process half way. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "io.h"
#include "mem.h"
#include "smb-tool.h"
#include "unit.h"

#define MAIN "smbd-broken"

static void main_server(void)
{
	smb_server(MAIN, "");
}

static bool exists(const char *file)
{
	struct stat st;
	return stat(smb_served(MAIN, file), &st) == 0;
}

struct trouble {
	const char *then;
	unsigned after_ms;
};

static void *make_trouble(void *data)
{
	struct trouble *t = data;
	usleep(t->after_ms * 1000);
	smb_server_do(MAIN, t->then);
	return NULL;
}

/* What a user of a sink does with what may be forgotten. */
static void verify(struct smb_case *c, struct sink *s, unsigned n)
{
	uint8_t *got = pool_buf(&c->pool, 6), *want = pool_buf(&c->pool, 7);
	while (s->breaks != s->trusted) {
		unsigned covered = s->breaks;
		for (unsigned i = 0; i < n; i++) {
			ck_ok(sink_pread(s, i % 2, got, SMB_BUF, i * SMB_BUF, &err));
			smb_fill(want, i);
			if (memcmp(got, want, SMB_BUF) != 0)
				ck_ok(smb_write_block(c, s, 0, i, &err));
		}
		s->trusted = covered;
	}
}

static void go_on_after(const char *file, const char *verb, const char *then, unsigned after_ms)
{
	struct smb_case c;
	struct sink *s;
	struct trouble t = {then, after_ms};
	pthread_t thread;
	main_server();
	smb_case_init(&c, MAIN, file);
	c.o.answer_seconds = 1;
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_ok(sink_begin(s, 20 * SMB_BUF, false, &c.op, &err));
	for (unsigned i = 0; i < 10; i++)
		ck_ok(smb_write_block(&c, s, i % 2, i, &err));
	ck_assert_uint_eq(s->breaks, 0);
	smb_server_do(MAIN, verb);
	if (then)
		ck_assert_int_eq(pthread_create(&thread, NULL, make_trouble, &t), 0);
	for (unsigned i = 10; i < 20; i++)
		ck_ok(smb_write_block(&c, s, i % 2, i, &err));
	if (then)
		pthread_join(thread, NULL);
	ck_assert_uint_ge(s->breaks, 1);
	ck_fails(sink_commit(s, &err), ERR_SHARE_LOST, NULL);
	ck_assert(!exists(file));
	verify(&c, s, 20);
	ck_ok(sink_commit(s, &err));
	sink_close(s, false);
	smb_check_blocks(MAIN, file, 20);
	unlink(smb_served(MAIN, file));
	smb_case_done(&c);
}

START_TEST(server_killed_and_restarted)
{
	go_on_after("killed.vhdx", "kill_hard", "restart", 1500);
}
END_TEST

START_TEST(connections_cut)
{
	go_on_after("cut.vhdx", "cut", NULL, 0);
}
END_TEST

/* Longer than it is given for a megabyte. */
START_TEST(server_hangs_for_a_while)
{
	go_on_after("hangs.vhdx", "pause", "resume", 6500);
}
END_TEST

/* What the server forgot is found and written again. */
START_TEST(forgotten_writes)
{
	struct smb_case c;
	struct sink *s;
	main_server();
	smb_case_init(&c, MAIN, "forgot.vhdx");
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_ok(sink_begin(s, 6 * SMB_BUF, false, &c.op, &err));
	for (unsigned i = 0; i < 6; i++)
		ck_ok(smb_write_block(&c, s, 0, i, &err));
	smb_server_do(MAIN, "kill_hard");
	/* A crash of the machine: the length goes back, and a block is zeros. */
	CLEANUP_FREE char *partial = xstrdup(smb_served(MAIN, "forgot.vhdx.ce-partial"));
	ck_assert_int_eq(truncate(partial, 4 * SMB_BUF + 77), 0);
	ck_assert_int_eq(unit_run("dd if=/dev/zero of='%s' bs=1M seek=1 count=1 conv=notrunc "
				  "status=none",
				 partial),
		0);
	smb_server_do(MAIN, "restart");
	ck_fails(sink_commit(s, &err), ERR_SHARE_LOST, NULL);
	verify(&c, s, 6);
	ck_ok(sink_commit(s, &err));
	sink_close(s, false);
	smb_check_blocks(MAIN, "forgot.vhdx", 6);
	unlink(smb_served(MAIN, "forgot.vhdx"));
	smb_case_done(&c);
}
END_TEST

START_TEST(given_up_in_the_end)
{
	struct smb_case c;
	struct sink *s;
	main_server();
	smb_case_init(&c, MAIN, "gone.vhdx");
	c.o.retry_seconds = 2;
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_ok(sink_begin(s, 4 * SMB_BUF, false, &c.op, &err));
	ck_ok(sink_state_write(s, "state", &err));
	smb_server_do(MAIN, "kill_hard");
	int64_t start = op_now_us();
	ck_fails(smb_write_block(&c, s, 0, 0, &err), ERR_SHARE_LOST, "given up");
	ck_assert_int_lt(op_now_us() - start, 8 * 1000000);
	sink_close(s, true);
	smb_server_do(MAIN, "restart");
	ck_assert(exists("gone.vhdx.ce-partial") && !exists("gone.vhdx"));
	/* The empty lock file that could not be removed is in nobody's way. */
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_ok(sink_begin(s, 4 * SMB_BUF, true, &c.op, &err));
	sink_close(s, false);
	ck_assert(!exists("gone.vhdx.ce-partial") && !exists("gone.vhdx.ce-lock"));
	smb_case_done(&c);
}
END_TEST

/* Nothing to wait for. */
START_TEST(share_taken_away)
{
	struct smb_case c;
	struct sink *s;
	smb_server("smbd-away", "");
	smb_case_init(&c, "smbd-away", "away.vhdx");
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_ok(sink_begin(s, 4 * SMB_BUF, false, &c.op, &err));
	ck_ok(smb_write_block(&c, s, 0, 0, &err));
	smb_server_do("smbd-away", "kill_hard");
	ck_assert_int_eq(unit_run("sed -i 's/^.images.$/[other]/' '%s/../smb.conf'",
				 smb_served("smbd-away", "")),
		0);
	smb_server_do("smbd-away", "restart");
	int64_t start = op_now_us();
	ck_fails(smb_write_block(&c, s, 1, 1, &err), ERR_SHARE_NOT_FOUND, "no such share");
	ck_fails(smb_write_block(&c, s, 0, 1, &err), ERR_SHARE_NOT_FOUND, "no such share");
	ck_assert_int_lt(op_now_us() - start, 5 * 1000000);
	sink_close(s, true);
	smb_case_done(&c);
	smb_server_do("smbd-away", "stop");
}
END_TEST

static void *cancel_soon(void *data)
{
	usleep(700000);
	atomic_store((atomic_int *)data, OP_STOP_CANCEL);
	return NULL;
}

static void cancel_during(const char *file, const char *verb, const char *then)
{
	struct smb_case c;
	struct sink *s;
	pthread_t thread;
	main_server();
	smb_case_init(&c, MAIN, file);
	c.o.retry_seconds = 60;
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_ok(sink_begin(s, 4 * SMB_BUF, false, &c.op, &err));
	ck_ok(smb_write_block(&c, s, 0, 0, &err));
	smb_server_do(MAIN, verb);
	int64_t start = op_now_us();
	ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, &c.stop), 0);
	ck_fails(smb_write_block(&c, s, 0, 1, &err), ERR_CANCELED, NULL);
	ck_assert_int_lt(op_now_us() - start, 3 * 1000000);
	pthread_join(thread, NULL);
	smb_server_do(MAIN, then);
	sink_close(s, false);
	ck_assert(!exists("cancel.vhdx.ce-partial") && !exists(file));
	smb_case_done(&c);
}

START_TEST(canceled_while_retrying)
{
	cancel_during("cancel.vhdx", "kill_hard", "restart");
}
END_TEST

START_TEST(canceled_while_the_server_hangs)
{
	cancel_during("cancel2.vhdx", "pause", "resume");
}
END_TEST

/* ---- processes ---- */

static bool file_holds(const char *path, const char *text, size_t text_len)
{
	char buf[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read_full(fd, buf, sizeof(buf));
	if (fd >= 0)
		close(fd);
	return n > 0 && memmem(buf, (size_t)n, text, text_len);
}

/* The processes of the writer program: their number; how many show the text. */
static unsigned writers(const char *text, unsigned *ret_showing)
{
	static const char *const files[] = {"cmdline", "environ"};
	unsigned n = 0;
	DIR *dir = opendir("/proc");
	for (struct dirent *e; (e = readdir(dir));) {
		char path[512], exe[512];
		snprintf(path, sizeof(path), "/proc/%s/exe", e->d_name);
		ssize_t len = readlink(path, exe, sizeof(exe) - 1);
		if (len < 0)
			continue;
		exe[len] = '\0';
		n += strcmp(exe, SMB_WRITER_HELPER) == 0;
		for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
			snprintf(path, sizeof(path), "/proc/%s/%s", e->d_name, files[i]);
			*ret_showing += file_holds(path, text, strlen(text));
		}
	}
	closedir(dir);
	return n;
}

START_TEST(password_is_in_no_process_list)
{
	struct smb_case c;
	struct sink *s;
	unsigned showing = 0, ignored = 0;
	main_server();
	smb_server_set_password(MAIN, "Un1queSecret");
	smb_case_init(&c, MAIN, "secret.vhdx");
	c.o.password = "Un1queSecret";
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_assert_uint_ge(writers("Un1queSecret", &showing), 2);
	ck_assert_uint_eq(showing, 0);
	/* What is looked for would be found. */
	ck_assert_uint_ge(writers("smb-writer", &ignored), 2);
	ck_assert_uint_ge(ignored, 2);
	/* And what parses a server's bytes is nobody. */
	ck_assert_int_eq(
		unit_run("for exe in /proc/[0-9]*/exe; do "
			 "[ \"$(readlink $exe)\" != '%s' ] || grep -q 'Uid:.65534.65534.65534' "
			 "${exe%%exe}status || exit 1; done",
			SMB_WRITER_HELPER),
		0);
	sink_close(s, false);
	smb_server_set_password(MAIN, SMB_PASSWORD);
	smb_case_done(&c);
}
END_TEST

/* A worker that is killed takes its connections with it, and the target is free at once. */
START_TEST(killed_exporter)
{
	struct smb_case c;
	struct sink *s;
	int ready[2];
	unsigned ignored = 0;
	main_server();
	ck_assert_int_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct error *err = NULL;
		smb_case_init(&c, MAIN, "orphan.vhdx");
		if (sink_open(&s, &c.o, &c.op, &err) < 0 ||
			sink_begin(s, 4 * SMB_BUF, false, &c.op, &err) < 0 ||
			sink_state_write(s, "state", &err) < 0 || write(ready[1], "r", 1) != 1)
			_exit(1);
		pause();
	}
	char byte;
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_uint_ge(writers("none", &ignored), 2);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 50 && writers("none", &ignored); i++)
		usleep(100000);
	ck_assert_uint_eq(writers("none", &ignored), 0);
	smb_case_init(&c, MAIN, "orphan.vhdx");
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_assert_uint_eq(s->partial_size, 4 * SMB_BUF);
	ck_ok(sink_begin(s, 4 * SMB_BUF, true, &c.op, &err));
	sink_close(s, false);
	ck_assert(!exists("orphan.vhdx.ce-partial") && !exists("orphan.vhdx.ce-state"));
	smb_case_done(&c);
}
END_TEST

START_TEST(stop_server)
{
	main_server();
	smb_server_do(MAIN, "stop");
}
END_TEST

UNIT_MAIN("smb-broken", server_killed_and_restarted, connections_cut, server_hangs_for_a_while,
	forgotten_writes, given_up_in_the_end, share_taken_away, canceled_while_retrying,
	canceled_while_the_server_hangs, password_is_in_no_process_list, killed_exporter,
	stop_server)
