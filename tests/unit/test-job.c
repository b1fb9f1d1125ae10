/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One job: what it shows as its worker reports, and as it ends. */
#include <string.h>

#include "job.h"
#include "mem.h"
#include "unit.h"

static struct job *new_job(void)
{
	struct job *job = NULL;
	struct job_request rq = {
		.type = xstrdup("export"),
		.disk = xstrdup("sdb"),
		.path = xstrdup("/dev/sdb"),
		.parameters = json_pack("{ss}", "password", "***"),
		.tags = json_pack("{si}", "a", 1),
		.ignored = json_pack("[s]", "platform"),
		.warnings = json_pack("[{ssss}]", "code", "smbn", "message", "read as smb"),
		.input = xstrdup("secret"),
	};
	ck_ok(job_new(&rq, 7, &job, &err));
	ck_assert_ptr_null(rq.input);
	return job;
}

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void progress(struct job *job, double percent, uint64_t done)
{
	struct worker_event ev = {.kind = WORKER_PROGRESS,
		.step = (char *)"copy",
		.percent = percent,
		.done = done,
		.total = 1000,
		.bytes_per_second = 10,
		.eta_seconds = 60};
	job_apply(job, &ev);
}

START_TEST(fresh)
{
	CLEANUP(job_free_p) struct job *job = new_job();
	CLEANUP_JSON json_t *o = job_resource(job);
	CLEANUP_FREE char *shown = jsonx_dump(o);
	struct guid id;
	ck_assert(guid_parse(text(o, "id"), &id));
	ck_assert_str_eq(text(o, "status"), "notStarted");
	ck_assert_str_eq(text(o, "type"), "export");
	ck_assert(json_is_true(json_object_get(o, "isCancellable")));
	ck_assert(json_is_null(json_object_get(o, "startTime")));
	ck_assert(json_is_null(json_object_get(o, "error")));
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(o, "ignoredFields"), 0)),
		"platform");
	const json_t *w = json_array_get(json_object_get(o, "warnings"), 0);
	ck_assert_str_eq(text(w, "code"), "smbn");
	ck_assert_ptr_null(strstr(shown, "secret"));
}
END_TEST

START_TEST(percent_never_goes_back)
{
	static const double said[] = {5, 20, 10, 400, -3, 99.9, 100, 0};
	static const unsigned shown[] = {5, 20, 20, 99, 99, 99, 99, 99};
	CLEANUP(job_free_p) struct job *job = new_job();
	job_start(job, job_now_us());
	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		progress(job, said[i], 100 * i);
		CLEANUP_JSON json_t *o = job_resource(job);
		ck_assert_int_eq(number(o, "overallProgressPercent"), shown[i]);
		ck_assert_int_eq(number(o, "bytesDone"), 100 * i);
	}
}
END_TEST

/* Only the copy counts bytes of the disk. */
START_TEST(other_steps_have_no_bytes)
{
	CLEANUP(job_free_p) struct job *job = new_job();
	struct worker_event ev = {.kind = WORKER_PROGRESS,
		.step = (char *)"map",
		.percent = 3,
		.done = 77,
		.total = 99,
		.eta_seconds = -1};
	job_start(job, job_now_us());
	job_apply(job, &ev);
	CLEANUP_JSON json_t *o = job_resource(job);
	ck_assert_int_eq(number(o, "bytesDone"), 0);
	ck_assert(json_is_null(json_object_get(o, "bytesTotal")));
	ck_assert_str_eq(text(o, "step"), "map");
}
END_TEST

START_TEST(complete)
{
	CLEANUP(job_free_p) struct job *job = new_job();
	CLEANUP_JSON json_t *result = json_pack(
		"{s{ss}sis[]}", "artifacts", "md5Hash", "x", "resumed", 1, "ignoredFields");
	job_start(job, job_now_us());
	progress(job, 100, 1000);
	json_t *end = job_resource_ended(job, JOB_COMPLETE, NULL, result, job_now_us());
	ck_assert_str_eq(text(end, "status"), "complete");
	/* Not shown to anybody yet. */
	CLEANUP_JSON json_t *before = job_resource(job);
	ck_assert_str_eq(text(before, "status"), "inProgress");
	ck_assert_int_eq(number(before, "overallProgressPercent"), 99);
	job_end(job, JOB_COMPLETE, end, job_now_us());
	CLEANUP_JSON json_t *o = job_resource(job);
	ck_assert_int_eq(number(o, "overallProgressPercent"), 100);
	ck_assert(json_is_false(json_object_get(o, "isCancellable")));
	ck_assert(json_is_null(json_object_get(o, "estimatedEndTime")));
	const json_t *info = json_object_get(o, "additionalInfo");
	ck_assert_str_eq(text(json_object_get(info, "artifacts"), "md5Hash"), "x");
	ck_assert(json_is_true(json_object_get(info, "completeWithWarnings")));
	ck_assert_ptr_null(json_object_get(info, "ignoredFields"));
	ck_assert_ptr_null(job->rq.input);
}
END_TEST

