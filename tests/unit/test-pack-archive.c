/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packs that come as archives: made by zip, tar, bsdtar and Python, unpacked here and compared with the
 * folder they were made of; and hostile ones (tests/fixtures/make-archives.py), which leave nothing.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "mem.h"
#include "pack-archive.h"
#include "tree.h"
#include "unit.h"

/* A fresh folder of the case's own. */
static char *case_folder(void)
{
	char *dir = xasprintf("%s/%s", unit_tmp(), tcase_name());
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	return dir;
}

static int unpack(const char *archive, const char *dest, const struct pack_limits *limits,
	struct pack_listing *ret, struct error **err)
{
	struct op op = {0};
	CLEANUP_CLOSE int fd = open(archive, O_RDONLY | O_CLOEXEC);
	ck_assert_msg(fd >= 0, "%s: %s", archive, strerror(errno));
	return pack_unpack(fd, strrchr(archive, '/') + 1, dest, limits, ret, &op, err);
}

/* A folder to make archives of: an INF in a folder with a name that is not ASCII, an empty file, … */
static char *source_folder(void)
{
	char *dir = xasprintf("%s/source", unit_tmp());
	ck_assert_int_eq(unit_run("mkdir -p '%s/Größe/w10/amd64' '%s/empty' && cd '%s' && "
				  "printf '[Version]\\r\\n' >'Größe/w10/amd64/ünï.inf' && "
				  "printf '[Version]\\r\\n' >'B 2.INF' && : >nothing.txt && "
				  "seq 1 100000 >'Größe/w10/amd64/net.sys'",
				 dir, dir, dir),
		0);
	return dir;
}

static const char *const makers[] = {
	"zip -q -r '%s' .",
	"zip -q -0 -r '%s' .",
	"zip -q -r -D '%s' *",
	"tar -cf '%s' .",
	"tar --format=pax -cf '%s' .",
	"tar --format=ustar -cf '%s' *",
	"tar -czf '%s' .",
	"tar -cJf '%s' .",
	"bsdtar -c --format zip -f '%s' .",
	"bsdtar -c --format pax -f '%s' .",
	"bsdtar -c --format ustar -f '%s' .",
	"bsdtar -c -J -f '%s' .",
	"python3 -m zipfile -c '%s' *",
	"python3 -m tarfile -c '%s' *",
};

START_TEST(every_maker)
{
	CLEANUP_FREE char *source = source_folder();
	CLEANUP_FREE char *archive = xasprintf("%s/archive", unit_tmp());
	CLEANUP_FREE char *above = case_folder();
	CLEANUP_FREE char *dest = xasprintf("%s/dest", above);
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		CLEANUP(pack_listing_done) struct pack_listing l = {0};
		CLEANUP_FREE char *command = xasprintf(makers[i], archive);
		ck_assert_msg(
			unit_run("rm -rf '%s' '%s'* && cd '%s' && LC_ALL=C.UTF-8 %s "
				 ">/dev/null && { [ -e '%s' ] || mv '%s'.* '%s'; }",
				dest, archive, source, command, archive, archive, archive) == 0,
			"%s", command);
		ck_ok(unpack(archive, dest, NULL, &l, &err));
		ck_assert_int_eq(unit_run("[ -z \"$(find '%s' -type f ! -perm 600 -o -type d ! "
					  "-perm 700)\" ]",
					 dest),
			0);
		/* -D: no entries for folders, so the empty one is not there */
		ck_assert_msg(unit_run("mkdir -p '%s/empty' && diff -r '%s' '%s'", dest, source,
				      dest) == 0,
			"%s", command);
		ck_assert_uint_eq(l.files, 4);
		ck_assert_uint_eq(l.bytes, 588895 + 2 * 11);
		ck_assert_uint_eq(l.n_infs, 2);
		ck_assert_str_eq(l.infs[0], "B 2.INF");
		ck_assert_str_eq(l.infs[1], "Größe/w10/amd64/ünï.inf");
	}
}
END_TEST

static char *archive_dir(void)
{
	char *dir = xasprintf("%s/archives", unit_tmp());
	ck_assert_int_eq(unit_run("mkdir -p '%s' && python3 '%s/tests/fixtures/make-archives.py' "
				  "'%s'",
				 dir, unit_source_root(), dir),
		0);
	return dir;
}

