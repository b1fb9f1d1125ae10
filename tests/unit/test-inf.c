/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The INF parser: syntax, tokens, decorations; and every real INF of the test data. */
#include "unit.h"

#include <dirent.h>
#include <string.h>
#include <strings.h>

#include "inf.h"
#include "io.h"
#include "mem.h"

static struct inf *parse(const char *text)
{
	struct inf *inf = NULL;
	struct error *err = NULL;
	if (inf_parse(&inf, text, strlen(text), "Test.INF", &err) < 0)
		ck_abort_msg("%s", err->message);
	return inf;
}

static const struct inf_target win10 = {
	.arch = INF_AMD64, .major = 10, .build = 19041, .product_type = INF_PRODUCT_WORKSTATION};

START_TEST(lines_fields_and_quotes)
{
	struct inf *inf = parse("*++ a scribble\n; a comment\r\n"
				"[Version]\r\n"
				"Signature = \"$Windows NT$\" ; behind it\r\n"
				"DriverVer=06/06/2024,1.3.28.0\n"
				"[a.Section] ; more\n"
				"  key = one , \"two, \"\"2\"\" ; no comment\" , , four\n"
				"alone\n"
				"joined = a, \\  ; comment\n"
				"   b\n"
				"path = System32\\drivers\\, x\n"
				"\"quoted key\"=v\n"
				",second\n"
				"[VERSION]\n"
				"Class=System\n"
				"[empty]\n");
	const struct inf_section *s = inf_section(inf, "A.section");
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(s->n, 6);
	const struct inf_line *l = inf_line(s, "KEY");
	ck_assert_uint_eq(l->n, 4);
	ck_assert_str_eq(l->fields[0], "one");
	ck_assert_str_eq(l->fields[1], "two, \"2\" ; no comment");
	ck_assert_str_eq(l->fields[2], "");
	ck_assert_str_eq(l->fields[3], "four");
	ck_assert_str_eq(inf_field(l, 9), "");
	ck_assert_ptr_null(s->lines[1].key);
	ck_assert_str_eq(s->lines[1].fields[0], "alone");
	ck_assert_str_eq(inf_field(inf_line(s, "joined"), 1), "b");
	ck_assert_str_eq(inf_field(inf_line(s, "path"), 0), "System32\\drivers\\");
	ck_assert_uint_eq(inf_line(s, "path")->number, 11);
	ck_assert_str_eq(inf_field(inf_line(s, "quoted key"), 0), "v");
	ck_assert_str_eq(s->lines[5].fields[0], "");
	ck_assert_str_eq(s->lines[5].fields[1], "second");
	ck_assert_str_eq(inf_field(inf_line(inf_section(inf, "Version"), "class"), 0), "System");
	ck_assert_uint_eq(inf_section(inf, "empty")->n, 0);
	ck_assert_str_eq(inf->name, "test.inf");
	inf_free(inf);
}
END_TEST

START_TEST(tokens_by_language)
{
	struct inf *inf =
		parse("[Version]\n[Strings]\nA=\"default\"\nB = bare, with comma\n"
		      "[Strings.0409]\na=\"english\"\n[Strings.0407]\nA=deutsch\nC=\"nur\"\n");
	struct {
		const char *text, *want;
	} cases[] = {{"x%a%y", "xenglishy"}, {"%B%", "bare,with comma"}, {"%c%", "nur"},
		{"100%%", "100%"}, {"%SystemRoot%\\x", "%SystemRoot%\\x"},
		{"50% of %A%", "50% of english"}, {"", ""}, {"%", "%"}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_FREE char *got = inf_expand(inf, cases[i].text);
		ck_assert_str_eq(got, cases[i].want);
	}
	inf_free(inf);
}
END_TEST

START_TEST(encodings_give_the_same_text)
{
	const char utf16[] = "\xff\xfe[\0V\0e\0r\0s\0i\0o\0n\0]\0\r\0\n\0K\0=\0\xfc\0\r\0\n\0";
	const char utf8[] = "\xef\xbb\xbf[Version]\r\nK=\xc3\xbc\r\n";
	const char ansi[] = "[Version]\r\nK=\xfc\r\n";
	const struct {
		const char *data;
		size_t size;
	} cases[] = {{utf16, sizeof(utf16) - 1}, {utf16 + 2, sizeof(utf16) - 3},
		{utf8, sizeof(utf8) - 1}, {ansi, sizeof(ansi) - 1}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct inf *inf = NULL;
		ck_ok(inf_parse(&inf, cases[i].data, cases[i].size, "x.inf", &err));
		ck_assert_str_eq(
			inf_field(inf_line(inf_section(inf, "version"), "k"), 0), "\xc3\xbc");
		inf_free(inf);
	}
}
END_TEST

START_TEST(what_is_no_inf_is_refused)
{
	struct inf *inf = NULL;
	ck_fails(inf_parse(&inf, "[Version", 8, "x", &err), ERR_INF_INVALID, "does not end");
	ck_fails(inf_parse(&inf, "[other]\n", 8, "x", &err), ERR_INF_INVALID, "no [Version]");
}
END_TEST

