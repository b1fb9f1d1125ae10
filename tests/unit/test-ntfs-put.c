/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files put and deleted on an overlay. What the volume should hold is kept as files of this machine;
 * after the commit the NTFS-3G driver's view is compared with them by diff, and its tools look for damage.
 */
#include "ntfs-write-util.h"

#include <sys/stat.h>

#include "sd-util.h"
#include "wof-util.h"

static void fill(uint8_t *data, size_t len, uint64_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		data[i] = (uint8_t)(seed >> 50);
	}
}

/* ---- against a mirror ---- */

static const char *mirror_path(const char *mirror, const char *path)
{
	static char text[1000];
	snprintf(text, sizeof(text), "%s%s", mirror, path);
	for (char *p = text + strlen(mirror); *p; p++)
		if (*p == '\\')
			*p = '/';
	return text;
}

static void mirror_put(const char *mirror, const char *path, const void *data, size_t len)
{
	CLEANUP_FREE char *to = xstrdup(mirror_path(mirror, path));
	for (char *p = strchr(to + strlen(mirror) + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(to, 0700);
		*p = '/';
	}

	FILE *f = fopen(to, "w");
	ck_assert_uint_eq(fwrite(data, 1, len, f), len);
	fclose(f);
}

static size_t random_size(void)
{
	static const size_t sizes[] = {0, 1, 300, 600, 700, 4095, 4096, 4097, 20000, 200000};
	return rand() % 3 ? sizes[(size_t)rand() % ARRAY_SIZE(sizes)] : (size_t)rand() % 90000;
}

static void random_path(char ret[200], bool folder)
{
	static const char *const middle[] = {"", "\\deep", "\\deep\\deeper folder"};
	static const char *const names[] = {
		"file", "a long name of a file.ext", "żółw", "日本語 𝒳", "x.sys"};
	int n = snprintf(ret, 200, "\\folder %d%s", rand() % 8, middle[rand() % 3]);
	if (!folder)
		snprintf(ret + n, 200 - (size_t)n, "\\%s %d", names[rand() % 5], rand() % 6);
}

static void random_changes(struct changing *c, const char *mirror, unsigned rounds)
{
	static uint8_t data[200000];
	char path[200];
	for (unsigned i = 0; i < rounds; i++) {
		int what = rand() % 20;
		if (what < 15) {
			size_t len = random_size();
			random_path(path, false);
			fill(data, len, i);
			ck_ok(ntfs_file_put(c->v, path, data, len, &err));
			mirror_put(mirror, path, data, len);
		} else {
			random_path(path, what == 19);
			delete_path(c, path);
			if (unlink(mirror_path(mirror, path)) < 0 && errno != ENOENT)
				ck_assert_int_eq(
					unit_run("rm -r '%s'", mirror_path(mirror, path)), 0);
		}
	}
}

START_TEST(files_come_and_go)
{
	static const unsigned clusters[] = {4096, 512, 65536};
	const char *mirror = tmp("mirror");
	srand(23);
	for (size_t i = 0; i < ARRAY_SIZE(clusters); i++) {
		const char *image = tmp("go");
		ntfs_tool_make(image, 64 * MiB, clusters[i], 512);
		ntfs_tool_fill(image, 3, 400);
		ck_assert_int_eq(unit_run("rm -rf '%s' && mkdir '%s'", mirror, mirror), 0);
		ck_assert_int_eq(ntfs_mounted(image, "ro", "cp -r . '%s'", mirror), 0);
		struct changing c = change(image);
		random_changes(&c, mirror, 200);
		change_commit(&c);
		/* Empty folders that were made on the way are in both. */
		ck_assert_int_eq(ntfs_mounted(image, "ro", "diff -r . '%s'", mirror), 0);
	}
}
END_TEST

/* 4 KiB sectors, MFT records of 4 KiB: what fits into a record is another size. */
START_TEST(native_4k_sectors)
{
	const char *image = tmp("4kn"), *mirror = tmp("mirror4k");
	ntfs_tool_make(image, 64 * MiB, 4096, 4096);
	ck_assert_int_eq(unit_run("mkdir '%s'", mirror), 0);
	srand(29);
	struct changing c = change(image);
	random_changes(&c, mirror, 100);
	change_commit(&c);
	ck_assert_int_eq(ntfs_mounted(image, "ro", "diff -r . '%s'", mirror), 0);
}
END_TEST

/* A folder with so many files that its index has several levels; all go again. */
START_TEST(a_large_folder)
{
	const char *image = tmp("many");
	ntfs_tool_make(image, 64 * MiB, 4096, 512);
	struct changing c = change(image);
	for (unsigned i = 0; i < 1000; i++) {
		CLEANUP_FREE char *path =
			xasprintf("\\many\\some file with a long name %u", i * 7919 % 1000);
		put_text(&c, path, path);
	}
	change_commit(&c);
	ck_assert_int_eq(ntfs_mounted(image, "ro",
				 "test $(ls many | wc -l) = 1000"
				 " && grep -q 'name 77$' 'many/some file with a long name 77'"),
		0);
	c = change(image);
	delete_path(&c, "\\many");
	change_commit(&c);
	ck_assert_int_eq(ntfs_mounted(image, "ro", "test -z \"$(ls)\""), 0);
}
END_TEST

/* Volumes that Windows wrote are as sound afterwards. */
START_TEST(volumes_of_windows)
{
	if (!unit_data_dir())
		unit_skip("real NTFS volumes: no test data (CE_TEST_DATA)");
	static const char *const cases[] = {
		"xzcat '%s/ntfs/velociraptor_partition_image.raw.xz' >'%s'",
		"zcat '%s/ntfs/dfir/ntfs3.raw.gz' >'%s'",
		"zcat '%s/ntfs/dfir/ntfs3_attrlist.raw.gz' >'%s'",
	};
	const char *mirror = tmp("windows-mirror");
	srand(31);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *image = tmp("windows");
		CLEANUP_FREE char *command = xasprintf(cases[i], unit_data_dir(), image);
		ck_assert_int_eq(unit_run("%s", command), 0);
		ck_assert_int_eq(unit_run("rm -rf '%s' && mkdir '%s'", mirror, mirror), 0);
		ck_assert_int_eq(ntfs_mounted(image, "ro", "cp -r . '%s'", mirror), 0);
		struct changing c = change(image);
		random_changes(&c, mirror, 40);
		put_text(&c, "\\Windows\\System32\\config\\SYSTEM", "new");
		if (i == 0) /* there it is "Config" */
			ck_assert_int_eq(
				unit_run("rm -r '%s/Windows/System32/Config/SYSTEM'", mirror), 0);
		mirror_put(mirror,
			i ? "\\Windows\\System32\\config\\SYSTEM"
			  : "\\Windows\\System32\\Config\\SYSTEM",
			"new", 3);
		change_commit(&c);
		ck_assert_int_eq(ntfs_mounted(image, "ro", "diff -r . '%s'", mirror), 0);
	}
}
END_TEST

