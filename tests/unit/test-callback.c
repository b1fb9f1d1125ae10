/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is still to be told, and addresses; what happens on the wire: tests/integration/test-callback.sh. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enrolment.h"
#include "io.h"
#include "jsonx.h"
#include "mem.h"
#include "outbox.h"
#include "unit.h"

#define BOOT  "11111111-2222-4333-8444-555555555555"
#define OTHER "21111111-2222-4333-8444-555555555555"

static char jobs[256], state[256];

static void start(void)
{
	snprintf(jobs, sizeof(jobs), "%s/jobs", unit_tmp());
	snprintf(state, sizeof(state), "%s/state", unit_tmp());
	unit_must("rm -rf '%s' '%s'", jobs, state);
	unit_must("mkdir '%s'", jobs);
}

static const char *job_id(unsigned n)
{
	static char id[GUID_STRING_SIZE];
	snprintf(id, sizeof(id), "%08x-0000-4000-8000-000000000000", n);
	return id;
}

static void record(unsigned n, const char *text)
{
	CLEANUP_FREE char *dir = xasprintf("%s/%s", jobs, job_id(n));
	CLEANUP_FREE char *path = xasprintf("%s/job.json", dir);
	mkdir(dir, 0700);
	ck_ok(file_write_atomic(path, text, strlen(text), 0600, &err));
}

static void ended(unsigned n, unsigned at)
{
	CLEANUP_FREE char *text = xasprintf("{\"version\":1,\"seq\":%u,\"endedUs\":%u,\"job\":"
					    "{\"id\":\"%s\",\"status\":\"complete\"}}",
		n, at, job_id(n));
	record(n, text);
}

/* Under another id: no more bytes on the disk. */
static void same_record(unsigned n, unsigned of)
{
	CLEANUP_FREE char *dir = xasprintf("%s/%s", jobs, job_id(n));
	CLEANUP_FREE char *path = xasprintf("%s/job.json", dir);
	CLEANUP_FREE char *from = xasprintf("%s/%s/job.json", jobs, job_id(of));
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	ck_assert_int_eq(link(from, path), 0);
}

static struct outbox *open_outbox(const char *boot)
{
	struct outbox *o = NULL;
	ck_ok(outbox_open(jobs, state, boot, &o, &err));
	outbox_scan(o);
	return o;
}

/* Tells all there is; the numbers of the jobs, "ready " for that. */
static char *tell_all(struct outbox *o)
{
	char *said = xstrdup("");
	const struct outbox_event *e;
	while ((e = outbox_next(o))) {
		char *more = e->job ? xasprintf("%s%lu ", said, strtoul(e->id, NULL, 16))
				    : xasprintf("%sready ", said);
		free(said);
		said = more;
		ck_ok(outbox_told(o, &err));
	}
	return said;
}

static void check_told(struct outbox *o, const char *expected)
{
	CLEANUP_FREE char *said = tell_all(o);
	ck_assert_str_eq(said, expected);
}

START_TEST(in_the_order_of_their_ends)
{
	start();
	ended(1, 300);
	ended(2, 100);
	ended(3, 200);
	ended(5, 200);
	CLEANUP(outbox_free_p) struct outbox *o = open_outbox(BOOT);
	check_told(o, "2 3 5 1 ");
	ended(4, 50); /* recorded late: still told */
	outbox_scan(o);
	check_told(o, "4 ");
	outbox_scan(o);
	ck_assert_ptr_null(outbox_next(o));
}
END_TEST

START_TEST(once_over_restarts)
{
	start();
	ended(1, 100);
	ended(2, 200);
	struct outbox *o = open_outbox(BOOT);
	outbox_ready(o);
	ck_assert_str_eq(outbox_next(o)->name, "ready");
	ck_ok(outbox_told(o, &err));
	ck_assert_str_eq(outbox_next(o)->id, job_id(1));
	ck_ok(outbox_told(o, &err));
	outbox_free(o);
	o = open_outbox(BOOT);
	outbox_ready(o);
	check_told(o, "2 ");
	outbox_free(o);
	o = open_outbox(OTHER);
	ck_assert_ptr_null(outbox_next(o)); /* the agent does not answer yet */
	outbox_ready(o);
	outbox_ready(o);
	check_told(o, "ready ");
	outbox_free(o);
}
END_TEST

START_TEST(what_is_no_record)
{
	start();
	record(1, "{\"version\":1,\"seq\":1,\"endedUs\":0,\"job\":{}}");
	record(2, "{\"version\":1,\"seq\":1,\"endedUs\":5,\"job\":7}");
	record(3, "[");
	record(4, "");
	record(5, "{\"endedUs\":-5,\"job\":{}}");
	record(6, "{\"endedUs\":\"5\",\"job\":{}}");
	unit_must("cd '%s' && mkdir none ../x 0000000A-0000-4000-8000-000000000000 && "
		  "mkdir 0000000b-0000-4000-8000-000000000000 && rmdir ../x",
		jobs);
	CLEANUP(outbox_free_p) struct outbox *o = open_outbox(BOOT);
	ck_assert_ptr_null(outbox_next(o));
	ended(3, 9); /* its folder is there before it has ended */
	outbox_scan(o);
	check_told(o, "3 ");
}
END_TEST

