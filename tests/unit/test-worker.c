/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a worker takes, what it gives up, and what it refuses to write on. */
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "jsonx.h"
#include "mem.h"
#include "platform.h"
#include "prepare-request.h"
#include "worker-report.h"
#include "worker-sandbox.h"
#include "worker.h"

/* A descriptor that gives text and then the end. */
static int feed(const char *text, size_t len)
{
	CLEANUP_FREE char *path = xasprintf("%s/input", unit_tmp());
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

START_TEST(input_is_strict)
{
	static const struct {
		const char *text;
		enum err_code code;
		const char *message;
	} bad[] = {
		{"", ERR_NOT_JSON, NULL},
		{"[]", ERR_NOT_JSON, NULL},
		{"{}", ERR_MISSING_FIELD, "\"disk\""},
		{"{\"disk\": \"/dev/sdb\"}", ERR_MISSING_FIELD, "\"disk\""},
		{"{\"disk\": {}}", ERR_INVALID_FIELD, "none of path and fd"},
		{"{\"disk\": {\"path\": \"a\", \"fd\": 3}}", ERR_INVALID_FIELD, "both"},
		{"{\"disk\": {\"fd\": 2}}", ERR_INVALID_FIELD, "\"disk.fd\""},
		{"{\"disk\": {\"fd\": 999}}", ERR_INVALID_FIELD, "not open"},
		{"{\"disk\": {\"path\": \"a\"}, \"other\": 1}", ERR_UNKNOWN_FIELD, "\"other\""},
		{"{\"disk\": {\"path\": \"a\"}, \"request\": []}", ERR_INVALID_FIELD, "request"},
		{"{\"disk\": {\"path\": \"a\"}, \"local\": 3}", ERR_INVALID_FIELD, "\"local\""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct worker w = {.fd = -1};
		CLEANUP_CLOSE int fd = feed(bad[i].text, strlen(bad[i].text));
		ck_fails(worker_input_read(&w, fd, &err), bad[i].code, bad[i].message);
		worker_input_done(&w);
	}
	const size_t size = 3u << 20;
	CLEANUP_FREE char *big = xmalloc(size);
	memset(big, ' ', size);
	struct worker w = {.fd = -1};
	CLEANUP_CLOSE int fd = feed(big, size);
	ck_fails(worker_input_read(&w, fd, &err), ERR_BODY_TOO_LARGE, "longer than");
	worker_input_done(&w);
}
END_TEST

START_TEST(input_is_taken)
{
	static const char text[] = "{\"disk\": {\"path\": \"/dev/x\"}, \"dryRun\": true, "
				   "\"local\": true, \"request\": {\"a\": 1}, \"seed\": \"abc\", "
				   "\"date\": 1700000000}";
	struct worker w = {.fd = -1};
	CLEANUP_CLOSE int fd = feed(text, sizeof(text) - 1);
	ck_ok(worker_input_read(&w, fd, &err));
	ck_assert_str_eq(w.path, "/dev/x");
	ck_assert(w.dry_run && w.local && !w.mapped);
	ck_assert_ptr_nonnull(json_object_get(w.request, "a"));
	ck_assert_int_eq(w.fd, -1);
	ck_assert_str_eq(w.seed, "abc");
	ck_assert_uint_eq(w.date, 1700000000);
	worker_input_done(&w);
}
END_TEST

START_TEST(a_seed_gives_the_ids)
{
	struct worker w = {.fd = -1, .seed = "abc", .date = 1700000000};
	struct image_options vhd = {.format = IMAGE_VHD}, vhdx = {.format = IMAGE_VHDX};
	char id[GUID_STRING_SIZE];
	ck_ok(worker_seed_image(&w, &vhd, &err));
	ck_ok(worker_seed_image(&w, &vhdx, &err));
	/* sha256sum of "vhd file abc" and "vhdx disk abc", as a GUID of version 8 */
	guid_format(&vhd.file_id, id);
	ck_assert_str_eq(id, "57ebed05-571f-8f78-87f9-5d9e962aa629");
	guid_format(&vhdx.disk_id, id);
	ck_assert_str_eq(id, "fcaedc72-ffb2-8072-8031-39dc2a4f3c98");
	ck_assert_uint_eq(vhd.timestamp, 1700000000 - 946684800);
	/* by chance, and now */
	struct image_options free = {.format = IMAGE_VHD};
	w = (struct worker){.fd = -1};
	ck_ok(worker_seed_image(&w, &free, &err));
	ck_assert(guid_is_zero(&free.file_id) && !free.timestamp);
}
END_TEST

START_TEST(a_stop_ends_the_wait_for_input)
{
	int fds[2];
	ck_assert_int_eq(pipe(fds), 0);
	atomic_int stop = OP_STOP_TIMEOUT;
	struct worker w = {.fd = -1};
	op_init(&w.op, NULL, NULL, &stop);
	ck_fails(worker_input_read(&w, fds[0], &err), ERR_TIMEOUT, NULL);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

static void *run_thread(void *arg)
{
	*(bool *)arg = true;
	return NULL;
}

/* In a process of its own: 0, or the number of the first promise that is broken. */
static int broken_promise(void)
{
	struct error *err = NULL;
	if (sandbox_begin(&err) < 0 || sandbox_lock(&err) < 0)
		return 100;
	struct rlimit core;
	if (getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_max != 0)
		return 1;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 2;
	pthread_t thread;
	bool ran = false;
	if (pthread_create(&thread, NULL, run_thread, &ran) != 0 ||
		pthread_join(thread, NULL) != 0 || !ran)
		return 3;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	if (pid != -1 || errno != EPERM)
		return 4;
	char *const argv[] = {(char[]){"true"}, NULL};
	if (execv("/bin/true", argv) != -1 || errno != EPERM)
		return 5;
	if (socket(AF_INET, SOCK_STREAM, 0) != -1 || errno != EPERM)
		return 6;
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
		MAP_FAILED)
		return 7;
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
		MAP_FAILED)
		return 8;
	if (ioctl(STDERR_FILENO, TIOCSTI, "x") != -1 || errno != EPERM)
		return 9;
	if (mmap(NULL, (size_t)4 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0) != MAP_FAILED)
		return 10;
	return 0;
}

START_TEST(the_sandbox_holds)
{
#if defined(__SANITIZE_ADDRESS__)
	unit_skip("the address sanitizer needs what the sandbox takes away");
#endif
	pid_t pid = fork();
	if (pid == 0)
		_exit(broken_promise());
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
	ck_assert_msg(WEXITSTATUS(status) == 0, "promise %d is broken", WEXITSTATUS(status));
}
END_TEST

START_TEST(a_worker_dies_with_its_parent)
{
	int fds[2];
	ck_assert_int_eq(pipe(fds), 0);
	pid_t parent = fork();
	if (parent == 0) {
		if (fork() == 0) {
			struct error *err = NULL;
			bool fine = sandbox_begin(&err) == 0;
			(void)!write(fds[1], fine ? "y" : "n", 1);
			pause();
		}
		pause();
	}
	close(fds[1]);
	char c = 0;
	ck_assert_int_eq(read(fds[0], &c, 1), 1);
	ck_assert_int_eq(c, 'y');
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	/* The end of the pipe: the worker, its last holder, is gone. */
	ck_assert_int_eq(read(fds[0], &c, 1), 0);
	close(fds[0]);
}
END_TEST

START_TEST(the_source_is_no_target)
{
	CLEANUP_FREE char *source = xasprintf("%s/source.img", unit_tmp());
	CLEANUP_FREE char *name = xasprintf("%s/other-name", unit_tmp());
	CLEANUP_FREE char *absent = xasprintf("%s/absent", unit_tmp());
	ck_assert_int_eq(unit_run("truncate -s 1M %s && ln -s source.img %s", source, name), 0);
	struct worker w = {.path = source, .fd = -1};
	CLEANUP(disk_close_p) struct disk *d = NULL;
	ck_ok(worker_open_disk(&w, &d, &err));
	ck_fails(worker_check_target(source, d, &err), ERR_TARGET_EXISTS, "is the source");
	ck_fails(worker_check_target(name, d, &err), ERR_TARGET_EXISTS, "is the source");
	ck_ok(worker_check_target(absent, d, &err));
	ck_assert_int_eq(unit_run("ln %s %s.ce-partial", source, absent), 0);
	ck_fails(worker_check_target(absent, d, &err), ERR_TARGET_EXISTS, "is the source");
}
END_TEST

/* The process that faces the network has its own list: it sees nothing of winprep. */
START_TEST(requests_know_the_platforms_of_winprep)
{
	size_t n = 0;
	for (; platforms[n].name; n++) {
		ck_assert_ptr_nonnull(prepare_platforms[n]);
		ck_assert_str_eq(prepare_platforms[n], platforms[n].name);
		ck_assert_int_eq(
			platforms[n].is_target, strcmp(platforms[n].name, "virtualbox") != 0);
	}
	ck_assert_ptr_null(prepare_platforms[n]);
}
END_TEST

START_TEST(a_report_is_cut_to_its_bound)
{
	CLEANUP_JSON json_t *report =
		json_pack("{s:s, s:[], s:[]}", "target", "gcp", "actions", "notes");
	char text[2001];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 500; i++)
		json_array_append_new(json_object_get(report, "actions"),
			json_pack("{s:s, s:s, s:i}", "step", "services", "new", text, "i", i));
	CLEANUP_JSON json_t *whole = report_bounded(report, 4u << 20);
	ck_assert_int_eq(json_integer_value(json_object_get(whole, "omitted")), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(whole, "actions")), 500);
	CLEANUP_JSON json_t *cut = report_bounded(report, 50000);
	CLEANUP_FREE char *dump = jsonx_dump(cut);
	ck_assert_uint_le(strlen(dump), 50000);
	size_t kept = json_array_size(json_object_get(cut, "actions"));
	ck_assert_uint_gt(kept, 100);
	ck_assert_int_eq(json_integer_value(json_object_get(cut, "omitted")), (int)(500 - kept));
	/* The caller's own is as it was. */
	ck_assert_uint_eq(json_array_size(json_object_get(report, "actions")), 500);
}
END_TEST

UNIT_MAIN("worker", input_is_strict, input_is_taken, a_seed_gives_the_ids,
	a_stop_ends_the_wait_for_input, the_sandbox_holds, a_worker_dies_with_its_parent,
	the_source_is_no_target, requests_know_the_platforms_of_winprep,
	a_report_is_cut_to_its_bound)
