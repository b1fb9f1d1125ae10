/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logs made by hand. What a replay must leave is computed here by writing the descriptors one after
 * the other. QEMU must come to the same where it keeps to [MS-VHDX] 2.3.3; version 7.2 does not
 * where entries before the tail are left, a sequence runs round the end or has a gap behind its first
 * entry, or the file must grow to LastFileOffset.
 */
#include "vhdx-log-util.h"

/* ---- logs to replay ---- */

static const struct write one[] = {{PAYLOAD + 2 * MiB + S, 0, 1}};
static const struct write two[] = {{PAYLOAD + 3 * MiB, 0, 2}, {PAYLOAD + 3 * MiB + 3 * S, 5 * S, 0},
	{PAYLOAD + 2 * MiB + S, 0, 3}};
static const struct write three[] = {{PAYLOAD + 3 * MiB + 4 * S, 0, 4}};
/* Block 8's place on, which the file does not have yet; and the BAT's second page. */
static const struct write growing[] = {{12 * MiB + 2 * S, 0, 5}, {BAT + S, S, 0}};

START_TEST(one_entry)
{
	start();
	struct entry e = {.sequence = 7, .writes = two, .n = 3};
	put_entry(&e);
	replay_on_model(&e);
	check_replay(true);
	finish();
}
END_TEST

START_TEST(from_the_tail_on)
{
	/* Of four entries the first is done with: its writes must not come again. */
	start();
	struct entry e[] = {{.sequence = 10, .writes = growing, .n = 1},
		{.sequence = 11, .writes = one, .n = 1}, {.sequence = 12, .writes = two, .n = 3},
		{.sequence = 13, .writes = three, .n = 1}};
	uint32_t pos = 0, tail = 0;
	for (size_t i = 0; i < ARRAY_SIZE(e); i++) {
		e[i].pos = pos;
		if (i == 1)
			tail = pos;
		e[i].tail = tail;
		pos = put_entry(&e[i]);
		if (i)
			replay_on_model(&e[i]);
	}
	check_replay(false);
	finish();
}
END_TEST

START_TEST(round_the_end)
{
	start();
	struct entry a = {
		.pos = LOG_SIZE - S, .sequence = UINT64_C(0x1ffffffff), .writes = two, .n = 3};
	a.tail = a.pos;
	struct entry b = {.sequence = a.sequence + 1, .tail = a.pos, .writes = three, .n = 1};
	b.pos = put_entry(&a);
	ck_assert_uint_eq(b.pos, 2 * S);
	put_entry(&b);
	replay_on_model(&a);
	replay_on_model(&b);
	check_replay(false);
	finish();
}
END_TEST

START_TEST(newest_sequence_wins)
{
	/* An older sequence before and behind, one of another guid, and one torn while written. */
	static const struct guid other = {"some other log's"};
	start();
	struct entry old = {.sequence = 3, .writes = growing, .n = 2};
	struct entry e = {.pos = 64 * S, .tail = 64 * S, .sequence = 20, .writes = two, .n = 3};
	struct entry torn = {.tail = 64 * S, .sequence = 21, .writes = one, .n = 1};
	struct entry alien = {.pos = 128 * S,
		.tail = 128 * S,
		.sequence = 99,
		.guid = &other,
		.writes = growing,
		.n = 2};
	put_entry(&old);
	old.pos = old.tail = 160 * S;
	old.sequence = 5;
	put_entry(&old);
	put_entry(&alien);
	torn.pos = put_entry(&e);
	put_entry(&torn);
	static const uint8_t junk[16] = "junk";
	vx_poke(image, LOG + torn.pos + S + 99, junk, sizeof(junk));
	replay_on_model(&e);
	check_replay(true);
	finish();
}
END_TEST

START_TEST(a_gap_ends_a_sequence)
{
	/* 31 is followed by 33: two sequences, of which the second is newer and whole. */
	start();
	struct entry a = {.sequence = 31, .writes = growing, .n = 2};
	struct entry b = {.sequence = 33, .writes = one, .n = 1};
	b.pos = b.tail = put_entry(&a);
	put_entry(&b);
	replay_on_model(&b);
	check_replay(false);
	finish();
}
END_TEST

START_TEST(the_file_grows)
{
	start();
	struct entry e = {.sequence = 1, .writes = growing, .n = 2, .last = 16 * MiB};
	put_entry(&e);
	replay_on_model(&e);
	check_replay(false);
	finish();
}
END_TEST

