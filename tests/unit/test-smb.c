/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files on a share as they are meant to work; what the share holds is judged by cmp and the file system. */
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "io.h"
#include "mem.h"
#include "smb-tool.h"
#include "unit.h"

#define MAIN "smbd-main"

static void main_server(void)
{
	smb_server(MAIN, "");
}

static bool exists(const char *file)
{
	struct stat st;
	return stat(smb_served(MAIN, file), &st) == 0;
}

static void put(const char *file, const char *text)
{
	FILE *f = fopen(smb_served(MAIN, file), "we");
	ck_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void check_text(const char *file, const char *text)
{
	char *got = NULL;
	ck_ok(file_read(smb_served(MAIN, file), 1000, &got, NULL, &err));
	ck_assert_str_eq(got, text);
	free(got);
}

/* All blocks below n in an order that is not theirs. */
static void write_blocks(struct smb_case *c, struct sink *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ck_ok(smb_write_block(c, s, 0, (i * 7 + 3) % n, &err));
}

static void export_file(struct smb_case *c, unsigned n)
{
	struct sink *s;
	ck_ok(sink_open(&s, &c->o, &c->op, &err));
	ck_ok(sink_begin(s, n * SMB_BUF, false, &c->op, &err));
	write_blocks(c, s, n);
	ck_ok(sink_commit(s, &err));
	sink_close(s, false);
}

START_TEST(one_lane)
{
	struct smb_case c;
	main_server();
	smb_case_init(&c, MAIN, "one.vhdx");
	c.o.lanes = 1;
	unsigned before = smb_count_files(MAIN);
	export_file(&c, 19);
	smb_check_blocks(MAIN, "one.vhdx", 19);
	ck_assert_uint_eq(smb_count_files(MAIN), before + 1);
	smb_case_done(&c);
}
END_TEST

struct lane_job {
	struct smb_case *c;
	struct sink *sink;
	unsigned lane, n;
	struct error *err;
};

static void *run_lane(void *data)
{
	struct lane_job *j = data;
	for (unsigned i = j->lane; i < j->n && !j->err; i += 3)
		smb_write_block(j->c, j->sink, j->lane, (i * 11 + 5) % j->n, &j->err);
	return NULL;
}

START_TEST(three_lanes_at_once)
{
	struct smb_case c;
	struct sink *s;
	pthread_t threads[3];
	struct lane_job jobs[3];
	main_server();
	smb_case_init(&c, MAIN, "three.vhdx");
	c.o.lanes = 3;
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_assert_uint_eq(s->lanes, 3);
	ck_ok(sink_begin(s, 40 * SMB_BUF, false, &c.op, &err));
	for (unsigned i = 0; i < 3; i++) {
		jobs[i] = (struct lane_job){&c, s, i, 40, NULL};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run_lane, &jobs[i]), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_ptr_null(jobs[i].err);
	}
	ck_assert_uint_eq(s->breaks, 0);
	ck_ok(sink_commit(s, &err));
	sink_close(s, false);
	smb_check_blocks(MAIN, "three.vhdx", 40);
	smb_case_done(&c);
}
END_TEST

START_TEST(holes_read_as_zero)
{
	struct smb_case c;
	struct sink *s;
	main_server();
	smb_case_init(&c, MAIN, "holes.vhd");
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	/* An odd length, and odd pieces. */
	ck_ok(sink_begin(s, 10 * SMB_BUF + 511, false, &c.op, &err));
	uint8_t *buf = pool_buf(&c.pool, 3);
	memset(buf, 0xa5, 1000);
	ck_ok(sink_pwrite(s, 1, buf + 1, 999, 7 * SMB_BUF + 13, &err));
	memset(buf, 0xff, 5000);
	ck_ok(sink_pread(s, 0, buf, 5000, 7 * SMB_BUF, &err));
	ck_assert(mem_is_zero(buf, 13) && buf[13] == 0xa5 && buf[13 + 998] == 0xa5);
	ck_assert(mem_is_zero(buf + 13 + 999, 5000 - 13 - 999));
	ck_ok(sink_commit(s, &err));
	sink_close(s, false);
	struct stat st;
	ck_assert_int_eq(stat(smb_served(MAIN, "holes.vhd"), &st), 0);
	ck_assert_int_eq(st.st_size, 10 * SMB_BUF + 511);
	smb_case_done(&c);
}
END_TEST

