/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The overlay against a plain copy of the disk; its commit killed at every write. */
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "io.h"
#include "mem.h"
#include "overlay.h"

#define SIZE (1000 * 4096 + 512) /* the last block is cut by the disk's end */

static char *tmp_path(const char *name)
{
	return xasprintf("%s/%s", unit_tmp(), name);
}

static char *make_disk(const char *name, uint8_t *content)
{
	char *path = tmp_path(name);
	for (size_t i = 0; i < SIZE; i++)
		content[i] = (uint8_t)(i * 2654435761u >> 13);
	ck_ok(file_write_atomic(path, content, SIZE, 0600, &err));
	return path;
}

static void check_file(const char *path, const uint8_t *expected)
{
	char *data = NULL;
	size_t size;
	ck_ok(file_read(path, SIZE, &data, &size, &err));
	ck_assert_uint_eq(size, SIZE);
	ck_assert_int_eq(memcmp(data, expected, SIZE), 0);
	free(data);
}

static void scribble(struct disk *d, uint8_t *mirror, unsigned n)
{
	uint8_t buf[20000];
	for (unsigned i = 0; i < n; i++) {
		uint64_t at = (uint64_t)rand() % SIZE;
		size_t len = 1 + (size_t)rand() % sizeof(buf);
		if (len > SIZE - at)
			len = SIZE - at;
		memset(buf, rand(), len);
		memcpy(mirror + at, buf, len);
		ck_ok(disk_pwrite(d, buf, len, at, &err));
	}
}

static void check_reads(struct disk *d, const uint8_t *mirror)
{
	uint8_t *buf = xmalloc(SIZE);
	ck_ok(disk_pread(d, buf, SIZE, 0, &err));
	ck_assert_int_eq(memcmp(buf, mirror, SIZE), 0);
	for (int i = 0; i < 500; i++) {
		uint64_t at = (uint64_t)rand() % SIZE;
		size_t len = 1 + (size_t)rand() % 30000;
		if (len > SIZE - at)
			len = SIZE - at;
		ck_ok(disk_pread(d, buf, len, at, &err));
		ck_assert_int_eq(memcmp(buf, mirror + at, len), 0);
	}
	free(buf);
}

struct setup {
	uint8_t *before, *after;
	char *disk, *journal;
	struct disk *base, *target;
	struct overlay *o;
};

static void setup_open(struct setup *s, const char *name, unsigned writes)
{
	s->before = xmalloc(SIZE);
	s->disk = make_disk(name, s->before);
	s->journal = xasprintf("%s.journal", s->disk);
	s->after = xmemdup(s->before, SIZE);
	ck_ok(disk_open(&s->base, s->disk, DISK_OPEN_RAW, &err));
	ck_ok(disk_open(&s->target, s->disk, DISK_OPEN_RAW | DISK_OPEN_WRITE, &err));
	ck_ok(overlay_new(&s->o, s->base, s->journal, "test disk", &err));
	scribble(overlay_disk(s->o), s->after, writes);
}

static void setup_done(struct setup *s)
{
	disk_close(s->base);
	disk_close(s->target);
	free(s->before);
	free(s->after);
	free(s->disk);
	free(s->journal);
}

START_TEST(reads_what_was_written_and_leaves_the_disk_alone)
{
	srand(7);
	struct setup s;
	setup_open(&s, "alone", 300);
	check_reads(overlay_disk(s.o), s.after);
	check_file(s.disk, s.before);
	CLEANUP_RANGES struct ranges changed = {0};
	overlay_changed(s.o, &changed);
	for (size_t i = 0; i < SIZE; i++)
		if (s.before[i] != s.after[i])
			ck_assert(ranges_contain(&changed, i, i + 1));
	overlay_free(s.o);
	ck_assert_int_ne(access(s.journal, F_OK), 0);
	check_file(s.disk, s.before);
	setup_done(&s);
}
END_TEST