START_TEST(zeros_past_the_end)
{
	static const struct write zeros[] = {{11 * MiB, 30 * MiB, 0}, {20 * MiB, 0, 6}};
	start();
	struct entry e = {.sequence = 1, .writes = zeros, .n = 2, .last = 13 * MiB};
	put_entry(&e);
	replay_on_model(&e);
	check_replay(false);
	finish();
}
END_TEST

START_TEST(many_descriptors)
{
	/* Three descriptor sectors; and an entry that writes nothing, as one that only moves the tail. */
	struct write w[300];
	start();
	for (uint32_t i = 0; i < ARRAY_SIZE(w); i++)
		w[i] = (struct write){PAYLOAD + (i * 7 % 64) * S, i % 3 ? 2 * S : 0, i};
	struct entry e = {.sequence = 1, .writes = w, .n = ARRAY_SIZE(w)};
	struct entry empty = {.sequence = 2};
	empty.pos = put_entry(&e);
	put_entry(&empty);
	replay_on_model(&e);
	check_replay(false);
	finish();
}
END_TEST

START_TEST(blocks_change)
{
	/* The log turns blocks 1 and 2 to zero and exchanges 4 and 5: what logs are there for. */
	uint8_t page[S];
	start();
	memcpy(page, model + BAT, S);
	le64_put(page + 8, VHDX_BLOCK_ZERO);
	le64_put(page + 16, VHDX_BLOCK_ZERO);
	memcpy(page + 32, model + BAT + 40, 8);
	memcpy(page + 40, model + BAT + 32, 8);
	struct write w = {.offset = BAT};
	struct entry e = {.sequence = 1, .writes = &w, .n = 1};
	put_entry(&e);
	/* The page in place of the filler. */
	uint8_t entry[2 * S];
	vx_peek(image, LOG, entry, sizeof(entry));
	memcpy(entry + 64 + 4, page + S - 4, 4);
	memcpy(entry + 64 + 8, page, 8);
	memcpy(entry + S + 8, page + 8, S - 12);
	vx_seal(entry, sizeof(entry));
	vx_poke(image, LOG, entry, sizeof(entry));
	memcpy(model + BAT, page, S);
	check_replay(true);
	finish();
}
END_TEST

/* ---- a replay that is cut off ---- */

struct failing_io {
	struct io io;
	struct io *base;
	int writes_left;
};

static int failing_pread(struct io *io, void *buf, size_t len, uint64_t offset, struct error **err)
{
	return io_pread(((struct failing_io *)io)->base, buf, len, offset, err);
}

static int failing_pwrite(
	struct io *io, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	struct failing_io *f = (struct failing_io *)io;
	/* The last write is cut in the middle. */
	size_t n = f->writes_left > 1 ? len : f->writes_left == 1 ? len / 2 : 0;
	f->writes_left--;
	if (io_pwrite(f->base, buf, n, offset, err) < 0)
		return -1;
	io->size = f->base->size;
	return n == len ? 0 : err_set(err, ERR_DISK_WRITE, "the power is gone");
}

static void failing_close(struct io *io)
{
	io_close(((struct failing_io *)io)->base);
}

static const struct io_ops failing_ops = {.name = "failing",
	.pread = failing_pread,
	.pwrite = failing_pwrite,
	.close = failing_close};

/* Cuts a replay after some writes; false: it ran to its end. */
static bool cut_replay(int writes)
{
	struct failing_io f = {.base = vx_io(image, true), .writes_left = writes};
	f.io = (struct io){.ops = &failing_ops, .name = xstrdup("log"), .size = f.base->size};
	CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
	struct error *err = NULL;
	bool cut = vhdx_open(&v, &f.io, VHDX_OPEN_WRITE, NULL, &err) < 0;
	ck_assert(!cut || err->code == ERR_DISK_WRITE);
	err_free(err);
	vhdx_close(TAKE_PTR(v));
	io_close(&f.io);
	return cut;
}

