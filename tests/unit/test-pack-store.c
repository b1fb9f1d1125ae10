/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent's packs: who may change one when, with the real worker; and hashes as headers have them. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "agent-util.h"
#include "io.h"
#include "jsonx.h"
#include "pack-store.h"
#include "unit.h"

static char *file_in_case(const char *name)
{
	return xasprintf("%s/%s/%s", unit_tmp(), tcase_name(), name);
}

/* A store of the case's own, and the archives a.zip and b.zip. */
static struct pack_store *store_new(void)
{
	struct pack_store *s = NULL;
	CLEANUP_FREE char *here = worker_default_program();
	CLEANUP_FREE char *worker =
		xasprintf("%.*s/../../agent/ce-worker", (int)(strrchr(here, '/') - here), here);
	CLEANUP_FREE char *state = file_in_case("state");
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(unit_run("mkdir -p '%s' && cd '%s/..' && for n in a b; do "
				  "echo \"[Version] $n\" >$n.inf && zip -q $n.zip $n.inf; done",
				 state, state),
		0);
	ck_ok(pack_store_open(state, worker, &s, &err));
	return s;
}

/* Begins an upload of that archive and sends all of it. */
static int send(struct pack_store *s, const char *name, const char *archive,
	struct pack_upload **ret, struct error **err)
{
	CLEANUP_FREE char *path = file_in_case(archive);
	CLEANUP_FREE char *data = NULL;
	CLEANUP(sha256_free_p) struct sha256 *h = NULL;
	char hash[SHA256_HEX_SIZE];
	size_t len;
	if (file_read(path, 1 << 20, &data, &len, err) < 0 || sha256_new(&h, err) < 0 ||
		sha256_add(h, data, len, err) < 0)
		return -1;
	sha256_end(h, hash);
	if (pack_upload_begin(s, name, hash, len, ret, err) < 0)
		return -1;
	return pack_upload_write(*ret, data, len, err);
}

static int upload(struct pack_store *s, const char *name, const char *archive,
	enum pack_outcome *ret_outcome, struct error **err)
{
	CLEANUP(pack_upload_free_p) struct pack_upload *up = NULL;
	CLEANUP_JSON json_t *pack = NULL;
	if (send(s, name, archive, &up, err) < 0)
		return -1;
	return pack_upload_finish(up, &pack, ret_outcome, err);
}

START_TEST(what_a_job_uses_stays)
{
	CLEANUP(pack_store_close_p) struct pack_store *s = store_new();
	CLEANUP(pack_use_free_p) struct pack_use *use = NULL;
	struct pack_use *second = NULL;
	const char *const names[] = {"one", "two", "one", NULL};
	enum pack_outcome outcome;
	ck_ok(upload(s, "one", "a.zip", &outcome, &err));
	ck_assert_int_eq(outcome, PACK_CREATED);
	ck_ok(upload(s, "two", "b.zip", &outcome, &err));
	ck_ok(pack_store_use(s, names, &use, &err));
	ck_ok(pack_store_use(s, names + 2, &second, &err));
	for (int i = 0; i < 3; i++) {
		CLEANUP_FREE char *inf =
			xasprintf("%s/%s", use->folders[i], i == 1 ? "b.inf" : "a.inf");
		ck_assert_msg(*inf == '/' && access(inf, R_OK) == 0, "%s", inf);
	}
	ck_assert_ptr_null(use->folders[3]);
	ck_fails(pack_store_delete(s, "one", &err), ERR_PACK_BUSY, "\"one\" is in use by a job");
	ck_fails(upload(s, "one", "b.zip", &outcome, &err), ERR_PACK_BUSY, "in use by a job");
	ck_ok(upload(s, "one", "a.zip", &outcome, &err));
	ck_assert_int_eq(outcome, PACK_SAME);
	pack_use_free(TAKE_PTR(use));
	ck_fails(pack_store_delete(s, "one", &err), ERR_PACK_BUSY, NULL);
	ck_ok(pack_store_delete(s, "two", &err));
	pack_use_free(second);
	ck_ok(upload(s, "one", "b.zip", &outcome, &err));
	ck_assert_int_eq(outcome, PACK_REPLACED);
	ck_ok(pack_store_delete(s, "one", &err));
	ck_fails(pack_store_delete(s, "one", &err), ERR_PACK_NOT_FOUND, "\"one\"");
}
END_TEST

START_TEST(a_missing_pack_keeps_none)
{
	CLEANUP(pack_store_close_p) struct pack_store *s = store_new();
	struct pack_use *use = NULL;
	const char *const names[] = {"one", "../one", NULL}, *const none[] = {NULL};
	enum pack_outcome outcome;
	ck_ok(upload(s, "one", "a.zip", &outcome, &err));
	ck_fails(pack_store_use(s, names, &use, &err), ERR_PACK_NOT_FOUND, "\"../one\"");
	ck_ok(pack_store_delete(s, "one", &err));
	ck_ok(pack_store_use(s, none, &use, &err));
	ck_assert_ptr_null(use->folders[0]);
	pack_use_free(use);
}
END_TEST