START_TEST(names)
{
	/* As the server's folder shows them, and as an URL has them. */
	static const struct {
		const char *file, *url;
	} rows[] = {
		{"my disk (1).vhdx", "my%20disk%20(1).vhdx"},
		{"my disk 2.vhdx", "my disk 2.vhdx"},
		{"\u00fcml\u00e4ut \u65e5\u672c.vhd", "\u00fcml\u00e4ut \u65e5\u672c.vhd"},
		{"100%25 #1 & more;+@!.vhdx", "100%2525 #1 & more;+@!.vhdx"},
		{"it's $HOME `x`.vhdx", "it's $HOME `x`.vhdx"},
		{"deep/er/file.vhdx", "deep/er/file.vhdx"},
		{"a\u0308 folder/x.vhdx", "a\u0308%20folder/x.vhdx"},
	};
	struct smb_case c;
	main_server();
	mkdir(smb_served(MAIN, "deep"), 0755);
	mkdir(smb_served(MAIN, "deep/er"), 0755);
	mkdir(smb_served(MAIN, "a\u0308 folder"), 0755);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		smb_case_init(&c, MAIN, rows[i].url);
		export_file(&c, 2);
		ck_assert_msg(exists(rows[i].file), "\"%s\"", rows[i].file);
		smb_case_done(&c);
	}
}
END_TEST

START_TEST(long_name)
{
	struct smb_case c;
	char name[300];
	main_server();
	memset(name, 'n', 250);
	strcpy(name + 250, ".vhd");
	smb_case_init(&c, MAIN, name);
	export_file(&c, 1);
	ck_assert(exists(name));
	smb_case_done(&c);
}
END_TEST

START_TEST(ipv6)
{
	struct smb_case c;
	if (unit_run("grep -q ' lo$' /proc/net/if_inet6") != 0)
		unit_skip("no IPv6 on loopback");
	smb_server("smbd-v6", "global='interfaces = 127.0.0.1/8 ::1/128'");
	smb_case_init(&c, "smbd-v6", "x");
	snprintf(c.target, sizeof(c.target), "smb://[::1]:%u/images/v6.vhdx",
		smb_server_port("smbd-v6"));
	export_file(&c, 1);
	smb_check_blocks("smbd-v6", "v6.vhdx", 1);
	smb_case_done(&c);
	smb_server_do("smbd-v6", "stop");
}
END_TEST

START_TEST(existing_target)
{
	struct smb_case c;
	struct sink *s;
	main_server();
	smb_case_init(&c, MAIN, "exists.vhdx");
	put("exists.vhdx", "the old image");
	ck_fails(sink_open(&s, &c.o, &c.op, &err), ERR_TARGET_EXISTS, "exists.vhdx");
	check_text("exists.vhdx", "the old image");

	/* Replaced at the commit, and not before. */
	c.o.overwrite = true;
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_ok(sink_begin(s, 3 * SMB_BUF, false, &c.op, &err));
	write_blocks(&c, s, 3);
	check_text("exists.vhdx", "the old image");
	unsigned files = smb_count_files(MAIN);
	ck_ok(sink_commit(s, &err));
	sink_close(s, false);
	smb_check_blocks(MAIN, "exists.vhdx", 3);
	ck_assert_uint_eq(smb_count_files(MAIN), files - 2); /* partial, lock */

	/* Not committed: as it was. */
	put("exists.vhdx", "the old image");
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_ok(sink_begin(s, 3 * SMB_BUF, false, &c.op, &err));
	write_blocks(&c, s, 3);
	sink_close(s, false);
	check_text("exists.vhdx", "the old image");
	ck_assert_uint_eq(smb_count_files(MAIN), files - 2);
	smb_case_done(&c);
}
END_TEST

START_TEST(target_comes_up_meanwhile)
{
	struct smb_case c;
	struct sink *s;
	main_server();
	smb_case_init(&c, MAIN, "meanwhile.vhdx");
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_ok(sink_begin(s, SMB_BUF, false, &c.op, &err));
	write_blocks(&c, s, 1);
	put("meanwhile.vhdx", "somebody else's");
	ck_fails(sink_commit(s, &err), ERR_TARGET_EXISTS, "meanwhile.vhdx");
	check_text("meanwhile.vhdx", "somebody else's");
	sink_close(s, false);
	check_text("meanwhile.vhdx", "somebody else's");
	ck_assert(!exists("meanwhile.vhdx.ce-partial"));
	smb_case_done(&c);
}
END_TEST