/* ---- replacing ---- */

START_TEST(a_replaced_file_keeps)
{
	const char *image = tmp("keeps");
	static const uint64_t times[4] = {UINT64_C(0x01d000000000abcd),
		UINT64_C(0x01d0111111111111), UINT64_C(0x01d0222222222222),
		UINT64_C(0x01d0333333333333)};
	uint8_t sd[4096], have[4096];
	uint64_t now[4];
	ntfs_tool_make(image, 32 * MiB, 4096, 512);
	ntfs_tool_mkdir(image, "/a");
	ntfs_tool_mkdir(image, "/b");
	ntfs_tool_file(image, "/a/The File.txt", 50000);
	ntfs_tool_link(image, "/a/The File.txt", "/b/other");
	ntfs_tool_stream(image, "/a/The File.txt", "Zone.Identifier", "[ZoneTransfer]", 14);
	size_t len = sd_from_text(sd, "O:BA G:SY D:(D;;1;WD)(A;;1f01ff;AU)");
	ntfs_tool_set_security(image, "/a/The File.txt", sd, len);
	/* $KERNEL.PURGE.ESBCACHE, as Windows caches what it knows of a signature. */
	ck_assert_int_eq(
		ntfs_mounted(image, "rw",
			"setfattr -n system.ntfs_ea -v 0x2400000000160400244b45524e454c2e50555247452e4553"
			"424341434845000102030400 'a/The File.txt'"),
		0);
	ntfs_tool_set_flags(image, "/a/The File.txt", 0x27);
	ntfs_tool_set_times(image, "/a/The File.txt", times);
	ck_assert_ptr_nonnull(
		strstr(ntfs_tool_attributes(image, "/b/other"), "80:Zone.Identifier"));
	ck_assert_ptr_nonnull(strstr(ntfs_tool_attributes(image, "/b/other"), " e0"));
	uint64_t inode = ntfs_tool_inode(image, "/b/other");

	struct changing c = change(image);
	put_text(&c, "\\A\\THE file.TXT", "new");
	change_commit(&c);
	ck_assert_int_eq(ntfs_mounted(image, "ro",
				 "test $(cat 'a/The File.txt') = new &&"
				 " test $(cat b/other) = new &&"
				 " test $(ls a | wc -l) = 1"),
		0);
	ck_assert_uint_eq(ntfs_tool_inode(image, "/b/other"), inode);
	ck_assert_uint_eq(ntfs_tool_security(image, "/b/other", have, sizeof(have)), len);
	ck_assert_int_eq(memcmp(have, sd, len), 0);
	ck_assert_uint_eq(ntfs_tool_flags(image, "/b/other"), 0x27);
	ntfs_tool_times(image, "/b/other", now);
	ck_assert_uint_eq(now[0], times[0]);
	for (int i = 1; i < 4; i++)
		ck_assert_uint_gt(now[i], UINT64_C(133000000000000000)); /* June 2022 */
	ck_assert_str_eq(ntfs_tool_attributes(image, "/b/other"), "10 30 30 80");
}
END_TEST