START_TEST(spellings)
{
	static const char *const names[] = {"good.zip", "stored.zip", "backslash.zip", "dots.tar",
		"good.tar", "good-gnu.tar", "good.tar.gz"};
	CLEANUP_FREE char *dir = archive_dir();
	CLEANUP_FREE char *above = case_folder();
	CLEANUP_FREE char *dest = xasprintf("%s/dest", above);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(pack_listing_done) struct pack_listing l = {0};
		CLEANUP_FREE char *archive = xasprintf("%s/%s", dir, names[i]);
		ck_ok(unpack(archive, dest, NULL, &l, &err));
		ck_assert_uint_eq(l.files, 4);
		ck_assert_uint_eq(l.n_infs, 2);
		ck_assert_str_eq(l.infs[0], "NetKVM/w10/amd64/netkvm.inf");
		ck_assert_str_eq(l.infs[1], "viostor/viostor.INF");
		ck_assert_int_eq(unit_run("[ $(stat -c %%s '%s/NetKVM/w10/amd64/netkvm.sys') = "
					  "16384 ]",
					 dest),
			0);
		ck_ok(tree_remove(AT_FDCWD, dest, &err));
	}
}
END_TEST

/* What is unpacked is what the reader of packs takes, the deepest file too. */
START_TEST(read_as_a_pack)
{
	CLEANUP_FREE char *dir = archive_dir();
	CLEANUP_FREE char *above = case_folder();
	CLEANUP_FREE char *first = xasprintf("%s/first", above);
	CLEANUP_FREE char *second = xasprintf("%s/second", above);
	CLEANUP_FREE char *good = xasprintf("%s/good.zip", dir);
	CLEANUP_FREE char *deepest = xasprintf("%s/deepest.zip", dir);
	CLEANUP(pack_listing_done) struct pack_listing l = {0}, m = {0};
	CLEANUP(pack_set_free_p) struct pack_set *set = NULL;
	CLEANUP_FREE uint8_t *data = NULL;
	const char *const folders[] = {first, second, NULL};
	size_t len;
	ck_ok(unpack(good, first, NULL, &l, &err));
	ck_ok(unpack(deepest, second, NULL, &m, &err));
	ck_ok(pack_set_open(&set, folders, &err));
	ck_assert_uint_eq(set->n, 3);
	ck_assert_str_eq(set->v[0].pack, "first");
	ck_assert_str_eq(set->v[0].folder, "NetKVM/w10/amd64");
	ck_assert_str_eq(set->v[1].folder, "viostor");
	ck_assert_str_eq(set->v[2].pack, "second");
	ck_ok(pack_read(set, &set->v[0], "NETKVM.SYS", &data, &len, &err));
	ck_assert_uint_eq(len, 16384);
}
END_TEST

static const struct {
	const char *archive, *message;
} hostile[] = {
	{"dotdot.zip", "\"../evil.inf\" leads out of the pack"},
	{"dotdot.tar", "\"../evil.inf\" leads out of the pack"},
	{"dotdot-inside.zip", "leads out of the pack"},
	{"dotdot-backslash.zip", "leads out of the pack"},
	{"dotdot-mixed.tar", "leads out of the pack"},
	{"absolute.zip", "\"/tmp/evil.inf\" is an absolute path"},
	{"absolute.tar", "\"/tmp/evil.inf\" is an absolute path"},
	{"unc.zip", "is an absolute path"},
	{"drive.zip", "begins with a drive letter"},
	{"drive.tar", "\"c:evil.inf\" begins with a drive letter"},
	{"stream.zip", "a character that Windows does not allow"},
	{"device.zip", "\"NUL.inf\" is a device's name in Windows"},
	{"trailing-dot.tar", "ends with a dot or a space"},
	{"newline.tar", "a character that Windows does not allow"},
	{"not-utf8.tar", "is not UTF-8"},
	{"long.tar", "400 at most expected"},
	{"deep.zip", "lies deeper than 15 folders"},
	{"twice.zip", "\"a.inf\" is in the archive twice"},
	{"twice-case.tar", "\"dir/A.inf\" and \"dir/a.INF\" differ only in upper and lower case"},
	{"twice-umlaut.zip", "differ only in upper and lower case"},
	{"folder-case.zip", "\"Dir\" and \"dir\" differ only in upper and lower case"},
	{"file-as-folder.tar", "\"A\" is both a file and a folder"},
	{"symlink.tar", "\"evil.inf\" is a symbolic link"},
	{"symlink.zip", "\"evil\" is a symbolic link"},
	{"through-link.tar", "\"sub\" is a symbolic link"},
	{"hardlink.tar", "\"evil.inf\" is a hard link"},
	{"fifo.tar", "\"evil.inf\" is a named pipe"},
	{"char.tar", "\"evil.inf\" is a device"},
	{"block.tar", "\"evil.inf\" is a device"},
	{"empty", "is no zip, tar, tar.gz or tar.xz"},
	{"text", "is no zip, tar, tar.gz or tar.xz"},
	{"cut.zip", "is no zip, tar, tar.gz or tar.xz"},
	{"cut-head.zip", NULL},
	{"cut-between.tar", "cut short"},
	{"cut-inside.tar", "Truncated"},
	{"cut.tar.gz", "runcated"},
	{"crc.zip", "\"a.inf\": ZIP bad CRC"},
	{"size.zip", "\"size.inf\": ZIP uncompressed data is wrong size"},
	{"twice.tar.gz", "is compressed twice"},
	{"large-bomb.zip", "is more than 100 times as large unpacked (at \"zero.bin\")"},
	{"sparse.tar", "\"hole.inf\" is larger than 268435456 bytes"},
	{"no-inf.zip", "holds no INF file"},
	{"no-files.zip", NULL},
};

