/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The common layer: range sets against a bitmap, UTF-16, GUIDs, JSON, errors, progress. */
#include "unit.h"

#include <string.h>

#include "filename.h"
#include "guid.h"
#include "jsonx.h"
#include "mem.h"
#include "op.h"
#include "ranges.h"
#include "utf16.h"

#define N 300

static void check_set(const struct ranges *r, const bool *bits)
{
	bool got[N] = {false};
	for (size_t i = 0; i < r->n; i++) {
		ck_assert_uint_lt(r->v[i].start, r->v[i].end);
		if (i)
			ck_assert_uint_lt(r->v[i - 1].end, r->v[i].start);
		for (uint64_t b = r->v[i].start; b < r->v[i].end; b++)
			got[b] = true;
	}
	ck_assert_int_eq(memcmp(got, bits, sizeof(got)), 0);
}

static void random_set(struct ranges *r, bool *bits)
{
	ranges_clear(r);
	memset(bits, 0, N);
	for (int i = 0; i < 12; i++) {
		unsigned a = (unsigned)rand() % N, b = a + (unsigned)rand() % 25;
		if (b > N)
			b = N;
		bool add = rand() % 3;
		if (add)
			ranges_add(r, a, b);
		else
			ranges_remove(r, a, b);
		for (unsigned k = a; k < b; k++)
			bits[k] = add;
	}
}

START_TEST(ranges_equal_a_bitmap)
{
	srand(1);
	for (int round = 0; round < 3000; round++) {
		CLEANUP_RANGES struct ranges a = {0}, b = {0}, c = {0};
		bool x[N], y[N], z[N];
		random_set(&a, x);
		random_set(&b, y);
		check_set(&a, x);

		ranges_copy(&c, &a);
		ranges_union(&c, &b);
		for (int i = 0; i < N; i++)
			z[i] = x[i] || y[i];
		check_set(&c, z);

		ranges_copy(&c, &a);
		ranges_subtract(&c, &b);
		for (int i = 0; i < N; i++)
			z[i] = x[i] && !y[i];
		check_set(&c, z);

		ranges_copy(&c, &a);
		ranges_intersect(&c, &b);
		for (int i = 0; i < N; i++)
			z[i] = x[i] && y[i];
		check_set(&c, z);

		ranges_copy(&c, &a);
		ranges_complement(&c, N);
		uint64_t total = 0;
		for (int i = 0; i < N; i++) {
			z[i] = !x[i];
			total += x[i];
		}
		check_set(&c, z);
		ck_assert_uint_eq(ranges_total(&a), total);

		ranges_copy(&c, &a);
		ranges_align(&c, 8, N);
		for (int i = 0; i < N; i++) {
			z[i] = false;
			for (int k = i & ~7; k < (i & ~7) + 8 && k < N; k++)
				z[i] = z[i] || x[k];
		}
		check_set(&c, z);

		unsigned from = (unsigned)rand() % N, to = from + (unsigned)rand() % (N - from);
		bool all = true, any = false;
		for (unsigned i = from; i < to; i++) {
			all = all && x[i];
			any = any || x[i];
		}
		ck_assert_int_eq(ranges_contain(&a, from, to), all);
		ck_assert_int_eq(ranges_intersects(&a, from, to), any);
	}
}
END_TEST

START_TEST(a_limited_set_grows_only_outward)
{
	CLEANUP_RANGES struct ranges r = {0}, all = {0};
	uint64_t gap = 1;
	for (uint64_t i = 0; i < 10000; i++) {
		uint64_t start = i * 64 + i % 7;
		ranges_add(&r, start, start + 8 + i % 30);
		ranges_add(&all, start, start + 8 + i % 30);
		ranges_limit(&r, 100, &gap);
		ck_assert_uint_le(r.n, 100);
	}
	RANGES_FOREACH (p, &all)
		ck_assert(ranges_contain(&r, p->start, p->end));
	ck_assert_uint_eq(r.v[0].start, 0);
	ck_assert_uint_eq(r.v[r.n - 1].end, all.v[all.n - 1].end);
	ck_assert_uint_gt(gap, 1);
}
END_TEST

