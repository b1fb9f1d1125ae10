/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "checked.h"
#include "io.h"
#include "mem.h"
#include "sink.h"
#include "unit.h"

#define BLOCK (256 * KiB)

static struct op op;

static char *path(const char *name)
{
	return xasprintf("%s/%s", unit_tmp(), name);
}

static bool exists(const char *p)
{
	struct stat st;
	return lstat(p, &st) == 0;
}

/* A page-aligned block of one byte's value, as the pool's are. */
static uint8_t *block(int value)
{
	static uint8_t buf[BLOCK] __attribute__((aligned(4096)));
	memset(buf, value, sizeof(buf));
	return buf;
}

static struct sink *open_sink(const char *target, bool overwrite)
{
	struct sink *s = NULL;
	struct sink_options o = {.target = target, .overwrite = overwrite};
	ck_ok(sink_open(&s, &o, &op, &err));
	return s;
}

static int try_open(const struct sink_options *o, struct error **err)
{
	struct sink *s = NULL;
	int rc = sink_open(&s, o, &op, err);
	sink_close(s, true);
	return rc;
}

#define refused(target_, code, text)                            \
	do {                                                    \
		struct sink_options o_ = {.target = (target_)}; \
		ck_fails(try_open(&o_, &err), code, text);      \
	} while (0)

static void put(const char *file, const char *text)
{
	ck_ok(file_write_atomic(file, text, strlen(text), 0644, &err));
}

START_TEST(names)
{
	static const struct {
		const char *target, *partial, *state;
	} rows[] = {
		{"a.vhdx", "a.vhdx.ce-partial", "a.vhdx.ce-state"},
		{"/d.ir/a.vhd", "/d.ir/a.vhd.ce-partial", "/d.ir/a.vhd.ce-state"},
		{"smb://h:1/s/f/a", "smb://h:1/s/f/a.ce-partial", "smb://h:1/s/f/a.ce-state"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FREE char *p = sink_partial_name(rows[i].target);
		CLEANUP_FREE char *s = sink_state_name(rows[i].target);
		ck_assert_str_eq(p, rows[i].partial);
		ck_assert_str_eq(s, rows[i].state);
	}
}
END_TEST

/* 255 bytes, two of them differing at the end only: still distinct, whole characters, at most 255. */
START_TEST(long_names)
{
	char a[256], b[256];
	for (size_t i = 0; i < 254; i += 2)
		memcpy(a + i, "\u00e4", 2);
	strcpy(a + 254, "a");
	strcpy(b, a);
	b[254] = 'b';
	CLEANUP_FREE char *ta = path(a);
	CLEANUP_FREE char *tb = path(b);
	CLEANUP_FREE char *pa = sink_partial_name(ta);
	CLEANUP_FREE char *pb = sink_partial_name(tb);
	ck_assert_str_ne(pa, pb);
	struct sink *s = open_sink(ta, false);
	ck_ok(sink_begin(s, BLOCK, false, &op, &err));
	ck_ok(sink_state_write(s, "{}", &err));
	ck_assert(exists(pa));
	ck_ok(sink_commit(s, &err));
	sink_close(s, false);
	ck_assert(exists(ta) && !exists(pa));
}
END_TEST

START_TEST(writes_and_commits)
{
	CLEANUP_FREE char *target = path("whole");
	CLEANUP_FREE char *partial = sink_partial_name(target);
	CLEANUP_FREE char *state = sink_state_name(target);
	struct sink *s = open_sink(target, false);
	const uint64_t length = 64 * MiB + 512;
	ck_ok(sink_begin(s, length, false, &op, &err));
	ck_ok(sink_pwrite(s, 0, block(1), BLOCK, 0, &err));
	ck_ok(sink_pwrite(s, 1, block(2), BLOCK, 32 * MiB, &err));
	ck_ok(sink_pwrite(s, 1, block(3) + 4096 - 700, 100000, 48 * MiB - 700, &err));
	ck_ok(sink_pwrite(s, 0, block(4), 512, 64 * MiB, &err));
	ck_ok(sink_state_write(s, "{\"a\":1}", &err));
	ck_ok(sink_flush(s, &err));
	ck_assert(exists(partial) && exists(state) && !exists(target));
	uint8_t back[1024];
	ck_ok(sink_pread(s, 0, back, 1024, 32 * MiB - 512, &err));
	ck_assert(mem_is_zero(back, 512) && back[512] == 2 && back[1023] == 2);
	ck_ok(sink_commit(s, &err));
	sink_close(s, false);
	ck_assert(!exists(partial) && !exists(state));

	struct stat st;
	ck_assert_int_eq(stat(target, &st), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, length);
	/* Holes stay holes: 2 blocks, 100,000 bytes and 512, each rounded out to pages. */
	ck_assert_uint_le((uint64_t)st.st_blocks * 512, 2 * BLOCK + 104 * KiB + 4 * KiB + 16 * KiB);
	/* Its bytes, by another program. */
	ck_assert_int_eq(
		unit_run("cd %s && "
			 "fill() { head -c $1 /dev/zero | tr '\\0' \"$2\"; } && "
			 "zero() { head -c $1 /dev/zero; } && "
			 "{ fill 262144 '\\1'; zero $((33554432-262144)); fill 262144 '\\2'; "
			 "zero $((50331648-700-33554432-262144)); fill 100000 '\\3'; "
			 "zero $((67108864-50331648+700-100000)); fill 512 '\\4'; } | "
			 "cmp - whole",
			unit_tmp()),
		0);
}
END_TEST

START_TEST(targets_refused)
{
	CLEANUP_FREE char *file = path("there");
	CLEANUP_FREE char *dir = path("folder");
	CLEANUP_FREE char *slash = path("folder/");
	CLEANUP_FREE char *missing = path("missing/a.vhdx");
	CLEANUP_FREE char *through = path("there/a.vhdx");
	CLEANUP_FREE char *fifo = path("fifo");
	put(file, "old");
	ck_assert_int_eq(mkdir(dir, 0755), 0);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	refused(file, ERR_TARGET_EXISTS, "there");
	refused(dir, ERR_INVALID_ARGUMENT, "is a folder");
	refused(slash, ERR_INVALID_FILE_NAME, "names a folder");
	refused("..", ERR_INVALID_FILE_NAME, "names a folder");
	refused("", ERR_INVALID_FILE_NAME, "names a folder");
	refused(missing, ERR_TARGET_FOLDER, "No such file");
	refused(through, ERR_TARGET_FOLDER, "Not a directory");
	refused(fifo, ERR_INVALID_ARGUMENT, "special file");
	refused("/dev/full", ERR_INVALID_ARGUMENT, "special file");
	refused("nfs://host/a", ERR_INVALID_ARGUMENT, "unknown kind");
	struct sink_options o = {.target = dir, .overwrite = true};
	ck_fails(try_open(&o, &err), ERR_INVALID_ARGUMENT, "is a folder");
}
END_TEST

/* Root may write anywhere: the case runs as somebody else. */
START_TEST(no_permission)
{
	CLEANUP_FREE char *dir = path("closed");
	CLEANUP_FREE char *target = path("closed/a.vhdx");
	ck_assert_int_eq(mkdir(dir, 0555), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chmod(unit_tmp(), 0755), 0);
		ck_assert_int_eq(seteuid(65534), 0);
	}
	refused(target, ERR_TARGET_FOLDER, "cannot be written");
	ck_assert(getuid() != 0 || seteuid(0) == 0);
}
END_TEST