START_TEST(a_job_that_begins_during_an_upload)
{
	CLEANUP(pack_store_close_p) struct pack_store *s = store_new();
	const char *const names[] = {"one", NULL};
	enum pack_outcome outcome;
	json_t *pack = NULL;
	struct pack_upload *up = NULL;
	struct pack_use *use = NULL;
	ck_ok(upload(s, "one", "a.zip", &outcome, &err));
	ck_ok(send(s, "one", "b.zip", &up, &err));
	ck_fails(pack_store_delete(s, "one", &err), ERR_PACK_BUSY, "is being uploaded");
	ck_ok(pack_store_use(s, names, &use, &err));
	ck_fails(pack_upload_finish(up, &pack, &outcome, &err), ERR_PACK_BUSY, "in use by a job");
	pack_upload_free(up);
	CLEANUP_FREE char *inf = xasprintf("%s/a.inf", use->folders[0]);
	ck_assert_int_eq(access(inf, R_OK), 0);
	pack_use_free(use);
	CLEANUP_FREE char *packs = file_in_case("state/packs");
	ck_assert_int_eq(unit_run("[ \"$(ls -A '%s')\" = one ]", packs), 0);
}
END_TEST

START_TEST(uploads_at_once)
{
	CLEANUP(pack_store_close_p) struct pack_store *s = store_new();
	static const char *const names[] = {"a", "b", "c", "d"};
	struct pack_upload *up[4] = {0}, *more = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(up); i++)
		ck_ok(send(s, names[i], "a.zip", &up[i], &err));
	ck_fails(send(s, "a", "b.zip", &more, &err), ERR_PACK_BUSY, "is being uploaded");
	ck_fails(send(s, "e", "b.zip", &more, &err), ERR_TOO_MANY_JOBS, "4 packs");
	pack_upload_free(up[0]);
	ck_ok(send(s, "e", "b.zip", &more, &err));
	pack_upload_free(more);
	for (size_t i = 1; i < ARRAY_SIZE(up); i++)
		pack_upload_free(up[i]);
}
END_TEST

START_TEST(stopped)
{
	CLEANUP(pack_store_close_p) struct pack_store *s = store_new();
	enum pack_outcome outcome;
	pack_store_stop(s);
	ck_fails(upload(s, "one", "a.zip", &outcome, &err), ERR_CANCELED, NULL);
	CLEANUP_FREE char *packs = file_in_case("state/packs");
	ck_assert_int_eq(unit_run("[ -z \"$(ls -A '%s')\" ]", packs), 0);
}
END_TEST

/* printf '' | openssl dgst -sha256 */
#define EMPTY_HEX    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define EMPTY_BASE64 "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

START_TEST(hashes)
{
	static const char *const good[] = {"sha-256=:" EMPTY_BASE64 ":",
		"sha-512=:AAAA:, sha-256=:" EMPTY_BASE64 ":",
		"sha-256=:" EMPTY_BASE64 ":,sha-512=:AAAA:"};
	static const char *const bad[] = {"", "sha-256", "sha-256=" EMPTY_BASE64,
		"sha-256=:" EMPTY_BASE64,
		"sha-256=:AAAA:", "sha-256=:!:", "sha-256=::", "sha-512=:" EMPTY_BASE64 ":", ",,,",
		"xsha-256=:" EMPTY_BASE64 ":"};
	char hex[SHA256_HEX_SIZE];
	CLEANUP(sha256_free_p) struct sha256 *h = NULL;
	ck_ok(sha256_new(&h, &err));
	sha256_end(h, hex);
	ck_assert_str_eq(hex, EMPTY_HEX);
	ck_ok(sha256_add(h, "abc", 3, &err));
	sha256_end(h, hex);
	ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		ck_assert_msg(sha256_from_digest(good[i], hex), "%s", good[i]);
		ck_assert_str_eq(hex, EMPTY_HEX);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(!sha256_from_digest(bad[i], hex), "%s", bad[i]);
	ck_assert(sha256_from_hex(
		"E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", hex));
	ck_assert_str_eq(hex, EMPTY_HEX);
	ck_assert(!sha256_from_hex(EMPTY_HEX "0", hex) && !sha256_from_hex("", hex) &&
		  !sha256_from_hex(EMPTY_BASE64, hex));
}
END_TEST

UNIT_MAIN("pack-store", what_a_job_uses_stays, a_missing_pack_keeps_none,
	a_job_that_begins_during_an_upload, uploads_at_once, stopped, hashes)