START_TEST(utf16_keeps_every_character)
{
	const char *text = "Win\xc3\xb6 \xe2\x82\xac \xf0\x9f\x92\xbe";
	size_t n;
	CLEANUP_FREE uint8_t *units = utf8_to_utf16(text, &n);
	ck_assert_uint_eq(n, 4 + 1 + 1 + 1 + 2);
	CLEANUP_FREE char *back = utf16_to_utf8(units, n);
	ck_assert_str_eq(back, text);
	const uint8_t lone[] = {0x00, 0xd8, 'a', 0};
	CLEANUP_FREE char *replaced = utf16_to_utf8(lone, 2);
	ck_assert_str_eq(replaced, "\xef\xbf\xbd"
				   "a");
	ck_assert_ptr_null(utf8_to_utf16("\xff", &n));
	ck_assert_ptr_null(utf8_to_utf16("\xed\xa0\x80", &n));
	ck_assert_ptr_null(utf8_to_utf16("\xc0\x80", &n));
}
END_TEST

START_TEST(text_of_a_disk_becomes_utf8)
{
	CLEANUP_FREE char *clean = utf8_clean("a\xff\xc3\xb6\x1b[1m\n\xe2\x82");
	ck_assert_str_eq(clean, "a\xef\xbf\xbd\xc3\xb6\xef\xbf\xbd[1m\n\xef\xbf\xbd");
	json_t *o = json_object();
	jsonx_set_string(o, "name", "x\xff");
	ck_assert_str_eq(json_string_value(json_object_get(o, "name")), "x\xef\xbf\xbd");
	json_decref(o);
}
END_TEST

START_TEST(file_names_are_those_of_windows)
{
	static const char *const good[] = {"gold", "Gold 2.vhdx", "\xc3\xb6.vhd", "console.vhdx",
		"COM10", "com", "a.con", ".hidden", "COM0", "50% off", "a;b,c=d+[e]"};
	static const char *const bad[] = {"", ".", "..", "a/b", "a\\b", "a:b", "a*", "a?", "a\"b",
		"<a", "a>", "a|b", "a\nb", "a\x7f", "a.", "a ", "con", "PRN.vhdx", "aux.tar.gz",
		"nul", "COM1", "lpt9.x", "com\xc2\xb2", "CONIN$", "con .vhdx", "\xff",
		"\xed\xa0\x80"};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ck_ok(file_name_check(good[i], &err));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_fails(file_name_check(bad[i], &err), ERR_INVALID_FILE_NAME, NULL);
	char text[257];
	memset(text, 'a', sizeof(text));
	text[255] = '\0';
	ck_ok(file_name_check(text, &err));
	text[255] = 'a';
	text[256] = '\0';
	ck_fails(file_name_check(text, &err), ERR_INVALID_FILE_NAME, "longer");
}
END_TEST

START_TEST(guids_have_the_form_of_the_specification)
{
	const struct guid bat = GUID_INIT(
		0x2dc27766, 0xf623, 0x4200, 0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08);
	char text[GUID_STRING_SIZE];
	struct guid back, fresh;
	guid_format(&bat, text);
	ck_assert_str_eq(text, "2dc27766-f623-4200-9d64-115e9bfd4a08");
	ck_assert(guid_parse("{2DC27766-F623-4200-9D64-115E9BFD4A08}", &back));
	ck_assert(guid_equal(&bat, &back));
	ck_assert(!guid_parse("2dc27766-f623-4200-9d64-115e9bfd4a0", &back));
	ck_assert(!guid_parse("2dc27766xf623-4200-9d64-115e9bfd4a08", &back));
	ck_ok(guid_random(&fresh, &err));
	ck_assert_int_eq(fresh.b[7] >> 4, 4);
}
END_TEST