START_TEST(space)
{
	CLEANUP_FREE char *target = path("large");
	CLEANUP_FREE char *partial = sink_partial_name(target);
	struct sink_options o = {.target = target, .need_bytes = UINT64_C(1) << 60};
	ck_fails(try_open(&o, &err), ERR_NO_SPACE, "1152921504606846976 bytes");
	ck_assert(!exists(target) && !exists(partial));
	o.need_bytes = 1;
	ck_ok(try_open(&o, &err));
	ck_assert(!exists(partial));
}
END_TEST

/* A private mount of 4 MiB: what is there fills up half way. */
START_TEST(fills_up)
{
	CLEANUP_FREE char *dir = path("small");
	CLEANUP_FREE char *target = path("small/a.vhdx");
	ck_assert_int_eq(mkdir(dir, 0755), 0);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("ce-unit", dir, "tmpfs", 0, "size=4m") < 0)
		unit_skip("a private mount needs root");
	struct sink_options o = {.target = target, .need_bytes = 5 * MiB};
	ck_fails(try_open(&o, &err), ERR_NO_SPACE, "4194304 free");

	for (int keep = 0; keep < 2; keep++) {
		struct sink *s = open_sink(target, false);
		ck_ok(sink_begin(s, 64 * MiB, false, &op, &err));
		ck_ok(sink_state_write(s, "{}", &err));
		struct error *err = NULL;
		uint64_t at = 0;
		while (at < 64 * MiB && sink_pwrite(s, 0, block(7), BLOCK, at, &err) == 0)
			at += BLOCK;
		ck_assert_msg(err && err->code == ERR_NO_SPACE && at >= 3 * MiB && at <= 4 * MiB,
			"failed at 0x%zx", (size_t)at);
		err_free(err);
		sink_close(s, keep);
		/* Only what a resume needs is left, and only where it is wanted. */
		ck_assert_int_eq(unit_run("test $(ls -A %s | wc -l) = %d", dir, keep ? 2 : 0), 0);
	}
}
END_TEST

