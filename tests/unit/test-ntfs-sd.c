/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inherited security: against what Windows wrote, and case by case. */
#include "sd-util.h"

#include "mem.h"
#include "ntfs-sd.h"
#include "ntfs-tool-file.h"

static const char *child_of(const char *parent, bool folder, const char *owner)
{
	uint8_t sd[4096], sid[32];
	CLEANUP_FREE uint8_t *child = NULL;
	size_t len;
	sd_put_sid(sid, owner);
	ck_ok(sd_inherit(sd, sd_from_text(sd, parent), folder, sid, sid, &child, &len, &err));
	return sd_to_text(child, len);
}

/* ---- what Windows wrote ---- */

/* Whether path has what its folder gives to what its owner makes. */
static void check_inherited(const char *image, const char *path, bool folder)
{
	char above[300];
	uint8_t parent[65536], have[65536];
	CLEANUP_FREE uint8_t *made = NULL;
	size_t len;
	const char *slash = strrchr(path, '/');
	snprintf(above, sizeof(above), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	size_t n = ntfs_tool_security(image, above, parent, sizeof(parent));
	size_t have_len = ntfs_tool_security(image, path, have, sizeof(have));
	ck_ok(sd_inherit(parent, n, folder, have + le32_at(have + 4), have + le32_at(have + 8),
		&made, &len, &err));
	CLEANUP_FREE char *want = xstrdup(sd_to_text(have, have_len));
	ck_assert_str_eq(sd_to_text(made, len), want);
	/* The very bytes: Windows' descriptor in $Secure is used again. */
	ck_assert_uint_eq(len, have_len);
	ck_assert_int_eq(memcmp(made, have, len), 0);
}

START_TEST(as_windows_wrote_it)
{
	if (!unit_data_dir())
		unit_skip("a volume written by Windows: no test data (CE_TEST_DATA)");
	CLEANUP_FREE char *image = xasprintf("%s/velociraptor", unit_tmp());
	ck_assert_int_eq(unit_run("xzcat '%s/ntfs/velociraptor_partition_image.raw.xz' >'%s'",
				 unit_data_dir(), image),
		0);
	static const char *const folders[] = {"/Users", "/Users/Administrator", "/Windows",
		"/Windows/System32", "/Windows/System32/Config", "/Windows/appcompat",
		"/Windows/appcompat/programs"};
	static const char *const files[] = {"/Windows/System32/Config/SYSTEM",
		"/Windows/System32/Config/software", "/Windows/System32/Config/Security",
		"/Windows/System32/Config/sam"};
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		check_inherited(image, folders[i], true);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		check_inherited(image, files[i], false);
}
END_TEST

/* ---- rules ---- */

/* C:\Program Files of Windows 10, and what lies below it. */
START_TEST(program_files)
{
	static const char parent[] =
		"O:TI G:TI D:AI(A;;1f01ff;TI)(A;CIIO;10000000;TI)(A;;1301bf;SY)(A;OICIIO;10000000;SY)"
		"(A;;1301bf;BA)(A;OICIIO;10000000;BA)(A;;1200a9;BU)(A;OICIIO;a0000000;BU)"
		"(A;OICIIO;10000000;CO)(A;;1200a9;AC)(A;OICIIO;a0000000;AC)";
	ck_assert_str_eq(child_of(parent, true, "SY"),
		"O:SY G:SY D:AI(A;ID;1f01ff;TI)(A;CIIOID;10000000;TI)"
		"(A;ID;1f01ff;SY)(A;OICIIOID;10000000;SY)"
		"(A;ID;1f01ff;BA)(A;OICIIOID;10000000;BA)"
		"(A;ID;1200a9;BU)(A;OICIIOID;a0000000;BU)"
		"(A;OICIIOID;10000000;CO)"
		"(A;ID;1200a9;AC)(A;OICIIOID;a0000000;AC)");
	ck_assert_str_eq(child_of(parent, false, "SY"),
		"O:SY G:SY D:AI(A;ID;1f01ff;SY)(A;ID;1f01ff;BA)(A;ID;1200a9;BU)(A;ID;1200a9;AC)");
	ck_assert_str_eq(child_of(parent, false, "WD"),
		"O:WD G:WD D:AI(A;ID;1f01ff;SY)(A;ID;1f01ff;BA)(A;ID;1200a9;BU)(A;ID;1f01ff;WD)"
		"(A;ID;1200a9;AC)");
}
END_TEST

static const struct {
	const char *ace, *folder, *file;
} flag_cases[] = {
	/* The table of [MS-DTYP] 2.4.4.1's flags, with rights that need no mapping. */
	{"(A;;1;WD)", NULL, NULL},
	{"(A;OI;1;WD)", "(A;OIIOID;1;WD)", "(A;ID;1;WD)"},
	{"(A;CI;1;WD)", "(A;CIID;1;WD)", NULL},
	{"(A;OICI;1;WD)", "(A;OICIID;1;WD)", "(A;ID;1;WD)"},
	{"(A;OIIO;1;WD)", "(A;OIIOID;1;WD)", "(A;ID;1;WD)"},
	{"(A;CIIO;1;WD)", "(A;CIID;1;WD)", NULL},
	{"(A;OINP;1;WD)", NULL, "(A;ID;1;WD)"},
	{"(A;CINP;1;WD)", "(A;ID;1;WD)", NULL},
	{"(A;OICINP;1;WD)", "(A;ID;1;WD)", "(A;ID;1;WD)"},
	{"(A;OICINPIOID;1;WD)", "(A;ID;1;WD)", "(A;ID;1;WD)"},
	/* Denial, order, doubles. */
	{"(D;OICI;2;WD)(A;OICI;1;WD)(A;OICI;1;WD)", "(D;OICIID;2;WD)(A;OICIID;1;WD)",
		"(D;ID;2;WD)(A;ID;1;WD)"},
	/* Generic rights and creators. */
	{"(A;OICI;80000000;WD)", "(A;ID;120089;WD)(A;OICIIOID;80000000;WD)", "(A;ID;120089;WD)"},
	{"(A;OICI;40000000;WD)", "(A;ID;120116;WD)(A;OICIIOID;40000000;WD)", "(A;ID;120116;WD)"},
	{"(A;OICI;20000000;WD)", "(A;ID;1200a0;WD)(A;OICIIOID;20000000;WD)", "(A;ID;1200a0;WD)"},
	{"(A;OICINP;10000000;WD)", "(A;ID;1f01ff;WD)", "(A;ID;1f01ff;WD)"},
	{"(A;OICI;1;CO)", "(A;ID;1;SY)(A;OICIIOID;1;CO)", "(A;ID;1;SY)"},
	{"(A;OICINP;1;CG)", "(A;ID;1;SY)", "(A;ID;1;SY)"},
	{"(A;OI;1;CO)", "(A;OIIOID;1;CO)", "(A;ID;1;SY)"},
};

START_TEST(flags_and_rights)
{
	/* What SYSTEM gives where nothing is inherited. */
	static const char own[] = "(A;;1f01ff;SY)(A;;1200a9;BA)";
	for (size_t i = 0; i < ARRAY_SIZE(flag_cases); i++) {
		char parent[300], want[300];
		snprintf(parent, sizeof(parent), "O:BA G:BA D:AI%s", flag_cases[i].ace);
		for (int folder = 0; folder < 2; folder++) {
			const char *aces = folder ? flag_cases[i].folder : flag_cases[i].file;
			snprintf(want, sizeof(want), "O:SY G:SY D:AI%s", aces ? aces : own);
			ck_assert_str_eq(child_of(parent, folder, "SY"), want);
		}
	}
}
END_TEST

START_TEST(other_kinds)
{
	/* A root as it was formatted: nothing is marked as inherited. */
	ck_assert_str_eq(child_of("O:BA G:BA D:(A;OICI;1;WD)(A;;1;BA)", true, "SY"),
		"O:SY G:SY D:(A;OICI;1;WD)");
	/* Audits and labels; the two ACLs have their marks for themselves. */
	ck_assert_str_eq(
		child_of("O:BA G:BA D:(A;OICI;1;WD)S:AI(AU;OICISAFA;40000000;WD)(ML;OICI;1;LW)",
			true, "SY"),
		"O:SY G:SY D:(A;OICI;1;WD)"
		" S:AI(AU;IDSAFA;120116;WD)(AU;OICIIOIDSAFA;40000000;WD)(ML;OICIID;1;LW)");
	/* No SACL where none is inherited. */
	ck_assert_str_eq(child_of("O:BA G:BA D:AI(A;OICI;1;WD)S:(AU;SA;1;WD)", false, "SY"),
		"O:SY G:SY D:AI(A;ID;1;WD)");
	/* Entries for kinds of objects are none for files. */
	ck_assert_str_eq(child_of("O:BA G:BA D:AI(OA;OICI;1;WD)(XA;OICI;1;WD)", false, "SY"),
		"O:SY G:SY D:AI(XA;ID;1;WD)");
	/* No DACL at all. */
	ck_assert_str_eq(
		child_of("O:BA G:BA", false, "SY"), "O:SY G:SY D:(A;;1f01ff;SY)(A;;1200a9;BA)");
}
END_TEST

/* ---- damage ---- */

static int inherit(const uint8_t *sd, size_t len, struct error **err)
{
	uint8_t *child = NULL;
	size_t n;
	int result = sd_inherit(sd, len, true, sd_sid_system, sd_sid_system, &child, &n, err);
	free(child);
	return result;
}

START_TEST(damaged)
{
	uint8_t good[4096], zero[20] = {1};
	size_t len =
		sd_from_text(good, "D:AI(A;OICI;10000000;CO)(A;OI;1;BA)S:(AU;OICI;1;WD) O:BA G:BA");
	ck_ok(inherit(good, len, &err));
	ck_ok(inherit(zero, sizeof(zero), &err));
	ck_fails(inherit(good, 19, &err), ERR_NTFS_DAMAGED, "no header");
	/* Exactly as much memory as it may look at. */
	for (size_t n = 20; n < len - 32; n++) {
		CLEANUP_FREE uint8_t *cut = xmemdup(good, n);
		ck_fails(inherit(cut, n, &err), ERR_NTFS_DAMAGED, NULL);
	}
	srand(3);
	for (int i = 0; i < 20000; i++) {
		CLEANUP_ERR struct error *err = NULL;
		CLEANUP_FREE uint8_t *bad = xmemdup(good, len);
		for (int k = rand() % 3; k >= 0; k--)
			bad[(size_t)rand() % len] = (uint8_t)rand();
		if (inherit(bad, len, &err) < 0)
			ck_assert_int_eq((int)err->code, ERR_NTFS_DAMAGED);
	}
}
END_TEST

/* As many entries as fit, each of which becomes two. */
START_TEST(too_many)
{
	CLEANUP_FREE uint8_t *sd = xcalloc(1, 70000);
	size_t at = 20 + 8;
	uint16_t count = 0;
	sd[0] = 1;
	le16_put(sd + 2, 0x8404);
	le32_put(sd + 16, 20);
	for (; at + 20 <= 65000; at += 20, count++) {
		sd[at + 1] = 3;
		le16_put(sd + at + 2, 20);
		le32_put(sd + at + 4, 0x10000000);
		sd_put_sid(sd + at + 8, "WD");
		le32_put(sd + at + 16, count);
	}
	sd[20] = 2;
	le16_put(sd + 22, (uint16_t)(at - 20));
	le16_put(sd + 24, count);
	ck_fails(inherit(sd, at, &err), ERR_NTFS_DAMAGED, "more than");
}
END_TEST

UNIT_MAIN("ntfs-sd", as_windows_wrote_it, program_files, flags_and_rights, other_kinds, damaged,
	too_many)