START_TEST(a_damaged_state)
{
	static const char *const texts[] = {
		"", "[]", "{\"jobs\": 5}", "{\"jobs\": [1, \"x\"]}", "{"};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		start();
		ended(1, 100);
		unit_must(
			"mkdir '%s' && printf '%%s' '%s' >'%s/told.json'", state, texts[i], state);
		CLEANUP(outbox_free_p) struct outbox *o = open_outbox(BOOT);
		check_told(o, "1 ");
	}
	start();
	struct outbox *o = NULL;
	ck_fails(outbox_open(jobs, state, "boot", &o, &err), ERR_INTERNAL, "boot");
}
END_TEST

START_TEST(without_storage)
{
	start();
	ended(1, 100);
	ended(2, 200);
	CLEANUP(outbox_free_p) struct outbox *o = open_outbox(BOOT);
	unit_must("rm -r '%s'", state);
	ck_fails(outbox_told(o, &err), ERR_WRITE, "told.json");
	ck_assert_str_eq(outbox_next(o)->id, job_id(2)); /* not the first one again */
	outbox_scan(o);
	ck_assert_str_eq(outbox_next(o)->id, job_id(2));
}
END_TEST

START_TEST(a_long_message)
{
	start();
	char message[3000];
	memset(message, 'x', sizeof(message));
	memcpy(message + 1999, "\xc3\xa4", 2);
	message[2998] = message[2999] = '\0';
	CLEANUP_FREE char *text =
		xasprintf("{\"version\":1,\"seq\":1,\"endedUs\":1,\"job\":{\"error\":"
			  "{\"code\":\"x\",\"message\":\"%s\"}}}",
			message);
	record(1, text);
	CLEANUP(outbox_free_p) struct outbox *o = open_outbox(BOOT);
	const json_t *error = json_object_get(outbox_next(o)->job, "error");
	ck_assert_uint_eq(strlen(json_string_value(json_object_get(error, "message"))), 1999);
}
END_TEST

/* An appliance that is away for long: memory is bounded, and it goes on. */
START_TEST(thousands_of_jobs)
{
	start();
	ended(1, 100);
	for (unsigned i = 2; i <= OUTBOX_MAX + 5; i++)
		same_record(i, 1);
	CLEANUP(outbox_free_p) struct outbox *o = open_outbox(BOOT);
	for (unsigned n = 0; n < 3; n++) {
		ck_assert_ptr_nonnull(outbox_next(o));
		ck_ok(outbox_told(o, &err));
	}
}
END_TEST

START_TEST(addresses)
{
	static const struct {
		const char *url;
		unsigned port; /* 0: it is none */
	} rows[] = {
		{"https://appliance.example/ready", 443},
		{"https://192.0.2.7:8443", 8443},
		{"HTTPS://[2001:db8::1]:1/x?y=z&w=%20", 1},
		{"https://[::1]", 443},
		{"https://a?b", 443},
		{"https://a:65535/", 65535},
		{"https://a:65536/", 0},
		{"https://a:0/", 0},
		{"https://a:/", 0},
		{"https://a:-1/", 0},
		{"https://a:+1/", 0},
		{"https://a:18446744073709551617/", 0},
		{"https://a:443}; flush ruleset; {", 0},
		{"https://user:secret@a/", 0},
		{"https://a@b/", 0},
		{"https://a\\@b/", 0},
		{"https://a/#x", 0},
		{"https://a/ x", 0},
		{"https://a/\n", 0},
		{"https://\xc3\xa4/", 0},
		{"https:///x", 0},
		{"https://[::1/x", 0},
		{"https://[]/x", 0},
		{"https://[::1]x/", 0},
		{"https://", 0},
		{"http://a/", 0},
		{"ftp://a/", 0},
		{"", 0},
	};
	char longer[3000] = "https://a/";
	uint16_t port = 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].port) {
			ck_fails(callback_url_port(rows[i].url, &port, &err), ERR_ENROLMENT_INVALID,
				"callback.url");
			continue;
		}
		ck_ok(callback_url_port(rows[i].url, &port, &err));
		ck_assert_uint_eq(port, rows[i].port);
	}
	memset(longer + 10, 'x', sizeof(longer) - 11);
	ck_fails(callback_url_port(longer, &port, &err), ERR_ENROLMENT_INVALID, "too long");
}
END_TEST

UNIT_MAIN("callback", in_the_order_of_their_ends, once_over_restarts, what_is_no_record,
	a_damaged_state, without_storage, a_long_message, thousands_of_jobs, addresses)