/* The old image cannot be moved aside: a folder is where it would go. */
START_TEST(commit_that_fails_leaves_the_old_image)
{
	struct smb_case c;
	struct sink *s;
	main_server();
	smb_case_init(&c, MAIN, "keep.vhdx");
	put("keep.vhdx", "the old image");
	mkdir(smb_served(MAIN, "keep.vhdx.ce-old"), 0755);
	put("keep.vhdx.ce-old/file", "");
	c.o.overwrite = true;
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_ok(sink_begin(s, 2 * SMB_BUF, false, &c.op, &err));
	write_blocks(&c, s, 2);
	struct error *failed = NULL;
	ck_assert_int_lt(sink_commit(s, &failed), 0);
	err_free(failed);
	check_text("keep.vhdx", "the old image");
	ck_assert(exists("keep.vhdx.ce-partial"));
	/* And then it can, and the same sink is committed. */
	unlink(smb_served(MAIN, "keep.vhdx.ce-old/file"));
	rmdir(smb_served(MAIN, "keep.vhdx.ce-old"));
	ck_ok(sink_commit(s, &err));
	sink_close(s, false);
	smb_check_blocks(MAIN, "keep.vhdx", 2);
	smb_case_done(&c);
}
END_TEST

/* A commit that was killed between its renames. */
START_TEST(old_image_comes_back)
{
	struct smb_case c;
	struct sink *s;
	main_server();
	smb_case_init(&c, MAIN, "back.vhdx");
	put("back.vhdx.ce-old", "the old image");
	c.o.overwrite = true;
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_assert(!exists("back.vhdx"));
	ck_ok(sink_begin(s, 2 * SMB_BUF, false, &c.op, &err));
	check_text("back.vhdx", "the old image");
	write_blocks(&c, s, 2);
	ck_ok(sink_commit(s, &err));
	sink_close(s, false);
	smb_check_blocks(MAIN, "back.vhdx", 2);
	ck_assert(!exists("back.vhdx.ce-old"));
	smb_case_done(&c);
}
END_TEST

START_TEST(lengths_are_compared_at_the_commit)
{
	struct smb_case c;
	struct sink *s;
	main_server();
	smb_case_init(&c, MAIN, "short.vhdx");
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_ok(sink_begin(s, 2 * SMB_BUF, false, &c.op, &err));
	write_blocks(&c, s, 2);
	ck_assert_int_eq(truncate(smb_served(MAIN, "short.vhdx.ce-partial"), 1000), 0);
	ck_fails(sink_commit(s, &err), ERR_CHECK_FAILED, "1000 bytes");
	sink_close(s, false);
	ck_assert(!exists("short.vhdx") && !exists("short.vhdx.ce-partial"));
	smb_case_done(&c);
}
END_TEST

START_TEST(resume)
{
	struct smb_case c;
	struct sink *s;
	char *state = NULL;
	main_server();
	smb_case_init(&c, MAIN, "resume.vhdx");
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_assert_uint_eq(s->partial_size, 0);
	ck_ok(sink_state_read(s, &state, &err));
	ck_assert_ptr_null(state);
	ck_ok(sink_begin(s, 6 * SMB_BUF, false, &c.op, &err));
	for (unsigned i = 0; i < 3; i++)
		ck_ok(smb_write_block(&c, s, 0, i, &err));
	ck_ok(sink_state_write(s, "{\"first\":1}", &err));
	ck_ok(sink_state_write(s, "{\"second\":2}", &err));
	sink_close(s, true);
	ck_assert(exists("resume.vhdx.ce-partial") && exists("resume.vhdx.ce-state"));
	ck_assert(!exists("resume.vhdx.ce-lock") && !exists("resume.vhdx"));

	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_assert_uint_eq(s->partial_size, 6 * SMB_BUF);
	ck_ok(sink_state_read(s, &state, &err));
	ck_assert_str_eq(state, "{\"second\":2}");
	free(state);
	ck_ok(sink_begin(s, 6 * SMB_BUF, true, &c.op, &err));
	uint8_t *got = pool_buf(&c.pool, 1), *want = pool_buf(&c.pool, 2);
	for (unsigned i = 0; i < 3; i++) {
		ck_ok(sink_pread(s, 1, got, SMB_BUF, i * SMB_BUF, &err));
		smb_fill(want, i);
		ck_assert_mem_eq(got, want, SMB_BUF);
	}
	for (unsigned i = 3; i < 6; i++)
		ck_ok(smb_write_block(&c, s, 0, i, &err));
	ck_ok(sink_commit(s, &err));
	sink_close(s, false);
	smb_check_blocks(MAIN, "resume.vhdx", 6);
	ck_assert(!exists("resume.vhdx.ce-partial") && !exists("resume.vhdx.ce-state"));
	smb_case_done(&c);
}
END_TEST