START_TEST(cut_off_anywhere)
{
	CLEANUP_FREE char *copy = vx_path("copy.vhdx");
	bool cut = true;
	int writes = 0;
	for (; cut; writes++) {
		start();
		struct entry e = {.sequence = 1, .writes = two, .n = 3, .last = 16 * MiB};
		struct entry g = {.sequence = 2, .writes = growing, .n = 2, .last = 16 * MiB};
		g.pos = put_entry(&e);
		put_entry(&g);
		replay_on_model(&e);
		replay_on_model(&g);
		cut = cut_replay(writes);
		/* Whatever came of it, a reader sees the disk as it must be, and a replay ends it. */
		CLEANUP(io_close_p) struct io *io = vx_io(image, false);
		CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
		ck_ok(vhdx_open(&v, io, 0, NULL, &err));
		check_disk(v);
		if (vhdx_info(v)->dirty_log)
			check_replay(false);
		check_file(image);
		finish();
	}
	ck_assert_int_gt(writes, 6);
}
END_TEST

/* ---- logs to refuse ---- */

START_TEST(no_sequence)
{
	start();
	check_refused(ERR_IMAGE_CORRUPT, "no complete sequence");
	/* A whole entry whose tail is nowhere. */
	struct entry e = {.sequence = 1, .tail = 9 * S, .writes = one, .n = 1};
	put_entry(&e);
	check_refused(ERR_IMAGE_CORRUPT, "no complete sequence");
	CLEANUP_FREE char *findings = vx_findings(image);
	ck_assert_str_eq(findings, "log-replay ");
	finish();
}
END_TEST

START_TEST(truncated_file)
{
	start();
	struct entry e = {.sequence = 1, .writes = one, .n = 1, .flushed = 13 * MiB};
	put_entry(&e);
	check_refused(ERR_IMAGE_CORRUPT, "truncated");
	finish();
}
END_TEST

START_TEST(unknown_log_version)
{
	start();
	struct entry e = {.sequence = 1, .writes = one, .n = 1};
	put_entry(&e);
	set_header(1);
	check_refused(ERR_IMAGE_UNSUPPORTED, "log version 1");
	finish();
}
END_TEST

START_TEST(writes_to_refuse)
{
	static const struct write bad[] = {{VHDX_HEADER1, 0, 1}, {0, 4 * S, 0}, {LOG + 8 * S, 0, 1},
		{0, 2 * MiB, 0}, {UINT64_C(1) << 62, 0, 1}, {PAYLOAD, UINT64_C(1) << 60, 0}};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		start();
		struct entry e = {.sequence = 1, .writes = &bad[i], .n = 1};
		put_entry(&e);
		check_refused(ERR_IMAGE_CORRUPT, "the log writes");
		finish();
	}
	start();
	struct entry e = {.sequence = 1, .writes = one, .n = 1, .last = UINT64_C(1) << 60};
	put_entry(&e);
	check_refused(ERR_IMAGE_CORRUPT, "the log wants");
	finish();
}
END_TEST

START_TEST(damaged_entries)
{
	/* Any byte of the only entry, its checksum put right or not: refused, or it did not matter. */
	static const uint32_t fields[] = {
		0, 4, 8, 12, 16, 24, 32, 64, 64 + 16, 64 + 24, S, S + 4, 2 * S - 4, 3 * S - 1};
	for (size_t i = 0; i < 2 * ARRAY_SIZE(fields); i++) {
		uint8_t b[3 * S];
		bool seal = i % 2;
		start();
		struct entry e = {.sequence = 1, .writes = two, .n = 3};
		ck_assert_uint_eq(entry_length(&e), sizeof(b));
		put_entry(&e);
		vx_peek(image, LOG, b, sizeof(b));
		b[fields[i / 2]] ^= 0x81;
		if (seal)
			vx_seal(b, sizeof(b));
		vx_poke(image, LOG, b, sizeof(b));
		if (!seal)
			check_refused(ERR_IMAGE_CORRUPT, "no complete sequence");
		else if (fields[i / 2] == 4) /* was only the checksum */
			replay_on_model(&e), check_replay(true);
		else
			check_refused(ERR_IMAGE_CORRUPT, NULL);
		finish();
	}
}
END_TEST

UNIT_MAIN("vhdx-log", one_entry, from_the_tail_on, round_the_end, newest_sequence_wins,
	a_gap_ends_a_sequence, the_file_grows, zeros_past_the_end, many_descriptors, blocks_change,
	cut_off_anywhere, no_sequence, truncated_file, unknown_log_version, writes_to_refuse,
	damaged_entries)
