/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smb-tool.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "mem.h"
#include "unit.h"

#define TOOL "SMBD_OWNER=%d bash " SMBD_SH

/* check forks a process for each case: the servers belong to the one they have in common. */
static int owner(void)
{
	return (int)getppid();
}

static const char *server_dir(const char *name)
{
	static char path[256];
	snprintf(path, sizeof(path), "%s/%s", unit_tmp(), name);
	return path;
}

void smb_server(const char *name, const char *options)
{
	struct stat st;
	if (unit_run("bash " SMBD_SH " available") != 0)
		unit_skip("smbd cannot be started here (root and the package samba needed)");
	CLEANUP_FREE char *pid = xasprintf("%s/pid", server_dir(name));
	if (stat(pid, &st) == 0)
		return;
	ck_assert_int_eq(unit_run(TOOL " start '%s' %s", owner(), server_dir(name), options), 0);
}

void smb_server_do(const char *name, const char *verb)
{
	ck_assert_int_eq(unit_run(TOOL " %s '%s'", owner(), verb, server_dir(name)), 0);
}

void smb_server_set_password(const char *name, const char *password)
{
	ck_assert_int_eq(setenv("SMB_TEST_PASSWORD", password, 1), 0);
	ck_assert_int_eq(unit_run("bash " SMBD_SH " set_password '%s' \"$SMB_TEST_PASSWORD\"",
				 server_dir(name)),
		0);
	unsetenv("SMB_TEST_PASSWORD");
}

unsigned smb_server_port(const char *name)
{
	unsigned port = 0;
	CLEANUP_FREE char *path = xasprintf("%s/port", server_dir(name));
	CLEANUP_FCLOSE FILE *f = fopen(path, "re");
	ck_assert(f && fscanf(f, "%u", &port) == 1);
	return port;
}

const char *smb_served(const char *name, const char *file)
{
	static char path[1024];
	snprintf(path, sizeof(path), "%s/share/%s", server_dir(name), file);
	return path;
}

void smb_case_target(
	struct smb_case *c, const char *server, const char *share, const char *path_encoded)
{
	snprintf(c->target, sizeof(c->target), "smb://127.0.0.1:%u/%s/%s", smb_server_port(server),
		share, path_encoded);
}

void smb_case_init(struct smb_case *c, const char *server, const char *file)
{
	memset(c, 0, sizeof(*c));
	op_init(&c->op, NULL, NULL, &c->stop);
	ck_ok(pool_init(&c->pool, SMB_BUFS, SMB_BUF, &err));
	ck_ok(smb_starter_new(&c->starter, SMB_WRITER_HELPER, &err));
	smb_case_target(c, server, "images", file);
	c->o = (struct sink_options){
		.target = c->target,
		.user = SMB_USER,
		.password = SMB_PASSWORD,
		.smb_starter = c->starter,
		.retry_seconds = 30,
		.answer_seconds = 20,
		.pool = &c->pool,
	};
}

void smb_case_done(struct smb_case *c)
{
	pool_done(&c->pool);
	smb_starter_free(c->starter);
}

void smb_fill(void *buf, unsigned block)
{
	uint64_t *p = buf, x = block + 1;
	for (size_t i = 0; i < SMB_BUF / 8; i++) {
		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		p[i] = x;
	}
}

int smb_write_block(
	struct smb_case *c, struct sink *s, unsigned lane, unsigned block, struct error **err)
{
	void *buf = pool_buf(&c->pool, lane);
	smb_fill(buf, block);
	return sink_pwrite(s, lane, buf, SMB_BUF, (uint64_t)block * SMB_BUF, err);
}

void smb_check_blocks(const char *server, const char *file, unsigned n)
{
	CLEANUP_FREE char *expected = xasprintf("%s/expected", unit_tmp());
	CLEANUP_FREE char *buf = xmalloc(SMB_BUF);
	FILE *f = fopen(expected, "we");
	ck_assert(f);
	for (unsigned i = 0; i < n; i++) {
		smb_fill(buf, i);
		ck_assert_uint_eq(fwrite(buf, 1, SMB_BUF, f), SMB_BUF);
	}
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_msg(unit_run("cmp '%s' '%s'", expected, smb_served(server, file)) == 0,
		"\"%s\" is not what was written", file);
	unlink(expected);
}

unsigned smb_count_files(const char *server)
{
	unsigned n = 0;
	DIR *dir = opendir(smb_served(server, ""));
	ck_assert(dir);
	for (struct dirent *e; (e = readdir(dir));)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(dir);
	return n;
}