START_TEST(failed)
{
	CLEANUP(job_free_p) struct job *job = new_job();
	CLEANUP_ERR struct error *error = NULL;
	CLEANUP_FREE char *longer = xmalloc(1 << 20);
	memset(longer, 'e', 1 << 20);
	longer[(1 << 20) - 1] = '\0';
	err_set(&error, ERR_DISK_READ, "at 0x1000: %s", longer);
	job_start(job, job_now_us());
	job_end(job, JOB_FAILED, job_resource_ended(job, JOB_FAILED, error, NULL, job_now_us()),
		job_now_us());
	CLEANUP_JSON json_t *o = job_resource(job);
	const json_t *e = json_object_get(o, "error");
	ck_assert_str_eq(text(e, "code"), "disk-read");
	ck_assert_uint_lt(strlen(text(e, "message")), 20000);
	ck_assert(json_is_false(
		json_object_get(json_object_get(o, "additionalInfo"), "completeWithWarnings")));
	ck_assert_uint_lt(job->resource_size, 40000);
}
END_TEST

START_TEST(warnings_are_bounded_and_not_repeated)
{
	CLEANUP(job_free_p) struct job *job = new_job();
	CLEANUP_FREE char *longer = xmalloc(100000);
	memset(longer, 'w', 100000);
	longer[99999] = '\0';
	for (int i = 0; i < 1000; i++) {
		CLEANUP_FREE char *code = xasprintf("code-%d", i / 2);
		struct worker_event ev = {.kind = WORKER_WARNING, .code = code, .message = longer};
		job_apply(job, &ev);
	}
	struct worker_event again = {
		.kind = WORKER_WARNING, .code = (char *)"smbn", .message = (char *)"read as smb"};
	job_apply(job, &again);
	CLEANUP_JSON json_t *o = job_resource(job);
	CLEANUP_FREE char *shown = jsonx_dump(json_object_get(o, "warnings"));
	ck_assert_uint_lt(strlen(shown), 70000);
	ck_assert_uint_gt(strlen(shown), 50000);
	const json_t *list = json_object_get(o, "warnings");
	ck_assert_str_eq(text(json_array_get(list, 1), "code"), "code-0");
	ck_assert_str_eq(text(json_array_get(list, 2), "code"), "code-1");
}
END_TEST

/* A text that is cut is still UTF-8. */
START_TEST(cut_in_a_character)
{
	CLEANUP(job_free_p) struct job *job = new_job();
	for (size_t lead = 0; lead < 4; lead++) {
		CLEANUP_FREE char *message = xcalloc(1, 5000);
		memset(message, 'a', lead);
		for (size_t i = lead; i + 3 < 4000; i += 3)
			memcpy(message + i, "\xe2\x82\xac", 3);
		struct worker_event ev = {
			.kind = WORKER_WARNING, .code = (char *)"long", .message = message};
		job_apply(job, &ev);
	}
	CLEANUP_JSON json_t *o = job_resource(job);
	const json_t *list = json_object_get(o, "warnings");
	ck_assert_uint_eq(json_array_size(list), 5);
	for (size_t i = 1; i < 5; i++)
		ck_assert_uint_gt(strlen(text(json_array_get(list, i), "message")), 1990);
}
END_TEST

START_TEST(events_wrap)
{
	struct job_events e = {0};
	uint64_t last = 0;
	ck_assert_ptr_null(job_events_after(&e, 0, &last));
	for (int i = 1; i <= 1000; i++)
		job_events_add(&e, "progress", json_pack("{si}", "n", i));
	CLEANUP_FREE char *all = job_events_after(&e, 0, &last);
	ck_assert_uint_eq(last, 1000);
	ck_assert(strncmp(all, "id: 745\nevent: progress\ndata: {\"n\":745}\n\n", 41) == 0);
	CLEANUP_FREE char *tail = job_events_after(&e, 999, &last);
	ck_assert_str_eq(tail, "id: 1000\nevent: progress\ndata: {\"n\":1000}\n\n");
	ck_assert_ptr_null(job_events_after(&e, 1000, &last));
	job_events_done(&e);
	ck_assert_ptr_null(job_events_after(&e, 999, &last));
}
END_TEST

START_TEST(times)
{
	CLEANUP_JSON json_t *t = job_time(INT64_C(1700000000123456));
	ck_assert_str_eq(json_string_value(t), "2023-11-14T22:13:20.123Z");
	CLEANUP_JSON json_t *none = job_time(0);
	ck_assert(json_is_null(none));
}
END_TEST

UNIT_MAIN("job", fresh, percent_never_goes_back, other_steps_have_no_bytes, complete, failed,
	warnings_are_bounded_and_not_repeated, cut_in_a_character, events_wrap, times)