START_TEST(state_large_and_torn)
{
	struct smb_case c;
	struct sink *s;
	char *state = NULL;
	main_server();
	smb_case_init(&c, MAIN, "state.vhdx");
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	ck_ok(sink_begin(s, SMB_BUF, false, &c.op, &err));
	size_t len = 3000001;
	CLEANUP_FREE char *text = xcalloc(1, len + 1);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + i % 23);
	ck_ok(sink_state_write(s, text, &err));
	ck_ok(sink_state_read(s, &state, &err));
	ck_assert_str_eq(state, text);
	free(state);
	/* As a crash of the server may leave it: no state, rather than half of one. */
	ck_assert_int_eq(truncate(smb_served(MAIN, "state.vhdx.ce-state"), 2000000), 0);
	ck_ok(sink_state_read(s, &state, &err));
	ck_assert_ptr_null(state);
	ck_assert_int_eq(truncate(smb_served(MAIN, "state.vhdx.ce-state"), 3), 0);
	ck_ok(sink_state_read(s, &state, &err));
	ck_assert_ptr_null(state);
	/* Between the two halves of a replacement there is only the new one. */
	ck_ok(sink_state_write(s, "new", &err));
	CLEANUP_FREE char *from = xstrdup(smb_served(MAIN, "state.vhdx.ce-state"));
	ck_assert_int_eq(rename(from, smb_served(MAIN, "state.vhdx.ce-state.new")), 0);
	ck_ok(sink_state_read(s, &state, &err));
	ck_assert_str_eq(state, "new");
	free(state);
	sink_close(s, false);
	ck_assert(!exists("state.vhdx.ce-state.new"));
	smb_case_done(&c);
}
END_TEST

START_TEST(one_exporter_at_a_time)
{
	struct smb_case a, b;
	struct sink *first, *second;
	main_server();
	smb_case_init(&a, MAIN, "busy.vhdx");
	smb_case_init(&b, MAIN, "busy.vhdx");
	ck_ok(sink_open(&first, &a.o, &a.op, &err));
	ck_ok(sink_open(&second, &b.o, &b.op, &err));
	ck_ok(sink_begin(first, 4 * SMB_BUF, false, &a.op, &err));
	write_blocks(&a, first, 4);
	ck_fails(sink_begin(second, 4 * SMB_BUF, false, &b.op, &err), ERR_TARGET_BUSY, NULL);
	/* Somebody whose lock file was taken from under him is still found out. */
	unlink(smb_served(MAIN, "busy.vhdx.ce-lock"));
	ck_fails(sink_begin(second, 4 * SMB_BUF, false, &b.op, &err), ERR_TARGET_BUSY, NULL);
	sink_close(second, false);
	ck_ok(sink_commit(first, &err));
	sink_close(first, false);
	smb_check_blocks(MAIN, "busy.vhdx", 4);
	smb_case_done(&a);
	smb_case_done(&b);
}
END_TEST

/* A server that refuses what is unsigned or unencrypted, and one that cannot encrypt. */
START_TEST(signing_and_encryption)
{
	struct smb_case c;
	struct sink *s;
	smb_server("smbd-strict", "encrypt=required");
	for (int required = 0; required <= 1; required++) {
		smb_case_init(&c, "smbd-strict", required ? "enc1.vhdx" : "enc0.vhdx");
		c.o.encrypt = required;
		export_file(&c, 2);
		smb_check_blocks("smbd-strict", required ? "enc1.vhdx" : "enc0.vhdx", 2);
		smb_case_done(&c);
	}
	smb_server_do("smbd-strict", "stop");

	/* One that leaves it to the client. */
	main_server();
	smb_case_init(&c, MAIN, "asked.vhdx");
	c.o.encrypt = true;
	ck_ok(sink_open(&s, &c.o, &c.op, &err));
	CLEANUP_FREE char *status = xasprintf(
		"smbstatus --configfile='%s/../smb.conf' 2>/dev/null | grep -q 'images.*AES.*AES'",
		smb_served(MAIN, ""));
	ck_assert_int_eq(unit_run("%s", status), 0);
	sink_close(s, false);
	smb_case_done(&c);

	smb_server("smbd-plain", "encrypt=off");
	smb_case_init(&c, "smbd-plain", "plain.vhdx");
	export_file(&c, 2);
	smb_check_blocks("smbd-plain", "plain.vhdx", 2);
	c.o.encrypt = true;
	c.o.overwrite = true;
	ck_fails(sink_open(&s, &c.o, &c.op, &err), ERR_SHARE_PROTOCOL, NULL);
	smb_case_done(&c);
	smb_server_do("smbd-plain", "stop");
}
END_TEST

START_TEST(stop_server)
{
	main_server();
	smb_server_do(MAIN, "stop");
}
END_TEST

UNIT_MAIN("smb", one_lane, three_lanes_at_once, holes_read_as_zero, names, long_name, ipv6,
	existing_target, target_comes_up_meanwhile, commit_that_fails_leaves_the_old_image,
	old_image_comes_back, lengths_are_compared_at_the_commit, resume, state_large_and_torn,
	one_exporter_at_a_time, signing_and_encryption, stop_server)