START_TEST(decorations_admit_and_rank)
{
	static const char *const yes[] = {"NTamd64", "ntAMD64.6.1", "NTamd64.10.0",
		"NTamd64.10.0...17763", "NTamd64.10.0...19041", "NTamd64.10.0.1",
		"NTamd64.6.3.0x1"};
	static const char *const no[] = {"NT", "NTx86", "NTia64", "NTarm64.10.0",
		"NTamd64.10.0...19042", "NTamd64.10.0.3", "NTamd64.11", "amd64", "", "NTamd64.x"};
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		ck_assert_msg(inf_decoration_rank(yes[i], &win10) > 0, "%s", yes[i]);
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		ck_assert_msg(inf_decoration_rank(no[i], &win10) == 0, "%s", no[i]);
	/* Each is preferred to the one before. */
	static const char *const order[] = {"NTamd64", "NTamd64.5.1", "NTamd64.6.0",
		"NTamd64.6.0.1", "NTamd64.6.3", "NTamd64.10.0", "NTamd64.10.0...16299",
		"NTamd64.10.0.1..16299", "NTamd64.10.0...19041"};
	for (size_t i = 1; i < ARRAY_SIZE(order); i++)
		ck_assert_msg(inf_decoration_rank(order[i - 1], &win10) <
				      inf_decoration_rank(order[i], &win10),
			"%s before %s", order[i - 1], order[i]);
}
END_TEST

START_TEST(models_and_install_sections)
{
	struct inf *inf = parse(
		"[Version]\n[Manufacturer]\n%M% = Models, NTx86, NTamd64, NTamd64.10.0\n"
		"[Models]\n%D%=I,PCI\\OLD\n[Models.NTx86]\n%D%=I,PCI\\X86\n"
		"[Models.NTamd64]\n%D%=I,PCI\\SEVEN\n"
		"[Models.NTamd64.10.0]\n%D%=I, PCI\\TEN&SUBSYS, PCI\\TEN\n%E%=J,,PCI\\ALSO\n"
		"[I]\nx=0\n[I.nt]\nx=1\n[I.NTAMD64]\nx=2\n[J.NT]\nx=3\n[Strings]\nM=\"Maker\"\n");
	struct inf_model *models;
	size_t n = inf_models(inf, &win10, &models);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(models[0].ids[0], "PCI\\TEN&SUBSYS");
	ck_assert_uint_eq(models[0].n_ids, 2);
	ck_assert_str_eq(models[0].manufacturer, "%M%");
	ck_assert_str_eq(inf_field(inf_line(inf_install_section(inf, "I", &win10), "x"), 0), "2");
	ck_assert_str_eq(inf_field(inf_line(inf_install_section(inf, "J", &win10), "x"), 0), "3");
	ck_assert_ptr_null(inf_install_section(inf, "K", &win10));
	free(models);
	struct inf_target seven = {.arch = INF_AMD64, .major = 6, .minor = 1, .build = 7601};
	ck_assert_uint_eq(inf_models(inf, &seven, &models), 1);
	ck_assert_str_eq(models[0].ids[0], "PCI\\SEVEN");
	free(models);
	inf_free(inf);
}
END_TEST

/* Walks a folder of INFs; counts files and, of those for amd64, models. */
static void parse_folder(const char *folder, size_t *files, size_t *models_total)
{
	DIR *dir = opendir(folder);
	ck_assert_ptr_nonnull(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		CLEANUP_FREE char *path = xasprintf("%s/%s", folder, e->d_name);
		if (e->d_type == DT_DIR) {
			parse_folder(path, files, models_total);
			continue;
		}
		const char *dot = strrchr(e->d_name, '.');
		if (!dot || (strcasecmp(dot, ".inf") != 0 && strcasecmp(dot, ".inx") != 0))
			continue;
		CLEANUP_FREE char *data = NULL;
		size_t size;
		struct inf *inf = NULL;
		ck_ok(file_read(path, INF_SIZE_MAX, &data, &size, &err));
		ck_ok(inf_parse(&inf, data, size, e->d_name, &err));
		struct inf_model *models;
		*models_total += inf_models(inf, &win10, &models);
		++*files;
		free(models);
		inf_free(inf);
	}
	closedir(dir);
}

START_TEST(every_real_inf_parses)
{
	if (!unit_data_dir())
		unit_skip("the test data folder (CE_TEST_DATA) is missing");
	CLEANUP_FREE char *folder = xasprintf("%s/inf", unit_data_dir());
	size_t files = 0, models = 0;
	parse_folder(folder, &files, &models);
	ck_assert_uint_ge(files, 200);
	ck_assert_uint_ge(models, 500);
}
END_TEST

UNIT_MAIN("inf", lines_fields_and_quotes, tokens_by_language, encodings_give_the_same_text,
	what_is_no_inf_is_refused, decorations_admit_and_rank, models_and_install_sections,
	every_real_inf_parses)
