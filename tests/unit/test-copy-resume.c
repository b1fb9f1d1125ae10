/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An export that was stopped or killed, and the one that continues it. */
#include "copy-resume-util.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

START_TEST(stopped_anywhere)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct rig r;
		make_rig(&r, seed, (unsigned)seed);
		r.options.md5 = seed % 2;
		size_t n = count_writes(&r);
		/* Up to three times, each a little further. */
		size_t at = r.server.lanes + 4 + util_random_below(&r.seed, n / 4);
		for (uint64_t times = seed % 3 + 1; times > 0; times--) {
			new_process(&r);
			interrupt(&r, at);
			at = 2 + util_random_below(&r.seed, 3);
		}
		resume_and_check(&r);
		rig_done(&r);
	}
}
END_TEST

/* All is written, the rename fails; then only the seal is left to do. */
START_TEST(stopped_before_the_rename)
{
	struct rig r;
	make_rig(&r, 31, 2);
	size_t n = count_writes(&r);
	interrupt(&r, n - 2);
	new_process(&r);
	r.server.commit_fails = true;
	ck_fails(rig_run(&r, NULL, &err), ERR_TARGET_EXISTS, NULL);
	resume_and_check(&r);
	rig_done(&r);
}
END_TEST

/* The map is the same, the content is not: nothing old remains. */
START_TEST(source_changed)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct rig r;
		make_rig(&r, seed, (unsigned)seed);
		interrupt(&r, count_writes(&r) / 2);
		const struct range *p = &r.map.v[util_random_below(&r.seed, r.map.n)];
		if (seed % 2)
			r.bytes[p->start] ^= 0x40;
		else
			memset(r.bytes + r.size / 8, seed % 4 ? 0x5a : 0, r.size / 2);
		new_process(&r);
		ck_ok(rig_run(&r, NULL, &err));
		rig_check(&r);
		rig_done(&r);
	}
}
END_TEST

/* Changed, stopped while that is written, and changed back: an old record must not vouch for it. */
START_TEST(source_changed_and_back)
{
	struct rig r;
	make_rig(&r, 5, 0);
	size_t n = count_writes(&r);
	interrupt(&r, n * 2 / 3);
	uint8_t *kept = &r.bytes[r.size / 4 + 5 * SLOT];
	*kept ^= 1;
	for (uint64_t at = 0; at < n / 3; at += n / 16) {
		new_process(&r);
		interrupt(&r, at);
		*kept ^= 1;
	}
	new_process(&r);
	ck_ok(rig_run(&r, NULL, &err));
	rig_check(&r);
	rig_done(&r);
}
END_TEST

START_TEST(another_export)
{
	for (int what = 0; what < 4; what++) {
		struct rig r;
		make_rig(&r, 41, 1);
		interrupt(&r, count_writes(&r) / 2);
		fake_server_calm(&r.server);
		const struct image_options old = r.image;
		if (what == 0)
			r.source_id[31] ^= 1;
		else if (what == 1)
			rig_image(&r, IMAGE_VHD, IMAGE_DYNAMIC, 2 * MiB);
		else if (what == 2)
			rig_image(&r, IMAGE_RAW, IMAGE_DYNAMIC, 0);
		else
			free(TAKE_PTR(r.server.state));
		if (what == 0 || what == 3)
			new_process(&r);
		ck_ok(rig_run(&r, NULL, &err));
		rig_check(&r);
		ck_assert_uint_eq(r.result.bytes_resumed, 0);
		ck_assert(!guid_equal(&r.image.file_id, &old.file_id));
		rig_done(&r);
	}
}
END_TEST

/* Whatever the state says: the image is right, or the state is not believed. */
START_TEST(damaged_state)
{
	unsigned refused = 0;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct rig r;
		make_rig(&r, 51, (unsigned)seed % 2);
		interrupt(&r, count_writes(&r) / 2);
		size_t len = strlen(r.server.state);
		uint64_t state = seed, at = util_random_below(&state, len);
		if (seed % 4 == 0)
			r.server.state[at] = '\0';
		else if (seed % 4 == 1)
			memset(r.server.state + at, ' ', min_u64(len - at, 40));
		else
			r.server.state[at] = (char)(' ' + util_random_below(&state, 94));
		new_process(&r);
		ck_ok(rig_run(&r, NULL, &err));
		rig_check(&r);
		refused += r.result.bytes_resumed == 0;
		rig_done(&r);
	}
	ck_assert_uint_ge(refused, 30);
}
END_TEST

/* ---- killed ---- */

struct slow_disk {
	struct disk disk;
	struct rig *rig;
};

static int slow_pread(struct disk *d, void *buf, size_t len, uint64_t offset, struct error **err)
{
	(void)err;
	usleep(100000);
	memcpy(buf, ((struct slow_disk *)d)->rig->bytes + offset, len);
	return 0;
}

static void slow_close(struct disk *d)
{
	free(d);
}

static int run_to_file(struct rig *r, struct disk *d, const char *target, struct error **ret_err)
{
	struct sink *s = NULL;
	struct sink_options so = {.target = target, .pool = &r->pool};
	bool resume;
	ck_ok(sink_open(&s, &so, &r->op, &err));
	ck_ok(copy_resume_options(s, r->source_id, &r->image, &resume, &err));
	struct layout *l = rig_layout(r);
	int rc = copy_run(d, l, s, &r->pool, &r->options, 100, &r->op, &r->result, ret_err);
	sink_close(s, rc < 0);
	layout_free(l);
	disk_close(d);
	return rc;
}

/* A state is saved while the export runs: a process that is killed leaves one that is true. */
START_TEST(killed)
{
	static const struct disk_ops slow_ops = {
		.name = "slow", .pread = slow_pread, .close = slow_close};
	CLEANUP_FREE char *target = xasprintf("%s/killed.vhd", unit_tmp());
	CLEANUP_FREE char *state = sink_state_name(target);
	CLEANUP_FREE char *raw = xasprintf("%s/raw", unit_tmp());
	struct rig r;
	make_rig(&r, 81, 1);
	ranges_add(&r.map, 0, r.size);
	pid_t pid = fork();
	if (pid == 0) {
		struct slow_disk *slow = xcalloc(1, sizeof(*slow));
		struct error *err = NULL;
		slow->rig = &r;
		slow->disk = (struct disk){.ops = &slow_ops,
			.name = xstrdup("slow"),
			.size = r.size,
			.io_alignment = 1};
		_exit(run_to_file(&r, &slow->disk, target, &err) == 0 ? 0 : 1);
	}
	struct stat st;
	for (int i = 0; i < 400 && stat(state, &st) < 0; i++)
		usleep(25000);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	int status;
	ck_assert(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	ck_assert_int_eq(stat(state, &st), 0);
	ck_assert_int_eq(stat(target, &st), -1);

	ck_ok(run_to_file(&r, fake_disk(r.bytes, r.size), target, &err));
	ck_assert_uint_gt(r.result.bytes_resumed, 10 * SLOT);
	ck_assert_uint_lt(r.result.bytes_written, r.size - 10 * SLOT);
	ck_ok(file_write_atomic(raw, r.bytes, r.size, 0600, &err));
	ck_assert_int_eq(unit_run("qemu-img compare -q --image-opts driver=raw,file.filename=%s "
				  "driver=vpc,force_size_calc=current_size,file.filename=%s",
				 raw, target),
		0);
	rig_done(&r);
}
END_TEST

UNIT_MAIN("copy-resume", stopped_anywhere, stopped_before_the_rename, source_changed,
	source_changed_and_back, another_export, damaged_state, killed)
