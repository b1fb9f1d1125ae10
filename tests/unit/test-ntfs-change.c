/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which volumes are changed, what is refused, what is deleted, and what a failure leaves. */
#include "ntfs-state-util.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "disk-fault.h"

/* ---- which volumes ---- */

START_TEST(volumes_that_are_refused)
{
	const char *image = tmp("refused");
	make(image);
	ntfs_tool_set_dirty(image);
	check_refused(image, 0, ERR_NTFS_DIRTY, "marked the volume for chkdsk");
	check_refused(image, NTFS_DISCARD_HIBERNATION, ERR_NTFS_DIRTY, "chkdsk");
	make(image);
	make_hibernated(image);
	check_refused(image, 0, ERR_HIBERNATED, "hibernated");
	make(image);
	make_journal_unclean(image, 1);
	check_probe(image, 15);
	check_refused(image, 0, ERR_NTFS_DIRTY, "journal");
	check_refused(image, NTFS_DISCARD_HIBERNATION, ERR_NTFS_DIRTY, "journal");
	make(image);
	make_journal_unclean(image, 2); /* 2.0: kept open over a shutdown */
	check_probe(image, 14);
	check_refused(image, 0, ERR_NTFS_DIRTY, "journal");
	ck_assert_int_eq(unit_run("head -c 33554432 /dev/zero >'%s'", image), 0);
	check_refused(image, 0, ERR_NTFS_DAMAGED, "no NTFS");
}
END_TEST