/* Whatever the file was, it is plain afterwards. */
START_TEST(a_replaced_file_is_plain)
{
	static uint8_t data[100000];
	const char *image = tmp("plain");
	uint8_t reparse[24];
	size_t packed;
	ntfs_tool_make(image, 64 * MiB, 4096, 512);
	ntfs_tool_compressed_file(image, "/compressed");
	ntfs_tool_file(image, "/compressed", 200000);
	ck_assert_int_eq(ntfs_mounted(image, "rw", "truncate -s 5M sparse && echo x >>sparse"), 0);
	wof_sample(data, sizeof(data), 1);
	CLEANUP_FREE uint8_t *stream = wof_pack(3, data, sizeof(data), &packed);
	wof_reparse(reparse, 2, WOF_LZX);
	static const char *const wofs[] = {"/wof", "/wof without flag"};
	for (size_t i = 0; i < 2; i++) {
		ntfs_tool_file(image, wofs[i], 0);
		ntfs_tool_wof(image, wofs[i], sizeof(data), stream, packed, reparse, 24);
	}
	ntfs_tool_set_flags(image, wofs[1], 0x420);
	ck_assert_uint_eq(ntfs_tool_flags(image, "/compressed") & 0x800, 0x800);
	ck_assert_uint_eq(ntfs_tool_flags(image, "/sparse") & 0x200, 0x200);
	ck_assert_uint_eq(ntfs_tool_flags(image, "/wof") & 0x600, 0x600);
	ck_assert_uint_eq(ntfs_tool_reparse_points(image), 2);

	static const char *const paths[] = {"compressed", "sparse", "wof", "wof without flag"};
	struct changing c = change(image);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		CLEANUP_FREE char *path = xasprintf("\\%s", paths[i]);
		struct ntfs_stat st;
		ck_ok(ntfs_file_put(c.v, path, data, sizeof(data), &err));
		ck_ok(ntfs_file_stat(c.v, path, &st, &err));
		ck_assert(!st.wof);
		ck_assert_uint_eq(st.allocated, 102400);
	}
	change_commit(&c);
	mirror_put(unit_tmp(), "\\content", data, sizeof(data));
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		CLEANUP_FREE char *path = xasprintf("/%s", paths[i]);
		ck_assert_int_eq(
			ntfs_mounted(image, "ro", "cmp '.%s' '%s/content'", path, unit_tmp()), 0);
		ck_assert_uint_eq(ntfs_tool_flags(image, path), 0x20);
		/* No flag of the attribute ("!"), no other stream, no reparse point. */
		const char *have = ntfs_tool_attributes(image, path);
		ck_assert_msg(
			!strcmp(have, "10 30 50 80") || !strcmp(have, "10 30 80"), "%s", have);
	}
	ck_assert_uint_eq(ntfs_tool_reparse_points(image), 0);
}
END_TEST

