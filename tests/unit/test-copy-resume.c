/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An export that was stopped, killed or cheated on, and the one that continues it. */
#include "copy-util.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "copy-record.h"
#include "jsonx.h"

/* A rig whose image is about a hundred slots; format by kind. */
static void make_rig(struct rig *r, uint64_t seed, unsigned kind)
{
	bool vhdx = kind % 3 == 2;
	rig_init(r, seed, vhdx ? 24 * MiB : 6 * MiB, vhdx ? MiB : SLOT);
	rig_fill(r);
	ranges_add(&r->map, r->size / 4, r->size / 4 + MiB);
	if (kind % 3 == 0)
		rig_image(r, IMAGE_RAW, IMAGE_DYNAMIC, 0);
	else if (kind % 3 == 1)
		rig_image(r, IMAGE_VHD, IMAGE_DYNAMIC, 512 * KiB);
	else
		rig_image(r, IMAGE_VHDX, IMAGE_DYNAMIC, MiB);
}

/* What the next process comes with: the same request, but ids of its own. */
static void new_process(struct rig *r)
{
	rig_image(r, r->image.format, r->image.type, r->image.block_size);
	fake_server_calm(&r->server);
}

static void interrupt(struct rig *r, uint64_t writes)
{
	fake_server_calm(&r->server);
	r->server.to_come = writes;
	r->server.stops = true;
	ck_fails(rig_run(r, NULL, &err), ERR_CANCELED, NULL);
	ck_assert_ptr_null(r->server.final);
}

/* Writes of an export that nobody disturbs. */
static size_t count_writes(struct rig *r)
{
	ck_ok(rig_run(r, NULL, &err));
	free(TAKE_PTR(r->server.final));
	return r->server.n_writes;
}

static bool in_slots(const json_t *slots, uint64_t slot)
{
	for (size_t i = 0; i < json_array_size(slots); i += 2) {
		uint64_t first = (uint64_t)json_integer_value(json_array_get(slots, i));
		uint64_t n = (uint64_t)json_integer_value(json_array_get(slots, i + 1));
		if (slot >= first && slot < first + n)
			return true;
	}
	return false;
}

static json_t *parse_state(const struct rig *r)
{
	json_t *state = NULL;
	ck_assert_ptr_nonnull(r->server.state);
	ck_ok(jsonx_parse(r->server.state, strlen(r->server.state), &state, &err));
	return state;
}

/* Resumes; what the state named is not written again, and not everything was. */
static void resume_and_check(struct rig *r)
{
	CLEANUP_JSON json_t *state = parse_state(r);
	const struct image_options old = r->image;
	new_process(r);
	ck_ok(rig_run(r, NULL, &err));
	ck_assert(guid_equal(&r->image.file_id, &old.file_id));
	ck_assert(guid_equal(&r->image.data_id, &old.data_id));
	ck_assert(guid_equal(&r->image.disk_id, &old.disk_id));
	ck_assert_uint_eq(r->image.timestamp, old.timestamp);
	rig_check(r);
	uint64_t slot_size = r->pool.buf_size - TAIL;
	size_t seal = r->image.format == IMAGE_RAW ? 0 : 1;
	ck_assert_uint_ge(r->server.n_writes, seal);
	for (size_t i = 0; i < r->server.n_writes - seal; i++)
		ck_assert(!in_slots(
			json_object_get(state, "slots"), r->server.writes[i].offset / slot_size));
	ck_assert_uint_gt(r->result.bytes_resumed, 0);
}

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

/* The server lost power: acknowledged writes are gone, the state is not. */
START_TEST(server_crash)
{
	for (unsigned flushes = 0; flushes < 2; flushes++) {
		struct rig r;
		make_rig(&r, 61, 0);
		r.server.flushes = flushes;
		interrupt(&r, count_writes(&r) / 2);
		fake_server_crash(&r.server);
		if (flushes) {
			/* What could be flushed was, before the state named it. */
			resume_and_check(&r);
		} else {
			new_process(&r);
			ck_ok(rig_run(&r, NULL, &err));
			rig_check(&r);
			ck_assert_uint_eq(r.result.bytes_resumed, 0);
			ck_assert_uint_gt(r.server.bytes_read_back, 0);
		}
		rig_done(&r);
	}
}
END_TEST

static void crash_while_copying(struct rig *r, uint64_t in_writes, uint64_t in_reads)
{
	fake_server_calm(&r->server);
	r->server.crash_in_writes = in_writes;
	r->server.crash_in_reads = in_reads;
	ck_ok(rig_run(r, NULL, &err));
	rig_check(r);
	free(TAKE_PTR(r->server.final));
}

/* The server crashes and comes back while the export runs, which goes on: at every write once. */
START_TEST(crash_and_go_on)
{
	for (unsigned kind = 0; kind < 4; kind++) {
		struct rig r;
		make_rig(&r, 90 + kind, kind);
		r.options.resume_state = kind != 3; /* without a record, all is written again */
		r.server.flushes = false;
		size_t n = count_writes(&r);
		for (size_t i = 0; i < n; i += 1 + n / 25)
			crash_while_copying(&r, i, i % 3 ? UINT64_MAX : i / 3);
		/* Read back: what was written before the crash; again: what was lost by it. */
		crash_while_copying(&r, n / 2, UINT64_MAX);
		ck_assert(kind == 3 || r.server.bytes_read_back > 0);
		ck_assert(kind != 0 || r.server.bytes_read_back < r.size);
		rig_done(&r);
	}
}
END_TEST

