/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Targets that lose what they have acknowledged: while an export runs, or before the next one. */
#include "copy-resume-util.h"

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

/* Stopped after so many writes, then one page of one of the first slots is damaged: all is written again. */
static void damage_is_found(uint64_t size, uint64_t slot_size, uint64_t writes)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct rig r;
		rig_init(&r, seed, size, slot_size);
		memset(r.bytes, 1, r.size);
		ranges_add(&r.map, 0, r.size);
		interrupt(&r, writes);
		damage_page(&r, seed);
		new_process(&r);
		ck_ok(rig_run(&r, NULL, &err));
		rig_check(&r);
		ck_assert_uint_eq(r.result.bytes_resumed, 0);
		rig_done(&r);
	}
}

/* The newest 32 slots are read back whole. */
START_TEST(newest_are_verified)
{
	damage_is_found(16 * MiB, 512 * KiB, 28);
}
END_TEST

/* An older one is sampled: one that is no larger than a sample has no page that is not looked at. */
START_TEST(samples_reach_every_page)
{
	damage_is_found(6 * MiB, SLOT, 60);
}
END_TEST

/* Read back whole, too: those written before a connection broke, when the process that saw it break did not get to it. */
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

/* With hashes, every byte that is not written again is compared. */
START_TEST(hashes_are_of_the_file)
{
	struct rig r;
	rig_init(&r, 3, 32 * MiB, 512 * KiB);
	memset(r.bytes, 1, r.size);
	ranges_add(&r.map, 0, r.size);
	r.options.md5 = true;
	interrupt(&r, 60);
	damage_page(&r, 2);
	new_process(&r);
	ck_ok(rig_run(&r, NULL, &err));
	rig_check(&r);
	ck_assert_uint_eq(r.result.bytes_resumed, 0);
	rig_done(&r);
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

UNIT_MAIN("copy-lost", server_crash, crash_and_go_on, crash_at_commit, crash_and_stop, lost_parts,
	newest_are_verified, samples_reach_every_page, suspect_are_verified, hashes_are_of_the_file,
	read_back_fails)
