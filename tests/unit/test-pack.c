/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Driver packs as folders: what is found, in what order, and what is never followed. */
#include "unit.h"

#include <string.h>

#include "mem.h"
#include "pack.h"

/* A folder made by a shell script; the caller frees its path. */
static char *make_pack(const char *name, const char *script)
{
	char *path = xasprintf("%s/%s", unit_tmp(), name);
	ck_assert_int_eq(unit_run("rm -rf '%s' && mkdir -p '%s' && cd '%s' && { %s ; }", path, path,
				 path, script),
		0);
	return path;
}

static struct pack_set *open_pack(const char *a, const char *b)
{
	const char *const folders[] = {a, b, NULL};
	struct pack_set *set = NULL;
	ck_ok(pack_set_open(&set, folders, &err));
	return set;
}

START_TEST(infs_are_found_in_one_order)
{
	CLEANUP_FREE char *b = make_pack("b", "printf '[Version]\\n' >only.inf");
	CLEANUP_FREE char *a = make_pack("a",
		"mkdir -p z/w10 b; printf '[Version]\\nClass=Net\\n' >z/w10/NET.INF;"
		"printf '[Version]\\n' >b/y.inf; printf '[Version' >b/bad.inf; echo x >b/x.sys;"
		"ln -s y.inf b/link.inf; ln -s ../z b/loop; mkfifo b/pipe.inf; mkdir b/dir.inf;"
		"truncate -s 9M b/huge.inf");
	struct pack_set *set = open_pack(b, a);
	static const char *const want[][3] = {{"a", "b", "bad.inf"}, {"a", "b", "huge.inf"},
		{"a", "b", "y.inf"}, {"a", "z/w10", "NET.INF"}, {"b", "", "only.inf"}};
	ck_assert_uint_eq(set->n, ARRAY_SIZE(want));
	for (size_t i = 0; i < set->n; i++) {
		ck_assert_str_eq(set->v[i].pack, want[i][0]);
		ck_assert_str_eq(set->v[i].folder, want[i][1]);
		ck_assert_str_eq(set->v[i].file, want[i][2]);
	}
	ck_assert_ptr_nonnull(strstr(set->v[0].problem, "does not end"));
	ck_assert_ptr_nonnull(strstr(set->v[1].problem, "huge.inf"));
	ck_assert_ptr_null(set->v[2].problem);
	ck_assert_str_eq(set->v[3].inf->name, "net.inf");
	ck_assert_uint_eq(set->v[3].size, 20);
	pack_set_free(set);
}
END_TEST

START_TEST(files_beside_an_inf)
{
	CLEANUP_FREE char *a = make_pack("files",
		"mkdir -p d/AMD64 o; printf '[Version]\\n' >d/x.inf; printf sys >d/AMD64/X.Sys;"
		"printf exact >d/AMD64/x.sys; printf out >o/secret; ln -s ../o d/o;"
		"ln -s ../o/secret d/link.sys; truncate -s 257M d/large.sys");
	struct pack_set *set = open_pack(a, NULL);
	CLEANUP_FREE uint8_t *data = NULL;
	size_t len;
	ck_ok(pack_read(set, &set->v[0], "amd64\\x.sys", &data, &len, &err));
	ck_assert_uint_eq(len, 5);
	ck_assert_str_eq((char *)data, "exact");
	free(data);
	ck_ok(pack_read(set, &set->v[0], "/amd64/X.Sys", &data, &len, &err));
	ck_assert_str_eq((char *)data, "sys");
	static const char *const refused[][2] = {{"none.sys", "no \"none.sys\""},
		{"../o/secret", "not one of a file"}, {"amd64/../../o/secret", "not one of a file"},
		{"o/secret", "is a link"}, {"link.sys", "is a link"}, {"amd64", "no plain file"},
		{"x.inf/y", "is a link or no plain folder"}, {"", "not one of a file"},
		{"amd64/", "not one of a file"}, {"large.sys", "File too large"}};
	uint8_t *none;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		ck_fails(pack_read(set, &set->v[0], refused[i][0], &none, &len, &err),
			ERR_PACK_INVALID, refused[i][1]);
	pack_set_free(set);
}
END_TEST

START_TEST(folders_that_are_no_packs)
{
	static const struct {
		const char *script, *want;
	} cases[] = {{"echo x >readme.txt", "holds no INF"},
		{"mkdir -p 1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17; printf '[Version]' >a.inf",
			"more than 16 deep"},
		{"seq 1 20001 | xargs touch", "more than 20000 files"},
		{"seq 1 150 | xargs mkdir; for i in $(seq 1 150); do (cd $i; "
		 "seq 1 140 | xargs touch); done",
			"more than 20000 files"},
		{"printf '[Version]' >a.inf; touch \"$(printf 'b\\377')\"", "not UTF-8"}};
	struct pack_set *set = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_FREE char *path = make_pack("odd", cases[i].script);
		const char *const folders[] = {path, NULL};
		ck_fails(pack_set_open(&set, folders, &err), ERR_PACK_INVALID, cases[i].want);
	}
	const char *const missing[] = {"/nonexistent/pack", NULL};
	ck_fails(pack_set_open(&set, missing, &err), ERR_PACK_INVALID, "/nonexistent/pack");
	const char *const none[] = {NULL};
	ck_ok(pack_set_open(&set, none, &err));
	ck_assert_uint_eq(set->n, 0);
	pack_set_free(set);
}
END_TEST

UNIT_MAIN("pack", infs_are_found_in_one_order, files_beside_an_inf, folders_that_are_no_packs)