START_TEST(crash_at_commit)
{
	struct rig r;
	make_rig(&r, 95, 2);
	r.server.flushes = false;
	count_writes(&r);
	fake_server_calm(&r.server);
	r.server.crash_commits = 2;
	ck_ok(rig_run(&r, NULL, &err));
	rig_check(&r);
	ck_assert_uint_eq(r.server.commits, 1);
	free(TAKE_PTR(r.server.final));
	fake_server_calm(&r.server);
	r.server.crash_commits = 1000;
	ck_fails(rig_run(&r, NULL, &err), ERR_SHARE_LOST, "broke again");
	ck_assert_ptr_null(r.server.final);
	new_process(&r);
	ck_ok(rig_run(&r, NULL, &err));
	rig_check(&r);
	rig_done(&r);
}
END_TEST

/* Crash, go on, then stopped before the check: what is suspect is read back by the next process. */
START_TEST(crash_and_stop)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct rig r;
		make_rig(&r, seed, (unsigned)seed % 2);
		r.server.flushes = false;
		size_t n = count_writes(&r);
		fake_server_calm(&r.server);
		r.server.crash_in_writes = util_random_below(&r.seed, n / 2);
		r.server.to_come = n * 3 / 4;
		r.server.stops = true;
		ck_fails(rig_run(&r, NULL, &err), ERR_CANCELED, NULL);
		new_process(&r);
		ck_ok(rig_run(&r, NULL, &err));
		rig_check(&r);
		rig_done(&r);
	}
}
END_TEST

/* Parts of the file were zeroed behind our back: at its end, or anywhere in it. */
START_TEST(lost_parts)
{
	for (uint64_t seed = 1; seed <= 24; seed++) {
		struct rig r;
		make_rig(&r, seed, (unsigned)seed % 2);
		interrupt(&r, count_writes(&r) * 3 / 4);
		/* A write that the state may or may not name. */
		const struct fake_write *w =
			&r.server.writes[util_random_below(&r.seed, r.server.n_writes)];
		if (seed % 3)
			memset(r.server.bytes + w->offset, 0, w->len);
		else
			memset(r.server.bytes + w->offset, 0, r.server.length - w->offset);
		new_process(&r);
		ck_ok(rig_run(&r, NULL, &err));
		rig_check(&r);
		rig_done(&r);
	}
}
END_TEST

/* One page of a slot, changed on the server; a sample would most likely miss it. */
static void damage_page(struct rig *r, uint64_t slot)
{
	uint64_t at = slot * (r->pool.buf_size - TAIL);
	ck_assert(!mem_is_zero(r->server.bytes + at, 4096));
	memset(r->server.bytes + at, 0x77, 4096);
}

/* The newest 32 slots are read back whole. */
START_TEST(newest_are_verified)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct rig r;
		rig_init(&r, seed, 16 * MiB, 512 * KiB);
		rig_fill(&r);
		memset(r.bytes, 1, r.size);
		ranges_add(&r.map, 0, r.size);
		interrupt(&r, 28);
		damage_page(&r, seed);
		new_process(&r);
		ck_ok(rig_run(&r, NULL, &err));
		rig_check(&r);
		ck_assert_uint_eq(r.result.bytes_resumed, 0);
		rig_done(&r);
	}
}
END_TEST

/* So are those written before a connection broke, when the process that saw it break did not get to it. */
START_TEST(suspect_are_verified)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct rig r;
		rig_init(&r, seed, 32 * MiB, 512 * KiB);
		rig_fill(&r);
		memset(r.bytes, 1, r.size);
		ranges_add(&r.map, 0, r.size);
		fake_server_calm(&r.server);
		r.server.durable = true;
		r.server.crash_in_writes = 12;
		r.server.to_come = 60;
		r.server.stops = true;
		ck_fails(rig_run(&r, NULL, &err), ERR_CANCELED, NULL);
		damage_page(&r, seed);
		new_process(&r);
		ck_ok(rig_run(&r, NULL, &err));
		rig_check(&r);
		ck_assert_uint_eq(r.result.bytes_resumed, 0);
		rig_done(&r);
	}
}
END_TEST

/* Reading back fails: that is an error, and nothing is thrown away for it. */
START_TEST(read_back_fails)
{
	struct rig r;
	make_rig(&r, 71, 0);
	interrupt(&r, count_writes(&r) / 2);
	new_process(&r);
	r.server.pread_fails = true;
	ck_fails(rig_run(&r, NULL, &err), ERR_SHARE_LOST, NULL);
	ck_assert_ptr_nonnull(r.server.state);
	resume_and_check(&r);
	rig_done(&r);
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
	usleep(70000);
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
	source_changed_and_back, another_export, damaged_state, server_crash, crash_and_go_on,
	crash_at_commit, crash_and_stop, lost_parts, newest_are_verified, suspect_are_verified,
	read_back_fails, killed)
