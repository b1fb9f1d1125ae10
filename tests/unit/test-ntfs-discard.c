/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hibernated session that is thrown away, and the mark that this leaves. */
#include "ntfs-state-util.h"

START_TEST(a_hibernated_session_is_discarded)
{
	const char *image = tmp("discard");
	make(image);
	make_hibernated(image);
	make_journal_unclean(image, 2);
	check_probe(image, 14);
	struct changing c;
	struct ntfs_stat st;
	ck_assert_int_eq(unit_run("sha256sum <'%s' >'%s.sum'", image, image), 0);
	ck_ok(change_try(&c, image, NTFS_DISCARD_HIBERNATION, &err));
	ck_ok(ntfs_file_stat(c.v, "\\hiberfil.sys", &st, &err));
	ck_assert(!st.exists);
	ck_assert(!ntfs_volume_facts(c.v)->hibernated);
	put_text(&c, "\\Windows\\file", "new");
	change_commit(&c);
	check_probe(image, 0);
	ck_assert_int_eq(ntfs_mounted(image, "ro", "test $(cat Windows/file) = new"), 0);
	/* Windows is to have a look; until then it is ours, and stays marked. */
	for (unsigned flags = 0; flags <= NTFS_DISCARD_HIBERNATION; flags++) {
		ck_assert_int_eq(unit_run("sha256sum <'%s' >'%s.sum'", image, image), 0);
		ck_ok(change_try(&c, image, flags, &err));
		put_text(&c, "\\Windows\\file", flags ? "newest" : "newer");
		ck_assert(ntfs_volume_facts(c.v)->dirty);
		change_commit(&c);
	}
}
END_TEST

static void overwrite(const char *image, uint64_t at, uint8_t byte)
{
	CLEANUP_CLOSE int fd = open(image, O_RDWR);
	ck_assert_int_eq(pwrite_full(fd, &byte, 1, at), 0);
}

START_TEST(a_dirty_volume_is_ours_only_as_we_left_it)
{
	const char *image = tmp("ours");
	struct changing c;
	make(image);
	make_hibernated(image);
	ck_assert_int_eq(unit_run("sha256sum <'%s' >'%s.sum'", image, image), 0);
	ck_ok(change_try(&c, image, NTFS_DISCARD_HIBERNATION, &err));
	change_commit(&c);
	ck_assert_int_eq(unit_run("cp '%s' '%s.kept'", image, image), 0);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(unit_run("cp '%s.kept' '%s'", image, image), 0);
		if (i == 0)
			ck_assert_int_eq(
				ntfs_mounted(image, "rw", "rm ce-session-discarded.txt"), 0);
		else if (i == 1)
			ck_assert_int_eq(
				ntfs_mounted(image, "rw", "echo >>ce-session-discarded.txt"), 0);
		else if (i == 2)
			make_journal_unclean(image, 1);
		else /* the sequence number of the root folder's record */
			overwrite(image, ntfs_tool_data_offset(image, 0) + 5 * 1024 + 8, 77);
		check_refused(image, 0, ERR_NTFS_DIRTY, "chkdsk");
		check_refused(image, NTFS_DISCARD_HIBERNATION, ERR_NTFS_DIRTY, "chkdsk");
	}
	/* Checked since: the file goes. */
	ck_assert_int_eq(
		unit_run("cp '%s.kept' '%s' && ntfsfix -d '%s' >/dev/null", image, image, image),
		0);
	c = change(image);
	ck_assert(!ntfs_volume_facts(c.v)->dirty);
	change_commit(&c);
	ck_assert_int_eq(ntfs_mounted(image, "ro", "test ! -e ce-session-discarded.txt"), 0);
}
END_TEST

UNIT_MAIN("ntfs-discard", a_hibernated_session_is_discarded,
	a_dirty_volume_is_ours_only_as_we_left_it)