START_TEST(json_is_strict_but_for_key_case)
{
	json_t *o = NULL;
	const char *text = "{\"HashDisk\": \"True\", \"n\": 7, \"nul\": null}";
	ck_ok(jsonx_parse(text, strlen(text), &o, &err));
	bool b = false;
	uint64_t n = 0;
	const char *s = NULL;
	ck_ok(jsonx_get_bool(o, "", "hashDisk", &b, &err));
	ck_assert(b);
	ck_ok(jsonx_get_u64(o, "", "N", 1, 10, &n, &err));
	ck_assert_uint_eq(n, 7);
	ck_ok(jsonx_get_string(o, "", "nul", &s, &err));
	ck_assert_ptr_null(s);
	ck_fails(jsonx_get_u64(o, "a.", "n", 1, 5, &n, &err), ERR_INVALID_FIELD, "\"a.n\"");
	ck_fails(jsonx_get_string(o, "", "n", &s, &err), ERR_INVALID_FIELD, "a string expected");
	json_decref(o);
	ck_fails(jsonx_parse("[]", 2, &o, &err), ERR_NOT_JSON, "object");
	ck_fails(jsonx_parse("{} x", 4, &o, &err), ERR_NOT_JSON, NULL);
	ck_fails(jsonx_parse("{\"a\":1,\"a\":2}", 13, &o, &err), ERR_NOT_JSON, NULL);
	ck_fails(jsonx_parse("{\"a\":\"\\u0000\"}", 14, &o, &err), ERR_NOT_JSON, "U+0000");
	ck_fails(jsonx_parse("{\"\\u0000\":1}", 12, &o, &err), ERR_NOT_JSON, "U+0000");
	char deep[200];
	memset(deep, '[', sizeof(deep));
	ck_fails(jsonx_parse(deep, sizeof(deep), &o, &err), ERR_NOT_JSON, "deeper");
}
END_TEST

START_TEST(errors_say_where_and_the_way_out)
{
	struct error *e = NULL;
	ck_assert_int_eq(err_errno(&e, ERR_WRITE, ENOSPC, "write \"x\""), -1);
	err_prefix(&e, "export");
	ck_assert_int_eq(e->code, ERR_NO_SPACE);
	ck_assert_str_eq(e->message, "export: write \"x\": No space left on device");
	ck_assert_int_eq(err_exit_status(e, false), 3);
	ck_assert_int_eq(err_exit_status(e, true), 1);
	json_t *j = jsonx_from_error(e);
	struct error *back = jsonx_to_error(j);
	ck_assert_int_eq(back->code, ERR_NO_SPACE);
	ck_assert_str_eq(back->hint, err_hint_text(e));
	json_decref(j);
	err_free(back);
	err_free(e);
}
END_TEST

static void keep_last(void *data, const struct op_event *ev)
{
	double *last = data;
	ck_assert(ev->percent >= *last);
	*last = ev->percent;
}

START_TEST(progress_never_goes_back_and_stops_when_asked)
{
	double last = 0;
	atomic_int stop = OP_RUN;
	struct op op;
	op_init(&op, keep_last, &last, &stop);
	op_begin(&op, "plan", 0, 10);
	ck_ok(op_tick(&op, 5, &err));
	op_begin(&op, "copy", 100, 90);
	ck_ok(op_tick(&op, 100, &err));
	ck_assert(last > 99);
	atomic_store(&stop, OP_STOP_CANCEL);
	{
		OP_COMMIT_SCOPE(&op);
		ck_ok(op_tick(&op, 100, &err));
	}
	ck_fails(op_tick(&op, 100, &err), ERR_CANCELED, NULL);
	atomic_store(&stop, OP_STOP_TIMEOUT);
	ck_fails(op_tick(&op, 100, &err), ERR_TIMEOUT, NULL);
	op_finish(&op);
	ck_assert(last == 100);
}
END_TEST

UNIT_MAIN("common", ranges_equal_a_bitmap, a_limited_set_grows_only_outward,
	utf16_keeps_every_character, text_of_a_disk_becomes_utf8, file_names_are_those_of_windows,
	guids_have_the_form_of_the_specification, json_is_strict_but_for_key_case,
	errors_say_where_and_the_way_out, progress_never_goes_back_and_stops_when_asked)