START_TEST(commit_puts_everything_on_the_disk)
{
	srand(8);
	struct setup s;
	struct op op = {0};
	setup_open(&s, "commit", 200);
	ck_ok(overlay_commit(s.o, s.target, &op, &err));
	ck_assert(op.wrote);
	check_file(s.disk, s.after);
	ck_assert_int_ne(access(s.journal, F_OK), 0);
	check_reads(overlay_disk(s.o), s.after);
	ck_fails(disk_pwrite(overlay_disk(s.o), "x", 1, 0, &err), ERR_JOURNAL, "committed");
	overlay_free(s.o);
	setup_done(&s);
}
END_TEST

/* A target that ends the process at its n-th write: what a KILL in the middle of a commit leaves. */
struct killer {
	struct disk disk;
	struct disk *under;
	unsigned left;
};

static int killer_pwrite(
	struct disk *d, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	struct killer *k = (struct killer *)d;
	if (k->left-- == 0)
		_exit(99);
	return disk_pwrite(k->under, buf, len, offset, err);
}

static const struct disk_ops killer_ops = {.name = "killer", .pwrite = killer_pwrite};

/* A target whose n-th write fails, with its second half done or nothing. */
struct failer {
	struct disk disk;
	struct disk *under;
	unsigned left;
	bool half;
};

static int failer_pread(struct disk *d, void *buf, size_t len, uint64_t offset, struct error **err)
{
	return disk_pread(((struct failer *)d)->under, buf, len, offset, err);
}

static int failer_pwrite(
	struct disk *d, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	struct failer *f = (struct failer *)d;
	if (f->left-- > 0)
		return disk_pwrite(f->under, buf, len, offset, err);
	size_t k = len / 2;
	if (f->half && disk_pwrite(f->under, (const char *)buf + k, len - k, offset + k, err) < 0)
		return -1;
	return err_set(err, ERR_DISK_WRITE, "a failing disk");
}

static const struct disk_ops failer_ops = {
	.name = "failer", .pread = failer_pread, .pwrite = failer_pwrite};

/* Nothing is on the disk: no journal may stay that would put it there one day. */
START_TEST(a_first_write_that_fails_leaves_no_journal)
{
	static const struct {
		unsigned left;
		bool half;
	} v[] = {{0, false}, {0, true}, {1, false}};
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		bool untouched = v[i].left == 0 && !v[i].half;
		srand(14);
		struct setup s;
		struct op op = {0};
		setup_open(&s, "first", 60);
		struct failer f = {.disk = {.ops = &failer_ops, .name = s.disk, .size = SIZE},
			.under = s.target,
			.left = v[i].left,
			.half = v[i].half};
		ck_fails(overlay_commit(s.o, &f.disk, &op, &err), ERR_DISK_WRITE,
			untouched ? "the disk is untouched" : "the disk is partly written");
		ck_assert_int_eq(op.wrote, !untouched);
		overlay_free(s.o);
		ck_assert_int_eq(access(s.journal, F_OK) == 0, !untouched);
		if (untouched)
			check_file(s.disk, s.before);
		int rc = -1;
		ck_ok(rc = overlay_recover(s.journal, s.target, "test disk", &op, &err));
		ck_assert_int_eq(rc, !untouched);
		check_file(s.disk, untouched ? s.before : s.after);
		setup_done(&s);
	}
}
END_TEST

/* Another file of the same content: no process has it locked, as after the death of this one. */
static void let_go(const struct setup *s)
{
	if (access(s->journal, F_OK) == 0)
		ck_assert_int_eq(unit_run("cp '%s' '%s.new' && mv '%s.new' '%s'", s->journal,
					 s->journal, s->journal, s->journal),
			0);
}

START_TEST(commit_killed_at_any_write_is_completed)
{
	for (unsigned kill_at = 0; kill_at < 400; kill_at += 7) {
		srand(9);
		struct setup s;
		struct op op = {0};
		setup_open(&s, "killed", 60);
		pid_t pid = fork();
		if (pid == 0) {
			struct error *err = NULL;
			struct killer k = {
				.disk = {.ops = &killer_ops, .name = s.disk, .size = SIZE},
				.under = s.target,
				.left = kill_at};
			_exit(overlay_commit(s.o, &k.disk, &op, &err) < 0 ? 1 : 0);
		}
		int status;
		waitpid(pid, &status, 0);
		bool killed = WEXITSTATUS(status) == 99;
		ck_assert(killed || WEXITSTATUS(status) == 0);
		int rc = -1;
		let_go(&s);
		ck_ok(rc = overlay_recover(s.journal, s.target, "test disk", &op, &err));
		ck_assert_int_eq(rc, killed);
		check_file(s.disk, s.after);
		ck_assert_int_ne(access(s.journal, F_OK), 0);
		overlay_free(s.o);
		setup_done(&s);
		if (!killed)
			break;
	}
}
END_TEST