static void check_nothing_left(const char *dir, const char *archive)
{
	unsigned n = 0;
	DIR *d = opendir(dir);
	while (readdir(d))
		n++;
	closedir(d);
	ck_assert_msg(n == 2, "%s left something", archive);
	ck_assert_msg(access("/tmp/evil.inf", F_OK) < 0, "%s got out", archive);
}

START_TEST(hostile_archives)
{
	CLEANUP_FREE char *dir = archive_dir();
	CLEANUP_FREE char *above = case_folder();
	CLEANUP_FREE char *dest = xasprintf("%s/dest", above);
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		struct pack_listing l = {0};
		CLEANUP_FREE char *archive = xasprintf("%s/%s", dir, hostile[i].archive);
		CLEANUP_FREE char *prefix = xasprintf("pack \"%s\": ", hostile[i].archive);
		ck_fails(unpack(archive, dest, NULL, &l, &err), ERR_PACK_INVALID,
			hostile[i].message ? hostile[i].message : prefix);
		check_nothing_left(above, hostile[i].archive);
	}
}
END_TEST

START_TEST(encrypted_archives)
{
	CLEANUP_FREE char *source = source_folder();
	CLEANUP_FREE char *archive = xasprintf("%s/secret.zip", unit_tmp());
	CLEANUP_FREE char *above = case_folder();
	CLEANUP_FREE char *dest = xasprintf("%s/dest", above);
	struct pack_listing l = {0};
	ck_assert_int_eq(unit_run("cd '%s' && zip -q -r -P secret '%s' .", source, archive), 0);
	ck_fails(unpack(archive, dest, NULL, &l, &err), ERR_PACK_INVALID, "is encrypted");
	ck_assert_int_lt(access(dest, F_OK), 0);
}
END_TEST

static const struct {
	const char *archive, *message;
	struct pack_limits change; /* what is not 0 */
} limited[] = {
	{"bomb.zip", "more than 100 times as large", {.ratio_free = 1 << 20}},
	{"bomb.tar.gz", "more than 100 times as large", {.ratio_free = 1 << 20}},
	{"bomb.zip", "\"zero.bin\" is larger than 1048576 bytes", {.file_size = 1 << 20}},
	{"bomb.tar.gz", "holds more than 100000 bytes (at \"zero.bin\")", {.total = 100000}},
	{"many.zip", "holds more than 299 files and folders", {.files = 299}},
	{"many.zip", "holds more than 10 INFs", {.infs = 10}},
	{"good.zip", "lies deeper than 2 folders", {.depth = 3}},
};

