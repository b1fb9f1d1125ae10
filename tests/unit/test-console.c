/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "console-screen.h"
#include "jsonx.h"
#include "mem.h"
#include "unit.h"

static json_t *json(const char *text)
{
	json_t *o = NULL;
	ck_ok(jsonx_parse(text, strlen(text), &o, &err));
	return o;
}

/* Every screen is 80 columns by 24 lines of printable ASCII at most. */
static char *checked(const struct screen *s)
{
	char *text = screen_text(s);
	size_t column = 0, lines = 1;
	for (const char *p = text; *p; p++) {
		if (*p == '\n') {
			lines++;
			column = 0;
			continue;
		}
		ck_assert(*p >= 0x20 && *p < 0x7f);
		ck_assert_uint_le(++column, SCREEN_COLUMNS);
	}
	ck_assert_uint_le(lines, SCREEN_LINES);
	return text;
}

START_TEST(nothing_is_known_yet)
{
	const struct screen s = {.version = "0.1.0", .host_name = "ce"};
	CLEANUP_FREE char *text = checked(&s);
	ck_assert_ptr_nonnull(strstr(text, "none yet"));
	ck_assert_ptr_nonnull(strstr(text, "being looked for"));
	ck_assert_ptr_nonnull(strstr(text, "not running"));
}
END_TEST

START_TEST(a_job_runs)
{
	static const char *const addresses[] = {"192.0.2.5 (eth0)", "2001:db8::5 (eth0)", NULL};
	CLEANUP_JSON json_t *id =
		json("{\"source\": \"config-drive\", \"fingerprint\": \"SHA256:"
		     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}");
	CLEANUP_JSON json_t *agent = json(
		"{\"port\": 443, \"jobs\": [{\"type\": \"export\", \"disk\": \"sdb\", \"step\": "
		"\"copy\", \"overallProgressPercent\": 50, \"bytesPerSecond\": 524288000}], "
		"\"lastError\": {\"message\": \"the share is full\"}}");
	const struct screen s = {.version = "0.1.0",
		.host_name = "ce",
		.addresses = addresses,
		.identity = id,
		.agent = agent};
	CLEANUP_FREE char *text = checked(&s);
	ck_assert_ptr_nonnull(strstr(text, "192.0.2.5 (eth0)"));
	ck_assert_ptr_nonnull(strstr(text, "0123456789abcdef0123456789abcdef"));
	ck_assert_ptr_nonnull(strstr(text, "[####################....................]  50 %"));
	ck_assert_ptr_nonnull(strstr(text, "500 MiB/s"));
	ck_assert_ptr_nonnull(strstr(text, "the share is full"));
}
END_TEST

/* What a stranger wrote must not move the cursor, nor push the rest off the screen. */
START_TEST(hostile_texts)
{
	char message[3000] = "\x1b[2J\r\n\x9b ";
	memset(message + 7, 'x', sizeof(message) - 8);
	CLEANUP_JSON json_t *id = json_object(), *agent = json_object();
	jsonx_set(id, "problem", json_pack("{s:s}", "message", "caf\xc3\xa9 \x1b]0;x\x07"));
	jsonx_set_string(id, "pairingCode", "ABCDE-FGHJK");
	jsonx_set(agent, "lastError",
		json_pack("{s:o}", "message", json_stringn_nocheck(message, 2999)));
	jsonx_set(agent, "jobs",
		json_pack("[{s:f},{s:s},i]", "overallProgressPercent", 1e300, "disk", "\n\n\n", 7));
	const struct screen s = {
		.version = "0.1.0", .host_name = "h\x1b", .identity = id, .agent = agent};
	CLEANUP_FREE char *text = checked(&s);
	ck_assert_ptr_nonnull(strstr(text, "ABCDE-FGHJK"));
	ck_assert_ptr_nonnull(strstr(text, "[....") ?: strstr(text, "[####"));
	ck_assert_ptr_nonnull(strstr(text, "diagnostics --output"));
}
END_TEST

/* Many adapters, long addresses, four jobs, an error of pages: everything keeps its place. */
START_TEST(everything_at_once)
{
	static const char *const addresses[] = {"192.0.2.5 (enp0s31f6)",
		"2001:db8:1234:5678:9abc:def0:1234:5678 (enx525400123456)", "192.0.2.6 (b)",
		"192.0.2.7 (c)", "192.0.2.8 (d)", NULL};
	CLEANUP_JSON json_t *id =
		json("{\"source\": \"vmware-guestinfo\", \"fingerprint\": \"SHA256:"
		     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}");
	CLEANUP_JSON json_t *agent =
		json("{\"port\": 443, \"stateInMemory\": true, \"jobs\": ["
		     "{\"type\": \"export\", \"disk\": \"sdb\", \"step\": \"copy\", "
		     "\"bytesPerSecond\": 524288000},"
		     "{\"type\": \"export\"}, {\"type\": \"prepare\"}, {}]}");
	char message[2000] = "";
	for (int i = 0; i < 150; i++)
		strcat(message, "long words ");
	jsonx_set(agent, "lastError",
		json_pack("{s:s,s:s}", "message", message, "code", "share-lost"));
	CLEANUP_JSON json_t *callback = json_object();
	jsonx_set(callback, "problem", json_pack("{s:s}", "message", message));
	const struct screen s = {.version = "0.1.0",
		.host_name = "ce",
		.addresses = addresses,
		.identity = id,
		.agent = agent,
		.callback = callback};
	CLEANUP_FREE char *text = checked(&s);
	static const char *const parts[] = {"CE Agent 0.1.0", "192.0.2.5 (enp0s31f6)",
		"2001:db8:1234:5678:9abc:def0:1234:5678 (enx525400123456)\n", "and 2 more\n",
		"SHA256:0123456789abcdef0123456789abcdef\n", "job           export of sdb: copy",
		"[........................................]   0 %\n", "and 3 more\n",
		"last error    [share-lost] long words", "words ...\n", "callback      long words",
		"500 MiB/s", "state         in memory only", "diagnostics --output FILE"};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		ck_assert_msg(strstr(text, parts[i]), "\"%s\" in:\n%s", parts[i], text);
}
END_TEST

/* Nothing works: the screen says why, each time, and how to get in. */
START_TEST(no_network_no_document)
{
	CLEANUP_JSON json_t *id =
		json("{\"source\": null, \"fingerprint\": \"SHA256:"
		     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
		     "\"pairingCode\": \"ABCDE-FGHJK\"}");
	jsonx_set(id, "problem",
		json_pack("{s:s}", "message",
			"config-drive: \"server.key\" does not belong to \"server.certificate\" and this goes on for a while"));
	const struct screen s = {.version = "0.1.0",
		.host_name = "ce",
		.no_address = "enp0s3 has no link",
		.identity = id};
	CLEANUP_FREE char *text = checked(&s);
	static const char *const parts[] = {"none yet: enp0s3 has no link\n",
		"pairing code  ABCDE-FGHJK",
		"PROBLEM       config-drive: ", "agent         not running",
		"no enrolment document", "diagnostics --output FILE"};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		ck_assert_msg(strstr(text, parts[i]), "\"%s\" in:\n%s", parts[i], text);
}
END_TEST

UNIT_MAIN("console", nothing_is_known_yet, a_job_runs, hostile_texts, everything_at_once,
	no_network_no_document)
