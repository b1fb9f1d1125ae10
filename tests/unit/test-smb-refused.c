/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Refusals, each with its own code. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "io.h"
#include "mem.h"
#include "smb-tool.h"
#include "unit.h"

#define MAIN "smbd-refused"
#define SIZE "96m"

static void main_server(void)
{
	smb_server(MAIN, "size=" SIZE);
}

static bool exists(const char *file)
{
	struct stat st;
	return stat(smb_served(MAIN, file), &st) == 0;
}

START_TEST(refused_at_open)
{
	static const struct {
		const char *user, *password, *share, *path;
		enum err_code code;
	} rows[] = {
		{SMB_USER, "wrong", "images", "x", ERR_SHARE_LOGIN},
		{SMB_USER, "", "images", "x", ERR_SHARE_LOGIN},
		{SMB_USER, "secret-1", "images", "x", ERR_SHARE_LOGIN},
		{"nobody-knows", SMB_PASSWORD, "images", "x", ERR_SHARE_LOGIN},
		{NULL, NULL, "images", "x", ERR_SHARE_ACCESS},
		{SMB_USER, SMB_PASSWORD, "nosuch", "x", ERR_SHARE_NOT_FOUND},
		{SMB_USER, SMB_PASSWORD, "denied", "x", ERR_SHARE_ACCESS},
		{SMB_USER, SMB_PASSWORD, "images", "nofolder/x", ERR_SHARE_NOT_FOUND},
		{SMB_USER, SMB_PASSWORD, "images", "no/such/folder/x", ERR_SHARE_NOT_FOUND},
		{SMB_USER, SMB_PASSWORD, "images", "file/x", ERR_SHARE_NOT_FOUND},
		{SMB_USER, SMB_PASSWORD, "images", "folder", ERR_INVALID_ARGUMENT},
		{NULL, "password", "images", "x", ERR_INVALID_ARGUMENT},
	};
	struct smb_case c;
	main_server();
	mkdir(smb_served(MAIN, "folder"), 0755);
	close(creat(smb_served(MAIN, "file"), 0644));
	smb_case_init(&c, MAIN, "");
	unsigned files = smb_count_files(MAIN);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sink *s;
		c.o.user = rows[i].user;
		c.o.password = rows[i].password;
		smb_case_target(&c, MAIN, rows[i].share, rows[i].path);
		ck_fails(sink_open(&s, &c.o, &c.op, &err), rows[i].code, NULL);
	}
	ck_assert_uint_eq(smb_count_files(MAIN), files);
	smb_case_done(&c);
}
END_TEST

START_TEST(refused_at_begin)
{
	struct smb_case c;
	struct sink *s;
	main_server();
	smb_case_init(&c, MAIN, "");
	smb_case_target(&c, MAIN, "readonly", "x.vhdx");
	unsigned files = smb_count_files(MAIN);
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_fails(sink_begin(s, SMB_BUF, false, &c.op, &err), ERR_SHARE_ACCESS, "x.vhdx");
	sink_close(s, false);
	ck_assert_uint_eq(smb_count_files(MAIN), files);
	smb_case_done(&c);
}
END_TEST

START_TEST(unreachable)
{
	struct smb_case c;
	struct sink *s;
	main_server();
	smb_case_init(&c, MAIN, "x");
	snprintf(c.target, sizeof(c.target), "smb://127.0.0.1:1/images/x");
	ck_fails(sink_open(&s, &c.o, &c.op, &err), ERR_SHARE_UNREACHABLE, "refused");
	snprintf(c.target, sizeof(c.target), "smb://no-such-host.invalid/images/x");
	ck_fails(sink_open(&s, &c.o, &c.op, &err), ERR_SHARE_UNREACHABLE, NULL);
	smb_case_done(&c);
}
END_TEST

/* Something listens, and it is no SMB server. */
START_TEST(not_smb)
{
	struct smb_case c;
	struct sink *s;
	main_server();
	smb_case_init(&c, MAIN, "x");
	ck_assert_int_eq(unit_run("for i in 1 2 3 4 5 6 7 8; do p=$((21000 + $$ %% 9000 + i)); "
				  "(timeout 20 openssl s_server -nocert -cipher aNULL -port $p "
				  "</dev/null >/dev/null 2>&1 & echo $! >'%s/pid'); sleep 0.3; "
				  "kill -0 $(cat '%s/pid') 2>/dev/null && { echo $p >'%s/port'; "
				  "exit 0; }; done; exit 1",
				 unit_tmp(), unit_tmp(), unit_tmp()),
		0);
	char *port = NULL;
	CLEANUP_FREE char *path = xasprintf("%s/port", unit_tmp());
	ck_ok(file_read(path, 100, &port, NULL, &err));
	snprintf(c.target, sizeof(c.target), "smb://127.0.0.1:%d/images/x", atoi(port));
	free(port);
	ck_fails(sink_open(&s, &c.o, &c.op, &err), ERR_SHARE_UNREACHABLE, NULL);
	unit_run("kill $(cat '%s/pid')", unit_tmp());
	smb_case_done(&c);
}
END_TEST

/* A server that takes whom it does not know for a guest: nobody who gave a name is a guest. */
START_TEST(no_guest_for_a_user)
{
	struct smb_case c;
	struct sink *s;
	smb_server("smbd-guest",
		"global='map to guest = bad password' line='guest ok = yes' encrypt=off");
	smb_case_init(&c, "smbd-guest", "x");
	c.o.password = "wrong";
	struct error *failed = NULL;
	ck_assert_int_lt(sink_open(&s, &c.o, &c.op, &failed), 0);
	ck_assert_msg(failed->code == ERR_SHARE_LOGIN || failed->code == ERR_SHARE_ACCESS, "%s",
		failed->message);
	err_free(failed);
	smb_case_done(&c);
	smb_server_do("smbd-guest", "stop");
}
END_TEST