START_TEST(limits)
{
	CLEANUP_FREE char *dir = archive_dir();
	CLEANUP_FREE char *above = case_folder();
	CLEANUP_FREE char *dest = xasprintf("%s/dest", above);
	for (size_t i = 0; i < ARRAY_SIZE(limited); i++) {
		CLEANUP(pack_listing_done) struct pack_listing l = {0};
		CLEANUP_FREE char *archive = xasprintf("%s/%s", dir, limited[i].archive);
		const struct pack_limits *c = &limited[i].change;
		struct pack_limits tight = pack_limits_default;
		tight.files = c->files ? c->files : tight.files;
		tight.depth = c->depth ? c->depth : tight.depth;
		tight.infs = c->infs ? c->infs : tight.infs;
		tight.file_size = c->file_size ? c->file_size : tight.file_size;
		tight.total = c->total ? c->total : tight.total;
		tight.ratio_free = c->ratio_free ? c->ratio_free : tight.ratio_free;
		ck_fails(unpack(archive, dest, &tight, &l, &err), ERR_PACK_INVALID,
			limited[i].message);
		check_nothing_left(above, limited[i].archive);
	}
	/* Exactly at the limit. */
	struct pack_limits exact = pack_limits_default;
	CLEANUP(pack_listing_done) struct pack_listing l = {0};
	CLEANUP_FREE char *archive = xasprintf("%s/many.zip", dir);
	exact.files = exact.infs = 300;
	ck_ok(unpack(archive, dest, &exact, &l, &err));
	ck_assert_uint_eq(l.n_infs, 300);
}
END_TEST

START_TEST(the_folder)
{
	CLEANUP_FREE char *dir = archive_dir();
	CLEANUP_FREE char *archive = xasprintf("%s/good.zip", dir);
	CLEANUP_FREE char *above = case_folder();
	CLEANUP_FREE char *dest = xasprintf("%s/dest", above);
	CLEANUP_FREE char *missing = xasprintf("%s/missing/dest", above);
	CLEANUP(pack_listing_done) struct pack_listing l = {0}, other = {0};
	/* what a killed process left is no obstacle, and no part of the result */
	ck_assert_int_eq(unit_run("mkdir -p '%s/.dest.part/old'", above), 0);
	ck_ok(unpack(archive, dest, NULL, &l, &err));
	ck_assert_int_eq(unit_run("[ ! -e '%s/old' -a ! -e '%s/.dest.part' ]", dest, above), 0);
	ck_fails(unpack(archive, dest, NULL, &other, &err), ERR_TARGET_EXISTS, "there already");
	ck_assert_int_eq(unit_run("[ -e '%s/readme.txt' ]", dest), 0);
	ck_fails(unpack(archive, missing, NULL, &other, &err), ERR_WRITE, "cannot open the folder");
}
END_TEST

START_TEST(a_stop_leaves_nothing)
{
	atomic_int stop = OP_STOP_CANCEL;
	struct op op;
	struct pack_listing l = {0};
	CLEANUP_FREE char *dir = archive_dir();
	CLEANUP_FREE char *archive = xasprintf("%s/good.zip", dir);
	CLEANUP_FREE char *above = case_folder();
	CLEANUP_FREE char *dest = xasprintf("%s/dest", above);
	CLEANUP_CLOSE int fd = open(archive, O_RDONLY | O_CLOEXEC);
	op_init(&op, NULL, NULL, &stop);
	ck_fails(pack_unpack(fd, "good.zip", dest, NULL, &l, &op, &err), ERR_CANCELED, NULL);
	ck_assert_int_eq(unit_run("[ ! -e '%s' -a ! -e '%s/.dest.part' ]", dest, above), 0);
}
END_TEST

START_TEST(trees_are_removed)
{
	CLEANUP_FREE char *dir = xasprintf("%s/tree", unit_tmp());
	ck_assert_int_eq(unit_run("mkdir -p '%s/a/b/c' '%s/keep' && ln -s ../keep '%s/a/link' && "
				  "mkfifo '%s/a/b/pipe' && touch '%s/a/b/c/f' '%s/keep/f'",
				 dir, dir, dir, dir, dir, dir),
		0);
	CLEANUP_FREE char *a = xasprintf("%s/a", dir);
	ck_ok(tree_remove(AT_FDCWD, a, &err));
	ck_assert_int_eq(unit_run("[ ! -e '%s' -a -e '%s/keep/f' ]", a, dir), 0);
	ck_ok(tree_remove(AT_FDCWD, a, &err)); /* not there: removed already */
	CLEANUP_FREE char *deep = xasprintf("%s/deep", dir);
	ck_assert_int_eq(unit_run("cd '%s' && p=deep && for i in $(seq 80); do p=$p/d; done && "
				  "mkdir -p $p",
				 dir),
		0);
	ck_fails(tree_remove(AT_FDCWD, deep, &err), ERR_SYSTEM, "lies too deep");
}
END_TEST

UNIT_MAIN("pack-archive", every_maker, spellings, read_as_a_pack, hostile_archives,
	encrypted_archives, limits, the_folder, a_stop_leaves_nothing, trees_are_removed)
