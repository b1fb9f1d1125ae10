/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "mem.h"
#include "smb-url.h"
#include "unit.h"

START_TEST(good)
{
	static const struct {
		const char *text, *host;
		unsigned port;
		const char *share, *folder, *name;
	} rows[] = {
		{"smb://nas/images/win.vhdx", "nas", 445, "images", "", "win.vhdx"},
		{"SMB://Nas.example.org:4450/a/b/c/d.vhd", "Nas.example.org", 4450, "a", "b/c",
			"d.vhd"},
		{"smb://10.0.0.1/s$/f", "10.0.0.1", 445, "s$", "", "f"},
		{"smb://[fe80::1]/s/f", "fe80::1", 445, "s", "", "f"},
		{"smb://[::1]:65535/s/f", "::1", 65535, "s", "", "f"},
		{"smb://h/s//x///f", "h", 445, "s", "x", "f"},
		{"smb://h//s/f", "h", 445, "s", "", "f"},
		{"smb://h/s/my%20disks/a%2bb.vhdx", "h", 445, "s", "my disks", "a+b.vhdx"},
		{"smb://h/s/my disks/\u00fc\u00e4 (1).vhdx", "h", 445, "s", "my disks",
			"\u00fc\u00e4 (1).vhdx"},
		{"smb://h/s/%C3%BC.vhd", "h", 445, "s", "", "\u00fc.vhd"},
		{"smb://h/s/100%/50%25 of %zz%4.vhd", "h", 445, "s", "100%", "50% of %zz%4.vhd"},
		{"smb://h/s/a@b:c.vhd", "h", 445, NULL, NULL, NULL}, /* ':' */
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct smb_url u;
		if (!rows[i].share) {
			ck_fails(
				smb_url_parse(rows[i].text, &u, &err), ERR_INVALID_FILE_NAME, NULL);
			continue;
		}
		ck_ok(smb_url_parse(rows[i].text, &u, &err));
		ck_assert_str_eq(u.host, rows[i].host);
		ck_assert_uint_eq(u.port, rows[i].port);
		ck_assert_str_eq(u.share, rows[i].share);
		ck_assert_str_eq(u.folder, rows[i].folder);
		ck_assert_str_eq(u.name, rows[i].name);
		smb_url_done(&u);
	}
}
END_TEST

START_TEST(bad)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"", "does not begin"},
		{"smb:/h/s/f", "does not begin"},
		{"cifs://h/s/f", "does not begin"},
		{"smb://", "names no host"},
		{"smb:///s/f", "names no host"},
		{"smb://-h/s/f", "names no host"},
		{"smb://h h/s/f", "names no host"},
		{"smb://h%20/s/f", "names no host"},
		{"smb://h:/s/f", "port"},
		{"smb://h:0/s/f", "port"},
		{"smb://h:65536/s/f", "port"},
		{"smb://h:44x/s/f", "port"},
		{"smb://h:-1/s/f", "port"},
		{"smb://h:000445/s/f", "port"},
		{"smb://h:1:2/s/f", "port"},
		{"smb://[::1/s/f", "']'"},
		{"smb://[]/s/f", "IPv6"},
		{"smb://[1.2.3.4]/s/f", "IPv6"},
		{"smb://[::1]x/s/f", "port"},
		{"smb://h", "no share"},
		{"smb://h/", "no share"},
		{"smb://h/s", "no file"},
		{"smb://h/s/", "no file"},
		{"smb://h/s/folder/", "no file"},
		{"smb://h/s/../f", NULL},
		{"smb://h/s/./f", NULL},
		{"smb://h/s/%2e%2e/f", NULL},
		{"smb://h/s/a%2fb", NULL},
		{"smb://h/s/a%5cb", NULL},
		{"smb://h/s/a\\b", NULL},
		{"smb://h/s/a%00b", "NUL"},
		{"smb://h/s/f?x=1", NULL},
		{"smb://h/s/con", NULL},
		{"smb://h/s/%ff", NULL},
		{"smb://h/s/f.", NULL},
		{"smb://h/"
		 "s234567890s234567890s234567890s234567890s234567890s234567890s234567890s234567890s/f",
			"share name"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct smb_url u;
		struct error *err = NULL;
		ck_assert_msg(
			smb_url_parse(rows[i].text, &u, &err) < 0, "\"%s\" accepted", rows[i].text);
		ck_assert_msg(!rows[i].says || strstr(err->message, rows[i].says), "\"%s\": %s",
			rows[i].text, err->message);
		err_free(err);
	}
}
END_TEST

START_TEST(folders)
{
	struct smb_url u;
	ck_ok(smb_url_parse_folder("smb://h:1445/s/my%20folder/x/", &u, &err));
	ck_assert_str_eq(u.share, "s");
	ck_assert_str_eq(u.folder, "my folder/x");
	ck_assert_ptr_null(u.name);
	smb_url_done(&u);
	ck_ok(smb_url_parse_folder("smb://h/s", &u, &err));
	ck_assert_str_eq(u.folder, "");
	smb_url_done(&u);
	ck_fails(smb_url_parse_folder("smb://h/", &u, &err), ERR_INVALID_ARGUMENT, "no share");
}
END_TEST

START_TEST(credentials_are_not_repeated)
{
	static const char *const rows[] = {"smb://bob:hunter2@h/s/f", "smb://dom;bob:hunter2@h/s/f",
		"smb://hunter2@h:445/s/f", "smb://hunter2@"};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct smb_url u;
		struct error *err = NULL;
		ck_assert_int_lt(smb_url_parse(rows[i], &u, &err), 0);
		ck_assert_ptr_nonnull(strstr(err->message, "user name"));
		ck_assert_ptr_null(strstr(err->message, "hunter2"));
		ck_assert(!err->detail && !strstr(err_hint_text(err), "hunter2"));
		err_free(err);
	}
}
END_TEST

START_TEST(too_long)
{
	char text[8192];
	struct smb_url u;
	snprintf(text, sizeof(text), "smb://h/s/");
	for (size_t i = strlen(text); i < 6000; i++)
		text[i] = i % 100 ? 'x' : '/', text[i + 1] = '\0';
	ck_fails(smb_url_parse(text, &u, &err), ERR_INVALID_ARGUMENT, "4096");
}
END_TEST

START_TEST(append_gives_the_name_back)
{
	static const char *const names[] = {
		"a.vhdx", "100%.vhdx", "a%20b.vhd", "%", "%%41", "\u00fc b#c;d&e.vhdx"};
	static const char *const locations[] = {"smb://h/s", "smb://h/s/", "smb://h:99/s/my%20x//"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (size_t j = 0; j < ARRAY_SIZE(locations); j++) {
			struct smb_url u;
			CLEANUP_FREE char *url = smb_url_append(locations[j], names[i]);
			ck_ok(smb_url_parse(url, &u, &err));
			ck_assert_str_eq(u.name, names[i]);
			ck_assert_str_eq(u.folder, j == 2 ? "my x" : "");
			smb_url_done(&u);
		}
}
END_TEST

UNIT_MAIN("smb-url", good, bad, folders, credentials_are_not_repeated, too_long,
	append_gives_the_name_back)