START_TEST(anonymous)
{
	struct smb_case c;
	struct sink *s;
	main_server();
	smb_case_init(&c, MAIN, "");
	smb_case_target(&c, MAIN, "public", "anonymous.vhdx");
	c.o.user = c.o.password = NULL;
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_ok(sink_begin(s, SMB_BUF, false, &c.op, &err));
	ck_ok(smb_write_block(&c, s, 0, 0, &err));
	ck_ok(sink_commit(s, &err));
	sink_close(s, false);
	smb_check_blocks(MAIN, "anonymous.vhdx", 1);
	unlink(smb_served(MAIN, "anonymous.vhdx"));
	smb_case_done(&c);
}
END_TEST

START_TEST(passwords)
{
	static const char *const rows[] = {
		" ",
		" leading and trailing ",
		"\"double\" 'single' `back`",
		"back\\slash\\",
		"%00%20%s%n%x",
		"$HOME $(id) ; rm -rf x & | <>",
		"smb://user:pass@host/?a=b#c",
		"p\u00e4ssw\u00f6rd \u20ac \u65e5\u672c\u8a9e",
		"tab\there",
		"comma,semi;colon:at@star*",
		"0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
		"234567890123456789012345678901234567890123456",
	};
	struct smb_case c;
	main_server();
	smb_case_init(&c, MAIN, "password.vhdx");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sink *s;
		smb_server_set_password(MAIN, rows[i]);
		c.o.password = rows[i];
		struct error *failed = NULL;
		ck_assert_msg(sink_open(&s, &c.o, &c.op, &failed) == 0, "password %zu: %s", i,
			failed->message);
		sink_close(s, false);
	}
	smb_server_set_password(MAIN, SMB_PASSWORD);
	struct sink *s;
	char long_password[400];
	memset(long_password, 'x', 300);
	long_password[300] = '\0';
	c.o.password = long_password;
	ck_fails(sink_open(&s, &c.o, &c.op, &err), ERR_INVALID_ARGUMENT, "300 bytes");
	smb_case_done(&c);
}
END_TEST

/* Without a password there is no key, and without a key no signature. */
START_TEST(account_without_password)
{
	struct smb_case c;
	struct sink *s;
	main_server();
	smb_case_init(&c, MAIN, "empty.vhdx");
	c.o.password = NULL;
	smb_server_set_password(MAIN, "");
	struct error *failed = NULL;
	int rc = sink_open(&s, &c.o, &c.op, &failed);
	smb_server_set_password(MAIN, SMB_PASSWORD);
	ck_assert_int_lt(rc, 0);
	ck_assert_msg(failed->code == ERR_SHARE_PROTOCOL, "%s", failed->message);
	err_free(failed);
	smb_case_done(&c);
}
END_TEST

/* Windows' way to write user and domain in one, too. */
START_TEST(domains)
{
	struct smb_case c;
	struct sink *s;
	main_server();
	smb_case_init(&c, MAIN, "domain.vhdx");
	static const char *const users[] = {SMB_USER, "TESTSMBD\\" SMB_USER, "EXPORTER"};
	for (size_t i = 0; i < ARRAY_SIZE(users); i++)
		for (int j = 0; j < 2; j++) {
			c.o.user = users[i];
			c.o.domain = j ? "TESTSMBD" : NULL;
			ck_ok(sink_open(&s, &c.o, &c.op, &err));
			sink_close(s, false);
		}
	smb_case_done(&c);
}
END_TEST

START_TEST(no_room_at_open)
{
	struct smb_case c;
	struct sink *s;
	main_server();
	smb_case_init(&c, MAIN, "large.vhdx");
	c.o.need_bytes = UINT64_C(200) << 20;
	ck_fails(sink_open(&s, &c.o, &c.op, &err), ERR_NO_SPACE, "209715200");
	c.o.need_bytes = UINT64_C(50) << 20;
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	sink_close(s, false);
	smb_case_done(&c);
}
END_TEST

START_TEST(full_half_way)
{
	struct smb_case c;
	struct sink *s;
	struct error *failed = NULL;
	main_server();
	smb_case_init(&c, MAIN, "full.vhdx");
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_ok(sink_begin(s, 200 * SMB_BUF, false, &c.op, &err));
	unsigned i = 0;
	int64_t start = op_now_us();
	while (i < 200 && smb_write_block(&c, s, 0, i, &failed) == 0)
		i++;
	ck_assert_ptr_nonnull(failed);
	ck_assert_msg(failed->code == ERR_NO_SPACE, "%s", failed->message);
	ck_assert_uint_gt(i, 50);
	ck_assert_int_lt(op_now_us() - start, 20 * 1000000);
	err_free(failed);
	sink_close(s, false);
	ck_assert(!exists("full.vhdx.ce-partial") && !exists("full.vhdx"));
	smb_case_done(&c);
}
END_TEST

START_TEST(stop_server)
{
	main_server();
	smb_server_do(MAIN, "stop");
}
END_TEST

UNIT_MAIN("smb-refused", refused_at_open, refused_at_begin, unreachable, not_smb,
	no_guest_for_a_user, anonymous, passwords, account_without_password, domains,
	no_room_at_open, full_half_way, stop_server)