START_TEST(unsealed_journal_is_dropped_and_a_foreign_one_refused)
{
	srand(10);
	struct setup s;
	struct op op = {0};
	setup_open(&s, "foreign", 20);
	struct overlay *second = NULL;
	ck_fails(overlay_new(&second, s.base, s.journal, "x", &err), ERR_TARGET_EXISTS,
		"interrupted");
	int rc = -1;
	ck_fails(overlay_recover(s.journal, s.target, "test disk", &op, &err), ERR_DISK_BUSY,
		"in use");
	let_go(&s);
	ck_ok(rc = overlay_recover(s.journal, s.target, "test disk", &op, &err));
	ck_assert_int_eq(rc, 0);
	check_file(s.disk, s.before);
	overlay_free(s.o);

	ck_ok(overlay_new(&s.o, s.base, s.journal, "test disk", &err));
	pid_t pid = fork();
	if (pid == 0) {
		struct error *err = NULL;
		struct killer k = {.disk = {.ops = &killer_ops, .name = s.disk, .size = SIZE},
			.under = s.target};
		memset(s.after, 1, 4096);
		if (disk_pwrite(overlay_disk(s.o), s.after, 4096, 0, &err) == 0)
			overlay_commit(s.o, &k.disk, &op, &err);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	let_go(&s);
	ck_fails(overlay_recover(s.journal, s.base, "test disk", &op, &err), ERR_JOURNAL,
		"reading only");
	ck_fails(overlay_recover(s.journal, s.target, "other disk", &op, &err), ERR_JOURNAL,
		"another disk");
	int fd = open(s.journal, O_RDWR);
	ck_assert_int_eq(pwrite(fd, "x", 1, 4096 + 77), 1);
	close(fd);
	ck_fails(overlay_recover(s.journal, s.target, "test disk", &op, &err), ERR_JOURNAL,
		"damaged");
	check_file(s.disk, s.before);
	ck_assert_int_eq(access(s.journal, F_OK), 0);
	overlay_free(s.o);
	setup_done(&s);
}
END_TEST

/* Leaves a disk whose commit was killed at its n-th write, and the journal, locked by nobody. */
static void kill_commit(struct setup *s, const char *name, unsigned writes, unsigned kill_at)
{
	struct op op = {0};
	setup_open(s, name, writes);
	pid_t pid = fork();
	if (pid == 0) {
		struct error *err = NULL;
		struct killer k = {.disk = {.ops = &killer_ops, .name = s->disk, .size = SIZE},
			.under = s->target,
			.left = kill_at};
		_exit(overlay_commit(s->o, &k.disk, &op, &err) < 0 ? 1 : 0);
	}
	waitpid(pid, NULL, 0);
	let_go(s);
}

static void put_byte(const char *file, off_t at, uint8_t add)
{
	int fd = open(file, O_RDWR);
	uint8_t byte;
	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte = (uint8_t)(byte + add);
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

/* Clones share every identifier: the content tells them apart, before anything is written. */
START_TEST(a_disk_that_changed_since_is_left_alone)
{
	srand(11);
	struct setup s;
	struct op op = {0};
	kill_commit(&s, "changed", 60, 20);
	ck_assert_int_eq(
		overlay_journal_state(s.journal, s.target, "test disk", &op), OVERLAY_JOURNAL_TORN);
	ck_assert_int_eq(overlay_journal_state(s.journal, s.target, "other disk", &op),
		OVERLAY_JOURNAL_OTHER);
	off_t at = 0;
	while (s.before[at] == s.after[at])
		at++;
	put_byte(s.disk, at, 101);
	uint8_t *now = xmalloc(SIZE);
	ck_ok(disk_pread(s.target, now, SIZE, 0, &err));
	ck_fails(overlay_recover(s.journal, s.target, "test disk", &op, &err), ERR_JOURNAL,
		"has changed since");
	check_file(s.disk, now);
	ck_assert_int_eq(access(s.journal, F_OK), 0);
	put_byte(s.disk, at, 155);
	int rc = -1;
	ck_ok(rc = overlay_recover(s.journal, s.target, "test disk", &op, &err));
	ck_assert_int_eq(rc, 1);
	check_file(s.disk, s.after);
	free(now);
	overlay_free(s.o);
	setup_done(&s);
}
END_TEST

/* A power cut leaves sectors whole, not blocks. */
START_TEST(a_block_that_is_half_written_is_completed)
{
	srand(12);
	struct setup s;
	struct op op = {0};
	kill_commit(&s, "half", 60, 0);
	ck_assert_int_eq(overlay_journal_state(s.journal, s.target, "test disk", &op),
		OVERLAY_JOURNAL_UNTOUCHED);
	for (size_t at = 0; at < SIZE; at += 1024)
		ck_ok(disk_pwrite(s.target, s.after + at, 512, at, &err));
	ck_assert_int_eq(
		overlay_journal_state(s.journal, s.target, "test disk", &op), OVERLAY_JOURNAL_TORN);
	int rc = -1;
	ck_ok(rc = overlay_recover(s.journal, s.target, "test disk", &op, &err));
	ck_assert_int_eq(rc, 1);
	check_file(s.disk, s.after);
	overlay_free(s.o);
	setup_done(&s);
}
END_TEST

/* Damage at any place of the header or the data; a file that is none of ours; a device. */
START_TEST(what_is_no_whole_journal_is_never_removed)
{
	srand(13);
	struct setup s;
	struct op op = {0};
	kill_commit(&s, "whole", 20, 5);
	uint8_t *now = xmalloc(SIZE);
	ck_ok(disk_pread(s.target, now, SIZE, 0, &err));
	for (off_t at = 0; at < 160; at += 3) {
		put_byte(s.journal, at, 1);
		ck_fails(overlay_recover(s.journal, s.target, "test disk", &op, &err), ERR_JOURNAL,
			NULL);
		put_byte(s.journal, at, 255);
	}
	ck_assert_int_eq(unit_run("cp '%s' '%s.whole'", s.journal, s.journal), 0);
	for (int size = 1; size < 12000; size = size * 3 + 7) {
		ck_assert_int_eq(
			unit_run("head -c %d '%s.whole' >'%s'", size, s.journal, s.journal), 0);
		ck_fails(overlay_recover(s.journal, s.target, "test disk", &op, &err), ERR_JOURNAL,
			NULL);
		ck_assert_int_eq(access(s.journal, F_OK), 0);
	}
	ck_assert_int_eq(unit_run("echo my notes >'%s'", s.journal), 0);
	ck_fails(overlay_recover(s.journal, s.target, "test disk", &op, &err), ERR_JOURNAL,
		"is no journal");
	ck_assert_int_eq(unit_run("grep -q notes '%s'", s.journal), 0);
	ck_assert_int_eq(unit_run("rm '%s' && mkfifo '%s'", s.journal, s.journal), 0);
	ck_fails(overlay_recover(s.journal, s.target, "test disk", &op, &err), ERR_JOURNAL,
		"no regular file");
	ck_assert_int_eq(unit_run("test -p '%s' && rm '%s'", s.journal, s.journal), 0);
	check_file(s.disk, now);
	free(now);
	overlay_free(s.o);
	setup_done(&s);
}
END_TEST

UNIT_MAIN("overlay", reads_what_was_written_and_leaves_the_disk_alone,
	commit_puts_everything_on_the_disk, a_first_write_that_fails_leaves_no_journal,
	commit_killed_at_any_write_is_completed,
	unsealed_journal_is_dropped_and_a_foreign_one_refused,
	a_disk_that_changed_since_is_left_alone, a_block_that_is_half_written_is_completed,
	what_is_no_whole_journal_is_never_removed)