START_TEST(overwrites_at_commit_only)
{
	CLEANUP_FREE char *target = path("replaced");
	put(target, "the old one");
	struct sink *s = open_sink(target, true);
	ck_ok(sink_begin(s, BLOCK, false, &op, &err));
	ck_ok(sink_pwrite(s, 0, block(5), BLOCK, 0, &err));
	ck_assert_int_eq(unit_run("test \"$(cat %s)\" = 'the old one'", target), 0);
	ck_ok(sink_commit(s, &err));
	sink_close(s, false);
	struct stat st;
	ck_assert(stat(target, &st) == 0 && (uint64_t)st.st_size == BLOCK);
}
END_TEST

START_TEST(target_comes_up_meanwhile)
{
	CLEANUP_FREE char *target = path("raced");
	CLEANUP_FREE char *partial = sink_partial_name(target);
	struct sink *s = open_sink(target, false);
	ck_ok(sink_begin(s, BLOCK, false, &op, &err));
	put(target, "somebody else's");
	ck_fails(sink_commit(s, &err), ERR_TARGET_EXISTS, "has come up");
	sink_close(s, false);
	ck_assert(!exists(partial));
	ck_assert_int_eq(unit_run("test \"$(cat %s)\" = \"somebody else's\"", target), 0);
}
END_TEST

START_TEST(one_export_a_target)
{
	CLEANUP_FREE char *target = path("shared");
	struct sink *late = open_sink(target, false); /* opened before the first one begins */
	struct sink *s = open_sink(target, false);
	ck_ok(sink_begin(s, BLOCK, false, &op, &err));
	refused(target, ERR_TARGET_BUSY, "another export");
	ck_fails(sink_begin(late, BLOCK, false, &op, &err), ERR_TARGET_BUSY, "another export");
	/* Who was refused removes nothing of the other's. */
	sink_close(late, false);
	ck_ok(sink_pwrite(s, 0, block(6), BLOCK, 0, &err));
	ck_ok(sink_commit(s, &err));
	sink_close(s, false);
	ck_assert(exists(target));
}
END_TEST

static void leave_partial(const char *target)
{
	struct sink *s = open_sink(target, false);
	ck_ok(sink_begin(s, 4 * BLOCK, false, &op, &err));
	ck_ok(sink_pwrite(s, 0, block(1), BLOCK, 0, &err));
	ck_ok(sink_state_write(s, "{\"n\":1}", &err));
	sink_close(s, true);
}

START_TEST(continues)
{
	CLEANUP_FREE char *target = path("continued");
	leave_partial(target);
	struct sink *s = open_sink(target, false);
	ck_assert_uint_eq(s->partial_size, 4 * BLOCK);
	CLEANUP_FREE char *text = NULL;
	ck_ok(sink_state_read(s, &text, &err));
	ck_assert_str_eq(text, "{\"n\":1}");
	ck_ok(sink_begin(s, 4 * BLOCK, true, &op, &err));
	uint8_t back[16];
	ck_ok(sink_pread(s, 0, back, 16, BLOCK - 8, &err));
	ck_assert(back[7] == 1 && back[8] == 0);
	ck_ok(sink_commit(s, &err));
	sink_close(s, false);
}
END_TEST

START_TEST(begins_anew)
{
	CLEANUP_FREE char *target = path("anew");
	CLEANUP_FREE char *partial = sink_partial_name(target);
	CLEANUP_FREE char *state = sink_state_name(target);
	leave_partial(target);
	/* Looked at and closed again: nothing is touched. */
	sink_close(open_sink(target, false), false);
	ck_assert(exists(partial) && exists(state));
	struct sink *s = open_sink(target, false);
	ck_ok(sink_begin(s, 2 * BLOCK, false, &op, &err));
	ck_assert(!exists(state));
	uint8_t back[16];
	ck_ok(sink_pread(s, 0, back, 16, 0, &err));
	ck_assert(mem_is_zero(back, 16));
	/* Without a state the temporary file is of no use to anybody. */
	sink_close(s, true);
	ck_assert(!exists(partial));
}
END_TEST

/* Killed at the worst time: the lock goes with the process, the file can be taken over. */
START_TEST(killed)
{
	CLEANUP_FREE char *target = path("killed");
	pid_t pid = fork();
	if (pid == 0) {
		leave_partial(target);
		struct sink *s = open_sink(target, false);
		struct error *err = NULL;
		_exit(sink_begin(s, 4 * BLOCK, true, &op, &err) < 0 || raise(SIGKILL) != 0);
	}
	int status;
	ck_assert(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	struct sink *s = open_sink(target, false);
	ck_assert_uint_eq(s->partial_size, 4 * BLOCK);
	sink_close(s, false);
}
END_TEST

UNIT_MAIN("sink-file", names, long_names, writes_and_commits, targets_refused, no_permission, space,
	fills_up, overwrites_at_commit_only, target_comes_up_meanwhile, one_export_a_target,
	continues, begins_anew, killed)