START_TEST(a_volume_open_for_reading)
{
	const char *image = tmp("reading");
	struct disk *d = NULL;
	struct ntfs_volume *v = NULL;
	struct op op = {0};
	make(image);
	ck_ok(disk_open(&d, image, 0, &err));
	ck_ok(ntfs_volume_open(&v, d, 0, d->size, &err));
	ck_fails(ntfs_file_put(v, "\\x", "x", 1, &err), ERR_INVALID_ARGUMENT, "reading only");
	ck_fails(ntfs_file_delete(v, "\\Windows", &op, &err), ERR_INVALID_ARGUMENT, "reading only");
	ck_fails(ntfs_volume_sync(v, &err), ERR_INVALID_ARGUMENT, "reading only");
	ntfs_volume_close(v);
	/* A disk that takes no writes is found by the write test. */
	v = NULL;
	ck_fails(ntfs_volume_open_write(&v, d, 0, d->size, 0, &err), ERR_DISK_WRITE, "write test");
	disk_close(d);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(what_is_refused)
{
	static const struct {
		const char *path;
		enum err_code code;
		const char *text;
	} cases[] = {
		{"\\$MFT", ERR_INVALID_ARGUMENT, "volume's own"},
		{"\\$Extend\\$Reparse", ERR_INVALID_ARGUMENT, "volume's own"},
		{"\\$Extend\\new", ERR_INVALID_ARGUMENT, "volume's own"},
		{"", ERR_FILE_UNSUPPORTED, "is a folder"},
		{"\\Windows", ERR_FILE_UNSUPPORTED, "is a folder"},
		{"\\windows\\", ERR_FILE_UNSUPPORTED, "is a folder"},
		{"\\Windows\\file\\x", ERR_FILE_UNSUPPORTED, "\"file\" is a file, not a folder"},
		{"\\secret", ERR_FILE_UNSUPPORTED, "encrypted"},
		{"\\link", ERR_FILE_UNSUPPORTED, "symbolic link"},
		{"\\junction\\x", ERR_FILE_UNSUPPORTED, "not followed"},
		{"\\new\\con.txt", ERR_INVALID_FILE_NAME, NULL},
		{"\\new\\a:b", ERR_INVALID_FILE_NAME, NULL},
		{"\\new\\dot.", ERR_INVALID_FILE_NAME, NULL},
		{"\\new\\..\\x", ERR_INVALID_FILE_NAME, NULL},
		{"\\new\\\xff", ERR_INVALID_FILE_NAME, NULL},
	};
	const char *image = tmp("what");
	uint8_t reparse[32] = {0};
	make(image);
	ntfs_tool_file(image, "/secret", 100);
	ntfs_tool_set_flags(image, "/secret", 0x4020);
	ntfs_tool_file(image, "/link", 0);
	le32_put(reparse, 0xa000000c);
	le32_put(reparse + 4, 24);
	ntfs_tool_reparse(image, "/link", reparse, 32);
	ntfs_tool_mkdir(image, "/junction");
	le32_put(reparse, 0xa0000003);
	ntfs_tool_reparse(image, "/junction", reparse, 32);
	struct changing c = change(image);
	uint64_t before = disk_digest(overlay_disk(c.overlay));
	struct op op = {0};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_fails(ntfs_file_put(c.v, cases[i].path, "x", 1, &err), cases[i].code,
			cases[i].text);
	for (size_t i = 0; i < 4; i++)
		if (i != 2)
			ck_fails(ntfs_file_delete(c.v, cases[i].path, &op, &err),
				ERR_INVALID_ARGUMENT, "own files");
	ck_fails(ntfs_file_put(c.v, "\\huge", "x", SIZE_MAX, &err), ERR_INVALID_ARGUMENT, "bytes");
	/* A refusal does not spoil the volume: nothing was written. */
	ck_assert_uint_eq(disk_digest(overlay_disk(c.overlay)), before);
	put_text(&c, "\\fine", "fine");
	change_commit(&c);
	ck_assert_int_eq(ntfs_mounted(image, "ro", "test $(cat fine) = fine && test ! -e new"), 0);
}
END_TEST

/* ---- deleting ---- */

START_TEST(trees_are_deleted)
{
	const char *image = tmp("trees");
	uint8_t reparse[32] = {0};
	make(image);
	ntfs_tool_mkdir(image, "/kept");
	ntfs_tool_file(image, "/kept/precious", 5000);
	ck_assert_int_eq(ntfs_mounted(image, "rw",
				 "mkdir -p tree/a/b/c/d tree/e && for i in $(seq 200); do echo $i"
				 " >tree/a/b/f$i; done && ln kept/precious tree/e/link &&"
				 " echo x >'tree/ünï 𝒳' && echo y >tree/e/only &&"
				 " ln tree/e/only tree/a/both"),
		0);
	ntfs_tool_mkdir(image, "/tree/junction");
	le32_put(reparse, 0xa0000003);
	le32_put(reparse + 4, 24);
	ntfs_tool_reparse(image, "/tree/junction", reparse, 32);
	uint64_t free_before = ntfs_tool_free_clusters(image);
	struct changing c = change(image);
	delete_path(&c, "\\not there");
	delete_path(&c, "\\not there\\at all");
	delete_path(&c, "\\Windows\\file\\x");
	delete_path(&c, "\\TREE");
	delete_path(&c, "\\windows\\FILE");
	change_commit(&c);
	ck_assert_int_eq(ntfs_mounted(image, "ro",
				 "test \"$(find . | sort | tr '\\n' ' ')\" ="
				 " '. ./Windows ./kept ./kept/precious ' &&"
				 " test $(stat -c %%h-%%s kept/precious) = 1-5000"),
		0);
	ck_assert_uint_gt(ntfs_tool_free_clusters(image), free_before + 30000 / 4096);
	ck_assert_uint_eq(ntfs_tool_reparse_points(image), 0);
}
END_TEST

/* Two links to one file, each with an 8.3 name of its folder's own or none: only the one named goes. */
START_TEST(hard_links_are_deleted_one_by_one)
{
	const char *image = tmp("links");
	make(image);
	ntfs_tool_mkdir(image, "/other");
	ntfs_tool_file(image, "/Windows/a long file name.sys", 9000);
	ntfs_tool_dos_name(image, "/Windows/a long file name.sys", "ALONGF~1.SYS");
	ntfs_tool_link(image, "/Windows/a long file name.sys", "/other/a long file name.sys");
	struct changing c = change(image);
	delete_path(&c, "\\other\\a long file name.sys");
	change_commit(&c);
	ck_assert_str_eq(ntfs_tool_names(image, "/Windows/a long file name.sys"),
		"1:a long file name.sys|2:ALONGF~1.SYS");
	ntfs_tool_link(image, "/Windows/a long file name.sys", "/other/a long file name.sys");
	c = change(image);
	delete_path(&c, "\\Windows\\a long file name.sys");
	change_commit(&c);
	ck_assert_str_eq(
		ntfs_tool_names(image, "/other/a long file name.sys"), "0:a long file name.sys");
}
END_TEST

START_TEST(deleting_stops_when_asked)
{
	const char *image = tmp("stop");
	atomic_int stop = OP_STOP_CANCEL;
	struct op op;
	make(image);
	struct changing c = change(image);
	op_init(&op, NULL, NULL, &stop);
	ck_fails(ntfs_file_delete(c.v, "\\Windows", &op, &err), ERR_CANCELED, NULL);
	/* Half a tree is left: nobody commits that. */
	ck_fails(ntfs_volume_sync(c.v, &err), ERR_CANCELED, "after an earlier failure");
	change_drop(&c);
}
END_TEST

/* Folders nested deeper than any path of Windows reaches. */
START_TEST(bottomless_folders)
{
	const char *image = tmp("deep");
	struct op op = {0};
	make(image);
	ck_assert_int_eq(
		ntfs_mounted(image, "rw",
			"mkdir deep && cd deep && i=0; while [ $i -lt 270 ]; do mkdir d && cd d"
			" || exit 1; i=$((i+1)); done; cd /"),
		0);
	struct changing c = change(image);
	ck_fails(ntfs_file_delete(c.v, "\\deep", &op, &err), ERR_NTFS_DAMAGED, "nested deeper");
	change_drop(&c);
}
END_TEST

/* ---- no room ---- */

START_TEST(a_full_volume)
{
	const char *image = tmp("full");
	CLEANUP_FREE char *data = xcalloc(1, 40 * MiB);
	uint64_t room, counted;
	make(image);
	struct changing c = change(image);
	ck_ok(ntfs_volume_free_bytes(c.v, UINT64_MAX, &room, &err));
	ck_ok(ntfs_volume_free_bytes(c.v, 1, &counted, &err));
	ck_assert_uint_ge(counted, 1);
	ck_fails(ntfs_file_put(c.v, "\\large", data, 40 * MiB, &err), ERR_NO_SPACE,
		"\"\\large\" has 41943040 bytes, the volume ");
	/* Refused before anything was written: others fit. */
	ck_ok(ntfs_file_put(c.v, "\\large", data, room - 400000, &err));
	ck_fails(ntfs_file_put(c.v, "\\other", data, 500000, &err), ERR_NO_SPACE, "\\other");
	/* What a replaced file holds counts. */
	ck_ok(ntfs_file_put(c.v, "\\large", data, room - 350000, &err));
	delete_path(&c, "\\large");
	ck_ok(ntfs_file_put(c.v, "\\other", data, 500000, &err));
	change_commit(&c);
	struct changing again = change(image);
	ck_ok(ntfs_volume_free_bytes(again.v, UINT64_MAX, &room, &err));
	ck_assert_uint_eq(room / 4096, ntfs_tool_free_clusters(image));
	change_drop(&again);
}
END_TEST

/* ---- failures ---- */

/* The overlay, but for writes that fail after so many. */
struct failing {
	struct disk disk;
	struct disk *under;
	unsigned left;
};

static int failing_pread(struct disk *d, void *buf, size_t len, uint64_t offset, struct error **err)
{
	return disk_pread(((struct failing *)d)->under, buf, len, offset, err);
}

static int failing_pwrite(
	struct disk *d, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	struct failing *f = (struct failing *)d;
	if (!f->left)
		return err_set(err, ERR_WRITE, "no more writes");
	f->left--;
	return disk_pwrite(f->under, buf, len, offset, err);
}

static int change_much(struct ntfs_volume *v, struct error **err)
{
	static char data[50000];
	struct op op = {0};
	if (ntfs_file_put(v, "\\Windows\\a new folder\\a new file.sys", data, 50000, err) < 0 ||
		ntfs_file_put(v, "\\Windows\\file", data, 300, err) < 0 ||
		ntfs_file_put(v, "\\Windows\\long name of a file", data, 20000, err) < 0 ||
		ntfs_file_delete(v, "\\Windows\\a new folder", &op, err) < 0)
		return -1;
	return ntfs_volume_sync(v, err);
}

START_TEST(every_write_fails_once)
{
	static const struct disk_ops ops = {
		.name = "failing", .pread = failing_pread, .pwrite = failing_pwrite};
	const char *image = tmp("fails");
	make(image);
	ntfs_tool_mkdir(image, "/Program Files");
	ntfs_tool_dos_name(image, "/Program Files", "PROGRA~1");
	unsigned n = 0, refused = 0, spoilt = 0;
	for (bool done = false; !done; n++) {
		struct changing c = {.image = image};
		struct ntfs_volume *v = NULL;
		CLEANUP_ERR struct error *why = NULL;
		CLEANUP_FREE char *journal = xasprintf("%s.journal", image);
		ck_ok(disk_open(&c.disk, image, 0, &err));
		ck_ok(overlay_new(&c.overlay, c.disk, journal, "test", &err));
		struct failing f = {.disk = *overlay_disk(c.overlay),
			.under = overlay_disk(c.overlay),
			.left = n};
		f.disk.ops = &ops;
		if (ntfs_volume_open_write(&v, &f.disk, 0, c.disk->size, 0, &why) < 0) {
			refused++;
		} else if (change_much(v, &why) < 0) {
			/* The disk works again, but what has failed stays failed. */
			spoilt++;
			f.left = 1000;
			ck_fails(ntfs_volume_sync(v, &err), ERR_WRITE, "after an earlier failure");
			ck_fails(ntfs_file_put(v, "\\x", "x", 1, &err), ERR_WRITE, "earlier");
		} else {
			done = true;
		}
		if (!done)
			ck_assert_int_eq((int)why->code, ERR_WRITE);
		ntfs_volume_close(v);
		change_drop(&c);
	}
	printf("# %u writes: %u times not opened, %u times spoilt\n", n, refused, spoilt);
	ck_assert_uint_gt(refused, 10);
	ck_assert_uint_gt(spoilt, 50);
	/* The image never changed. */
	ck_assert_int_eq(ntfs_mounted(image, "ro", "test $(stat -c %%s Windows/file) = 30000"), 0);
}
END_TEST

/* As a disk breaks: that many reads succeed, no more. Never is a change called done that is not. */
START_TEST(reads_fail)
{
	const char *image = tmp("reads");
	make(image);
	ntfs_tool_fill(image, 1, 300);
	unsigned n = 0, spoilt = 0;
	for (bool done = false; !done; n++) {
		struct changing c = {.image = image};
		CLEANUP_ERR struct error *why = NULL;
		CLEANUP_FREE char *journal = xasprintf("%s.journal", image);
		ck_ok(disk_open(&c.disk, image, 0, &err));
		struct disk_fault *broken = disk_fault_new(c.disk);
		c.disk = &broken->disk;
		broken->reads_left = n;
		ck_ok(overlay_new(&c.overlay, c.disk, journal, "test", &err));
		if (ntfs_volume_open_write(
			    &c.v, overlay_disk(c.overlay), 0, c.disk->size, 0, &why) == 0) {
			done = ntfs_file_put(c.v, "\\folder 3\\new file", "x", 1, &why) == 0 &&
			       change_much(c.v, &why) == 0;
			spoilt += !done;
		}
		ck_assert_int_eq(done, broken->failures == 0);
		if (!done)
			ck_assert_int_eq((int)why->code, ERR_DISK_READ);
		change_drop(&c);
	}
	printf("# %u reads, %u times spoilt\n", n, spoilt);
	ck_assert_uint_gt(spoilt, 2);
}
END_TEST

/* ---- cost ---- */

static void measure(uint64_t size, unsigned files, uint64_t *ret_reads, uint64_t *ret_bytes)
{
	const char *image = tmp("cost");
	struct changing c = {.image = image};
	CLEANUP_FREE char *journal = xasprintf("%s.journal", image);
	ntfs_tool_make(image, size, 4096, 512);
	ntfs_tool_fill(image, 1, files);
	ck_ok(disk_open(&c.disk, image, 0, &err));
	struct disk_fault *counted = disk_fault_new(c.disk);
	c.disk = &counted->disk;
	ck_ok(overlay_new(&c.overlay, c.disk, journal, "test", &err));
	ck_ok(ntfs_volume_open_write(&c.v, overlay_disk(c.overlay), 0, c.disk->size, 0, &err));
	put_text(&c, "\\folder 1\\new file", "text");
	put_text(&c, "\\folder 1\\new file", "other text");
	delete_path(&c, "\\folder 1\\file with some name 1");
	ck_ok(ntfs_volume_sync(c.v, &err));
	*ret_reads = counted->reads;
	*ret_bytes = counted->bytes;
	change_drop(&c);
	ck_assert_int_eq(unlink(image), 0);
}

/* Neither the size of the volume nor the number of its files. */
START_TEST(what_it_costs)
{
	uint64_t reads[3], bytes[3];
	measure(64 * MiB, 50, &reads[0], &bytes[0]);
	measure(256 * GiB, 50, &reads[1], &bytes[1]);
	measure(64 * MiB, 1500, &reads[2], &bytes[2]);
	for (int i = 0; i < 3; i++)
		printf("# %llu reads, %llu bytes\n", (unsigned long long)reads[i],
			(unsigned long long)bytes[i]);
	for (int i = 1; i < 3; i++) {
		ck_assert_uint_lt(reads[i], reads[0] * 3 / 2);
		ck_assert_uint_lt(bytes[i], bytes[0] * 3 / 2 + MiB);
	}
}
END_TEST

UNIT_MAIN("ntfs-change", volumes_that_are_refused, a_volume_open_for_reading, what_is_refused,
	trees_are_deleted, hard_links_are_deleted_one_by_one, deleting_stops_when_asked,
	bottomless_folders, a_full_volume, every_write_fails_once, reads_fail, what_it_costs)
