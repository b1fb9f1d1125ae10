/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The record of what is on a sink, by itself: written, read, bounded. */
#include "copy-util.h"

#include "copy-record.h"
#include "jsonx.h"
#include "mem.h"

START_TEST(record_round_trip)
{
	struct record_binding b = {.disk_size = 10 * GiB, .length = 10 * GiB, .slot_size = 8 * MiB};
	ck_ok(image_options_complete(&b.options, &err));
	struct record *r = NULL;
	ck_ok(record_new(&r, &b, &err));
	uint8_t digest[RECORD_DIGEST], other[RECORD_DIGEST];
	uint64_t newest[RECORD_NEWEST];
	const struct record_part parts[] = {{"abc", 3}, {"def", 3}}, whole[] = {{"abcdef", 6}};
	for (uint64_t slot = 0; slot < 1280; slot += 1 + slot % 3) {
		ck_ok(record_digest(r, slot, parts, 2, digest, &err));
		ck_ok(record_digest(r, slot, whole, 1, other, &err));
		ck_assert_mem_eq(digest, other, RECORD_DIGEST);
		record_add(r, slot, digest, 0);
	}
	ck_ok(record_digest(r, 0, whole, 1, other, &err));
	ck_assert_mem_ne(digest, other, RECORD_DIGEST);

	CLEANUP_FREE char *text = record_format(r, 0);
	struct record *again = record_parse(text, &b);
	ck_assert_ptr_nonnull(again);
	ck_assert_uint_eq(record_count(again), record_count(r));
	CLEANUP_FREE char *text2 = record_format(again, 0);
	ck_assert_str_eq(text, text2);
	ck_assert_uint_eq(record_newest(again, newest), RECORD_NEWEST);
	for (size_t i = 1; i < RECORD_NEWEST; i++)
		ck_assert_uint_gt(newest[i], newest[i - 1]);
	/* The key went along: a digest of the one is a digest of the other. */
	ck_ok(record_digest(again, 0, whole, 1, digest, &err));
	ck_assert_mem_eq(digest, other, RECORD_DIGEST);
	b.length += 512;
	ck_assert_ptr_null(record_parse(text, &b));
	record_free(again);
	record_free(r);
}
END_TEST

/* Past its bound, nothing is recorded, and memory does not grow: 64 TiB. */
START_TEST(record_bound)
{
	struct record_binding b = {.disk_size = 64 * TiB, .length = 64 * TiB, .slot_size = 8 * MiB};
	struct record *r = NULL;
	const uint8_t digest[RECORD_DIGEST] = {1};
	ck_ok(record_new(&r, &b, &err));
	record_add(r, RECORD_SLOTS_MAX, digest, 0);
	record_add(r, RECORD_SLOTS_MAX - 1, digest, 0);
	ck_assert_ptr_null(record_get(r, RECORD_SLOTS_MAX));
	ck_assert_ptr_nonnull(record_get(r, RECORD_SLOTS_MAX - 1));
	ck_assert_uint_eq(record_count(r), 1);
	record_free(r);
}
END_TEST

UNIT_MAIN("copy-record", record_round_trip, record_bound)