/* A file whose attributes do not fit into one MFT record. */
START_TEST(a_fragmented_file_is_replaced)
{
	static uint8_t data[3000000];
	const char *image = tmp("fragments");
	ntfs_tool_make(image, 14 * MiB, 512, 512);
	/* Many small files, every other of them deleted; then one that fills all the holes. */
	ck_assert_int_eq(
		ntfs_mounted(image, "rw",
			"mkdir s && head -c 6000000 /dev/zero | split -a 4 -b 1536 - s/f &&"
			" ls s/* | sed -n 'n;p' | xargs rm &&"
			" { head -c 9000000 /dev/zero >'the file' || rm -r s; } 2>/dev/null"),
		0);
	ck_assert_ptr_nonnull(strstr(ntfs_tool_attributes(image, "/the file"), " 20"));
	fill(data, sizeof(data), 5);
	mirror_put(unit_tmp(), "\\large", data, sizeof(data));
	struct changing c = change(image);
	ck_ok(ntfs_file_put(c.v, "\\the file", data, sizeof(data), &err));
	change_commit(&c);
	ck_assert_int_eq(ntfs_mounted(image, "ro", "cmp 'the file' '%s/large'", unit_tmp()), 0);
	c = change(image);
	delete_path(&c, "\\the file");
	change_commit(&c);
}
END_TEST

/* ---- new files ---- */

START_TEST(security_is_inherited)
{
	uint8_t sd[4096];
	const char *image = tmp("security");
	ntfs_tool_make(image, 32 * MiB, 4096, 512);
	ntfs_tool_mkdir(image, "/Windows");
	size_t len = sd_from_text(sd,
		"O:TI G:TI D:AI(A;;1f01ff;TI)(A;CIIO;10000000;TI)(A;;1301bf;SY)(A;OICIIO;10000000;SY)"
		"(A;;1200a9;BU)(A;OICIIO;a0000000;BU)(A;OICIIO;10000000;CO)S:AI(AU;OICISAFA;2;WD)");
	ntfs_tool_set_security(image, "/Windows", sd, len);
	struct changing c = change(image);
	put_text(&c, "\\Windows\\System32\\drivers\\new.sys", "x");
	put_text(&c, "\\Windows\\new.txt", "x");
	put_text(&c, "\\Windows\\new too.txt", "x");
	change_commit(&c);
	static const char folder[] =
		"O:SY G:SY D:AI(A;ID;1f01ff;TI)(A;CIIOID;10000000;TI)(A;ID;1f01ff;SY)"
		"(A;OICIIOID;10000000;SY)(A;ID;1200a9;BU)(A;OICIIOID;a0000000;BU)"
		"(A;OICIIOID;10000000;CO) S:AI(AU;OICIIDSAFA;2;WD)";
	static const char file[] =
		"O:SY G:SY D:AI(A;ID;1f01ff;SY)(A;ID;1200a9;BU) S:AI(AU;IDSAFA;2;WD)";
	static const struct {
		const char *path, *want;
	} cases[] = {
		{"/Windows/System32", folder},
		{"/Windows/System32/drivers", folder},
		{"/Windows/System32/drivers/new.sys", file},
		{"/Windows/new.txt", file},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		len = ntfs_tool_security(image, cases[i].path, sd, sizeof(sd));
		ck_assert_str_eq(sd_to_text(sd, len), cases[i].want);
	}
	/* $Secure has each of these once; mkntfs made two, the write test made one. */
	ck_assert_int_eq(
		unit_run(
			"test $(ntfssecaudit -a '%s' 2>/dev/null | grep -c '^Valid entry at') = %d",
			image, 2 * 6),
		0);
}
END_TEST

