/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "jsonx.h"
#include "mem.h"
#include "pairing.h"
#include "unit.h"

static char dir[256], cert[300], key[300];
static struct enrolment own;

static char *read_text(const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	char *text = NULL;
	size_t len;
	ck_ok(file_read(path, 1 << 20, &text, &len, &err));
	return text;
}

static bool exists(const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static struct pairing *open_again(void)
{
	struct pairing *p = NULL;
	ck_ok(pairing_open(dir, cert, key, &p, &err));
	return p;
}

static struct pairing *setup(void)
{
	snprintf(dir, sizeof(dir), "%s/run", unit_tmp());
	snprintf(cert, sizeof(cert), "%s/own.pem", dir);
	snprintf(key, sizeof(key), "%s/own.key", dir);
	unit_run("rm -rf '%s'", dir);
	ck_ok(enrolment_self_signed(&own, "ce", &err));
	ck_ok(identity_write(dir, NULL, own.certificate, "ABCDE-FGH23", NULL, &err));
	ck_ok(enrolment_write_unpaired(&own, dir, &err));
	return open_again();
}

/* {"code": code, "enrolment": {…}}; extra: more members of the document. */
static char *body(const char *code, const char *extra)
{
	CLEANUP_FREE char *ca = NULL;
	CLEANUP_JSON json_t *text = json_string(own.certificate);
	ca = json_dumps(text, JSON_ENCODE_ANY);
	return xasprintf("{\"code\": \"%s\", \"enrolment\": {\"version\": 1, \"clientCa\": %s%s}}",
		code, ca, extra);
}

static int attempt(
	struct pairing *p, const char *code, const char *extra, char **ret, struct error **err)
{
	CLEANUP_FREE char *text = body(code, extra);
	return pairing_try(p, text, strlen(text), ret, err);
}

START_TEST(the_right_code)
{
	static const char *const codes[] = {"ABCDE-FGH23", "abcdefgh23", "abcde fgh23"};
	for (size_t i = 0; i < 3; i++) {
		CLEANUP(pairing_free_p) struct pairing *p = setup();
		CLEANUP_FREE char *fingerprint = NULL, *is = NULL;
		ck_ok(attempt(p, codes[i], "", &fingerprint, &err));
		ck_ok(certificate_fingerprint(own.certificate, &is, &err));
		ck_assert_str_eq(fingerprint, is);
		/* the machine's own certificate stays: whoever paired has seen it */
		CLEANUP_FREE char *server = read_text("server.pem"),
				  *config = read_text("agent.json"),
				  *identity = read_text("identity.json");
		ck_assert_str_eq(server, own.certificate);
		ck_assert(strstr(config, "client-ca") && !strstr(config, "pairing"));
		ck_assert(strstr(identity, "\"pairing\"") && !strstr(identity, "ABCDE"));
	}
}
END_TEST

START_TEST(five_wrong_codes)
{
	CLEANUP(pairing_free_p) struct pairing *p = setup();
	char *f = NULL;
	static const char *const wrong[] = {
		"ABCDE-FGH22", "", "ABCDE-FGH23X", "BBCDE-FGH23", "AAAAAAAAAA"};
	for (int i = 0; i < 4; i++)
		ck_fails(attempt(p, wrong[i], "", &f, &err), ERR_PAIRING_CODE, "is wrong");
	ck_fails(attempt(p, wrong[4], "", &f, &err), ERR_PAIRING_LOCKED, "5 wrong codes");
	ck_fails(attempt(p, "ABCDE-FGH23", "", &f, &err), ERR_PAIRING_LOCKED, "5 wrong codes");
	/* an agent that was started again remembers */
	CLEANUP(pairing_free_p) struct pairing *again = open_again();
	ck_fails(attempt(again, "ABCDE-FGH23", "", &f, &err), ERR_PAIRING_LOCKED, "5 wrong codes");
	ck_assert(!f && !exists("server.pem"));
}
END_TEST

START_TEST(four_wrong_codes_and_the_right_one)
{
	CLEANUP(pairing_free_p) struct pairing *p = setup();
	CLEANUP_FREE char *f = NULL;
	for (int i = 0; i < 4; i++) {
		CLEANUP(pairing_free_p) struct pairing *other = open_again();
		ck_fails(attempt(other, "AAAAA-AAAAA", "", &f, &err), ERR_PAIRING_CODE, NULL);
	}
	pairing_free(p);
	p = open_again();
	ck_ok(attempt(p, "ABCDE-FGH23", "", &f, &err));
}
END_TEST

/* Who cannot be counted is not heard again. */
START_TEST(tries_that_cannot_be_counted)
{
	CLEANUP(pairing_free_p) struct pairing *p = setup();
	char *f = NULL;
	unit_run("mkdir '%s/pairing-tries'", dir);
	ck_fails(attempt(p, "AAAAA-AAAAA", "", &f, &err), ERR_WRITE, NULL);
	ck_fails(attempt(p, "ABCDE-FGH23", "", &f, &err), ERR_PAIRING_LOCKED, NULL);
	CLEANUP(pairing_free_p) struct pairing *again = open_again();
	ck_fails(attempt(again, "ABCDE-FGH23", "", &f, &err), ERR_PAIRING_LOCKED, NULL);
	ck_assert_ptr_null(f);
}
END_TEST

START_TEST(damaged_requests)
{
	CLEANUP(pairing_free_p) struct pairing *p = setup();
	char *f = NULL;
	static const struct {
		const char *body;
		enum err_code code;
	} cases[] = {{"", ERR_NOT_JSON}, {"{", ERR_NOT_JSON}, {"[]", ERR_NOT_JSON},
		{"{}", ERR_MISSING_FIELD}, {"{\"code\": \"ABCDE-FGH23\"}", ERR_MISSING_FIELD},
		{"{\"code\": 1, \"enrolment\": {}}", ERR_MISSING_FIELD},
		{"{\"code\": \"ABCDE-FGH23\", \"enrolment\": {}, \"x\": 1}", ERR_UNKNOWN_FIELD},
		{"{\"code\": \"ABCDE-FGH23\", \"enrolment\": {}}", ERR_ENROLMENT_INVALID}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_fails(pairing_try(p, cases[i].body, strlen(cases[i].body), &f, &err),
			cases[i].code, NULL);
	/* with a wrong code nobody learns whether the document is good */
	ck_fails(attempt(p, "AAAAA-AAAAA", ", \"x\": 1", &f, &err), ERR_PAIRING_CODE, "4 more");
	ck_fails(attempt(p, "ABCDE-FGH23", ", \"x\": 1", &f, &err), ERR_ENROLMENT_INVALID, "\"x\"");
	ck_fails(attempt(p, "ABCDE-FGH23", ", \"network\": {\"interfaces\": [{\"dhcp\": true}]}",
			 &f, &err),
		ERR_ENROLMENT_INVALID, "network");
	ck_assert(!f && !exists("server.pem"));
	CLEANUP_FREE char *config = read_text("agent.json");
	ck_assert_ptr_nonnull(strstr(config, "\"pairing\""));
	/* none of these counted but the wrong code */
	ck_fails(attempt(p, "AAAAA-AAAAA", "", &f, &err), ERR_PAIRING_CODE, "3 more");
}
END_TEST

START_TEST(no_code)
{
	CLEANUP(pairing_free_p) struct pairing *p = setup(), *q = NULL;
	ck_ok(identity_write(dir, "config-drive", own.certificate, NULL, NULL, &err));
	ck_fails(pairing_open(dir, cert, key, &q, &err), ERR_INVALID_ARGUMENT, "no pairing code");
	ck_ok(identity_write(dir, NULL, own.certificate, "ABC", NULL, &err));
	ck_fails(pairing_open(dir, cert, key, &q, &err), ERR_INVALID_ARGUMENT, "no pairing code");
}
END_TEST

UNIT_MAIN("pairing", the_right_code, five_wrong_codes, four_wrong_codes_and_the_right_one,
	tries_that_cannot_be_counted, damaged_requests, no_code)