START_TEST(times_and_flags_of_new_files)
{
	const char *image = tmp("times");
	uint64_t t[4];
	ntfs_tool_make(image, 32 * MiB, 4096, 512);
	struct changing c = change(image);
	put_text(&c, "\\folder\\file", "x");
	change_commit(&c);
	uint64_t now = ((uint64_t)time(NULL) + UINT64_C(11644473600)) * 10000000;
	static const char *const paths[] = {"/folder", "/folder/file"};
	for (int i = 0; i < 2; i++) {
		ntfs_tool_times(image, paths[i], t);
		for (int k = 0; k < 4; k++)
			ck_assert(t[k] <= now + 10000000 && t[k] > now - 600 * UINT64_C(10000000));
	}
	/* NTFS says by its index that a folder is one. */
	ck_assert_uint_eq(ntfs_tool_flags(image, "/folder") & 0xffff, 0);
	ck_assert_uint_eq(ntfs_tool_flags(image, "/folder/file"), 0x20);
}
END_TEST

START_TEST(short_names)
{
	const char *image = tmp("short");
	ntfs_tool_make(image, 32 * MiB, 4096, 512);
	ntfs_tool_mkdir(image, "/Program Files");
	ntfs_tool_dos_name(image, "/Program Files", "PROGRA~1");
	ntfs_tool_mkdir(image, "/plain");
	ntfs_tool_file(image, "/plain/has no short name", 0);
	struct changing c = change(image);
	put_text(&c, "\\Program Files\\Some Thing\\driver package.inf", "x");
	put_text(&c, "\\Program Files\\vmci.sys", "x");
	put_text(&c, "\\Program Data", "x");
	for (int i = 0; i < 6; i++) {
		CLEANUP_FREE char *path = xasprintf("\\Program Files\\driver file %d.cat", i);
		put_text(&c, path, "x");
	}
	put_text(&c, "\\plain\\another long name", "x");
	put_text(&c, "\\plain\\short.txt", "x");
	put_text(&c, "\\.x+y z.tar.gz2", "x");
	put_text(&c, "\\日本語.txt", "x");
	/* An 8.3 name is a name: this is the file, not a new one. */
	put_text(&c, "\\PROGRA~1\\DRIVER~1.CAT", "by its short name");
	change_commit(&c);
	static const struct {
		const char *path, *want;
	} cases[] = {
		{"/Program Files/Some Thing", "1:Some Thing|2:SOMETH~1"},
		{"/Program Files/Some Thing/driver package.inf",
			"1:driver package.inf|2:DRIVER~1.INF"},
		{"/Program Files/vmci.sys", "3:vmci.sys"},
		{"/Program Data", "1:Program Data|2:PROGRA~2"},
		{"/Program Files/driver file 0.cat", "1:driver file 0.cat|2:DRIVER~1.CAT"},
		{"/Program Files/driver file 3.cat", "1:driver file 3.cat|2:DRIVER~4.CAT"},
		{"/plain/another long name", "0:another long name"},
		{"/plain/short.txt", "0:short.txt"},
		{"/.x+y z.tar.gz2", "1:.x+y z.tar.gz2|2:X_YZTA~1.GZ2"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_str_eq(ntfs_tool_names(image, cases[i].path), cases[i].want);
	/* From the fifth on with a checksum, as where there are no letters. */
	const char *sum =
		strstr(ntfs_tool_names(image, "/Program Files/driver file 4.cat"), "2:DR");
	ck_assert(sum && strncmp(sum + 8, "~1.CAT", 6) == 0);
	sum = strstr(ntfs_tool_names(image, "/日本語.txt"), "2:");
	ck_assert(sum && strncmp(sum + 6, "~1.TXT", 6) == 0);
	ck_assert_int_eq(ntfs_mounted(image, "ro",
				 "grep -q 'short name' 'Program Files/driver file 0.cat'"
				 " && test $(ls 'Program Files' | wc -l) = 8"),
		0);
	/* With a name goes its short one. */
	c = change(image);
	delete_path(&c, "\\Program Files\\driver file 3.cat");
	delete_path(&c, "\\PROGRA~1\\DRIVER~2.CAT");
	delete_path(&c, "\\PROGRA~1\\SOMETH~1");
	change_commit(&c);
	ck_assert_int_eq(ntfs_mounted(image, "ro", "test $(ls 'Program Files' | wc -l) = 5"), 0);
}
END_TEST

UNIT_MAIN("ntfs-put", files_come_and_go, native_4k_sectors, volumes_of_windows, a_large_folder,
	a_replaced_file_keeps, a_replaced_file_is_plain, a_fragmented_file_is_replaced,
	security_is_inherited, times_and_flags_of_new_files, short_names)
