/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Disks in image files, against QEMU; and where the parents of differencing ones are looked for. */
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "disk.h"
#include "mem.h"
#include "utf16.h"
#include "vhd-format.h"

#define SIZE (16 * MiB)

static char *in_folder(const char *folder, const char *name)
{
	return xasprintf("%s/%s%s%s", unit_tmp(), folder, *folder ? "/" : "", name);
}

/* Random data, zeros and holes. */
static char *make_raw(void)
{
	char *path = in_folder("", "raw");
	ck_assert_int_eq(
		unit_run("rm -f '%s'; truncate -s %llu '%s' &&"
			 " for at in 0 3 4 9 15; do dd if=/dev/urandom of='%s' bs=1M count=1"
			 " seek=$at conv=notrunc status=none; done",
			path, (unsigned long long)SIZE, path, path),
		0);
	return path;
}

/* The disk reads as the raw file does, and what data_ranges leaves out is zero. */
static void check_content(struct disk *d, const char *raw)
{
	CLEANUP_CLOSE int fd = open(raw, O_RDONLY);
	CLEANUP_FREE uint8_t *want = xmalloc(SIZE);
	uint8_t *got = NULL;
	CLEANUP_RANGES struct ranges data = {0};
	ck_assert_int_eq(posix_memalign((void **)&got, 4096, SIZE), 0);
	ck_assert_int_eq(pread_full(fd, want, SIZE, 0), SIZE);
	ck_assert_uint_eq(d->size, SIZE);
	ck_ok(disk_pread(d, got, SIZE, 0, &err));
	ck_assert_int_eq(memcmp(got, want, SIZE), 0);
	ck_ok(disk_pread(d, got, 70000, 3 * MiB - 777, &err));
	ck_assert_int_eq(memcmp(got, want + 3 * MiB - 777, 70000), 0);
	ck_ok(disk_data_ranges(d, 0, d->size, &data, &err));
	ranges_complement(&data, d->size);
	RANGES_FOREACH (p, &data)
		ck_assert(mem_is_zero(want + p->start, p->end - p->start));
	free(got);
}

START_TEST(images_of_qemu)
{
	static const struct {
		enum image_format format;
		const char *options;
		uint64_t zero_at_least; /* known without reading */
	} cases[] = {
		{IMAGE_VHDX, "-O vhdx -o subformat=dynamic,block_size=1M", 11 * MiB},
		{IMAGE_VHDX, "-O vhdx -o subformat=fixed", 0},
		{IMAGE_VHD, "-O vpc -o subformat=dynamic,force_size=on", 4 * MiB},
		{IMAGE_VHD, "-O vpc -o subformat=fixed,force_size=on", 0},
	};
	CLEANUP_FREE char *raw = make_raw(), *path = in_folder("", "image");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stat before, after;
		ck_assert_int_eq(unit_run("qemu-img convert -f raw %s '%s' '%s'", cases[i].options,
					 raw, path),
			0);
		ck_assert_int_eq(stat(path, &before), 0);
		for (unsigned flags = 0; flags <= DISK_OPEN_DIRECT; flags += DISK_OPEN_DIRECT) {
			CLEANUP_RANGES struct ranges data = {0};
			struct disk *d = NULL;
			char byte = 0;
			ck_ok(disk_open(&d, path, flags, &err));
			ck_assert_int_eq(d->format, cases[i].format);
			ck_assert_int_eq(d->image.format, cases[i].format);
			ck_assert_uint_eq(d->logical_sector, 512);
			ck_assert(d->read_only);
			check_content(d, raw);
			ck_ok(disk_data_ranges(d, 0, SIZE, &data, &err));
			ck_assert_uint_le(ranges_total(&data), SIZE - cases[i].zero_at_least);
			ck_fails(disk_pwrite(d, &byte, 1, 0, &err), ERR_DISK_WRITE, "reading only");
			disk_close(d);
		}
		ck_assert_int_eq(stat(path, &after), 0);
		ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
		struct disk *d = NULL;
		ck_ok(disk_open(&d, path, DISK_OPEN_RAW, &err));
		ck_assert_int_eq(d->format, IMAGE_RAW);
		ck_assert_uint_eq(d->size, after.st_size);
		disk_close(d);
	}
}
END_TEST

START_TEST(damaged_images_are_no_raw_disks)
{
	CLEANUP_FREE char *raw = make_raw(), *path = in_folder("", "image");
	struct disk *d = NULL;
	ck_assert_int_eq(unit_run("qemu-img convert -f raw -O vhdx '%s' '%s' &&"
				  " dd if=/dev/zero of='%s' bs=64K seek=1 count=2 conv=notrunc"
				  " status=none",
				 raw, path, path),
		0);
	ck_fails(disk_open(&d, path, 0, &err), ERR_IMAGE_CORRUPT, NULL);
}
END_TEST

/* ---- differencing VHD files, made by hand: nothing of their own, all their parent's ---- */

#define BLOCK (2 * MiB)
#define TEXT  2048 /* bytes: the locator's, behind header and BAT */

static void make_child(const char *path, uint8_t id, uint8_t parent_id, const char *locator)
{
	struct {
		struct vhd_footer copy;
		struct vhd_header header;
		be32 bat[128];
		uint8_t text[512];
		struct vhd_footer footer;
	} image = {
		.copy = {.cookie = {'c', 'o', 'n', 'e', 'c', 't', 'i', 'x'},
			.features = be32_make(VHD_FEATURES),
			.version = be32_make(VHD_VERSION),
			.data_offset = be64_make(512),
			.original_size = be64_make(SIZE),
			.current_size = be64_make(SIZE),
			.type = be32_make(VHD_DIFFERENCING),
			.unique_id = {id}},
		.header = {.cookie = {'c', 'x', 's', 'p', 'a', 'r', 's', 'e'},
			.data_offset = be64_make(VHD_NO_OFFSET),
			.table_offset = be64_make(1536),
			.version = be32_make(VHD_VERSION),
			.max_table_entries = be32_make(SIZE / BLOCK),
			.block_size = be32_make(BLOCK),
			.parent_id = {parent_id}},
	};
	size_t units;
	CLEANUP_FREE uint8_t *utf16 = utf8_to_utf16(locator, &units);
	memcpy(image.text, utf16, 2 * units);
	memset(image.bat, 0xff, sizeof(image.bat));
	image.header.locators[0] = (struct vhd_locator){.code = {'W', '2', 'r', 'u'},
		.data_space = be32_make(512),
		.data_length = be32_make((uint32_t)(2 * units)),
		.data_offset = be64_make(TEXT)};
	image.header.checksum = be32_make(vhd_header_checksum(&image.header));
	image.copy.checksum = be32_make(vhd_footer_checksum(&image.copy));
	image.footer = image.copy;
	ck_assert_uint_eq((uintptr_t)image.text - (uintptr_t)&image, TEXT);
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_eq(pwrite_full(fd, &image, sizeof(image), 0), 0);
}

/* A dynamic VHD of QEMU's with an id of ours. */
static void make_base(const char *raw, const char *path, uint8_t id)
{
	struct vhd_footer f;
	ck_assert_int_eq(
		unit_run("qemu-img convert -f raw -O vpc -o force_size=on '%s' '%s'", raw, path),
		0);
	CLEANUP_CLOSE int fd = open(path, O_RDWR);
	off_t end = lseek(fd, 0, SEEK_END) - 512;
	ck_assert_int_eq(pread_full(fd, &f, sizeof(f), (uint64_t)end), sizeof(f));
	memset(f.unique_id, 0, sizeof(f.unique_id));
	f.unique_id[0] = id;
	f.checksum = be32_make(vhd_footer_checksum(&f));
	ck_assert_int_eq(pwrite_full(fd, &f, sizeof(f), (uint64_t)end), 0);
	ck_assert_int_eq(pwrite_full(fd, &f, sizeof(f), 0), 0);
}

START_TEST(a_chain_of_parents)
{
	CLEANUP_FREE char *raw = make_raw(), *base = in_folder("", "base.vhd");
	CLEANUP_FREE char *child = in_folder("", "child.vhd"), *grand = in_folder("", "grand.vhd");
	struct disk *d = NULL;
	make_base(raw, base, 1);
	make_child(child, 2, 1, ".\\base.vhd");
	make_child(grand, 3, 2, "D:\\Hyper-V\\child.vhd");
	ck_ok(disk_open(&d, grand, DISK_OPEN_DIRECT, &err));
	ck_assert_int_eq(d->image.type, IMAGE_DIFFERENCING);
	ck_assert_str_eq(d->image.parent, "D:\\Hyper-V\\child.vhd");
	check_content(d, raw);
	disk_close(d);
	/* By descriptor, under any name; and through a link from elsewhere. */
	ck_ok(disk_open_fd(&d, open(grand, O_RDONLY), "sdx", 0, &err));
	ck_assert_str_eq(d->name, "sdx");
	check_content(d, raw);
	disk_close(d);
	ck_assert_int_eq(
		unit_run("cd '%s' && mkdir away && ln -s ../grand.vhd away/link", unit_tmp()), 0);
	CLEANUP_FREE char *link = in_folder("away", "link");
	ck_ok(disk_open(&d, link, 0, &err));
	check_content(d, raw);
	disk_close(d);
	/* A parent that changed its id is another one. */
	make_base(raw, base, 9);
	ck_fails(disk_open(&d, grand, 0, &err), ERR_IMAGE_PARENT, "child.vhd");
	ck_assert_int_eq(unit_run("rm '%s'", base), 0);
	ck_fails(disk_open(&d, grand, 0, &err), ERR_IMAGE_PARENT, "\".\\base.vhd\" is not in");
	/* A raw disk is nobody's parent: nothing tells that it is the right one. */
	ck_assert_int_eq(unit_run("cp '%s' '%s'", raw, base), 0);
	ck_fails(disk_open(&d, child, 0, &err), ERR_IMAGE_PARENT, "is raw (vhd expected)");
}
END_TEST

START_TEST(parents_are_looked_for_beside_and_below)
{
	static const struct {
		const char *locator, *folder; /* where the parent is: of top/child's */
		bool found;
	} cases[] = {
		{"base.vhd", "top/child", true},
		{".\\base.vhd", "top/child", true},
		{".\\sub\\base.vhd", "top/child/sub", true},
		{"sub\\..\\base.vhd", "top/child", true},
		{"sub\\base.vhd", "top/child", true}, /* its last part, beside */
		{"C:\\Disks\\base.vhd", "top/child", true},
		{"\\\\server\\share\\base.vhd", "top/child", true},
		{"\\\\?\\C:\\base.vhd", "top/child", true},
		{"..\\base.vhd", "top/child", true},
		{"..\\base.vhd", "top", false},
		{"..\\..\\top\\base.vhd", "top", false},
		{"sub\\..\\..\\base.vhd", "top", false},
		{".\\link\\base.vhd", "top", false},
		{"base.vhd", "top/child/sub", false},
		{"..", "top/child", false},
		{".", "top/child", false},
		{"sub", "top/child", false},
		{"\\", "top/child", false},
		{"C:", "top/child", false},
	};
	CLEANUP_FREE char *raw = make_raw(), *child = in_folder("top/child", "child.vhd");
	CLEANUP_FREE char *base = in_folder("", "base.vhd");
	make_base(raw, base, 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct disk *d = NULL;
		struct error *failure = NULL;
		ck_assert_int_eq(unit_run("cd '%s' && rm -rf top && mkdir -p top/child/sub &&"
					  " ln -s .. top/child/link && cp --sparse=always base.vhd"
					  " '%s'",
					 unit_tmp(), cases[i].folder),
			0);
		make_child(child, 2, 1, cases[i].locator);
		int result = disk_open(&d, child, 0, &failure);
		ck_assert_msg((result == 0) == cases[i].found, "\"%s\" in %s: %s", cases[i].locator,
			cases[i].folder, failure ? failure->message : "found");
		if (failure)
			ck_assert_msg(
				failure->code == ERR_IMAGE_PARENT || failure->code == ERR_DISK_OPEN,
				"%s", failure->message);
		disk_close(d);
		err_free(failure);
	}
	/* An absolute path is not followed, a link not at all. */
	struct disk *d = NULL;
	make_child(child, 2, 1, base);
	ck_assert_int_eq(unit_run("rm -f '%s/top/child/base.vhd'", unit_tmp()), 0);
	ck_fails(disk_open(&d, child, 0, &err), ERR_IMAGE_PARENT, "is not in");
	ck_assert_int_eq(unit_run("ln -s '%s' '%s/top/child/base.vhd'", base, unit_tmp()), 0);
	ck_fails(disk_open(&d, child, 0, &err), ERR_IMAGE_PARENT, "is not in");
}
END_TEST

START_TEST(chains_end)
{
	CLEANUP_FREE char *raw = make_raw(), *base = in_folder("", "0.vhd");
	struct disk *d = NULL;
	make_base(raw, base, 0);
	for (unsigned i = 1; i <= 33; i++) {
		CLEANUP_FREE char *name = xasprintf("%u.vhd", i), *path = in_folder("", name);
		CLEANUP_FREE char *parent = xasprintf("%u.vhd", i - 1);
		make_child(path, (uint8_t)i, (uint8_t)(i - 1), parent);
	}
	CLEANUP_FREE char *path32 = in_folder("", "32.vhd"), *path33 = in_folder("", "33.vhd");
	ck_ok(disk_open(&d, path32, 0, &err));
	check_content(d, raw);
	disk_close(d);
	ck_fails(disk_open(&d, path33, 0, &err), ERR_IMAGE_PARENT, "more than 32 parents");
	make_child(base, 0, 5, "5.vhd");
	CLEANUP_FREE char *path5 = in_folder("", "5.vhd");
	ck_fails(disk_open(&d, path5, 0, &err), ERR_IMAGE_PARENT, "is its own parent");
	make_child(path5, 5, 5, "5.vhd");
	ck_fails(disk_open(&d, path5, 0, &err), ERR_IMAGE_PARENT, "is its own parent");
}
END_TEST

UNIT_MAIN("disk-image", images_of_qemu, damaged_images_are_no_raw_disks, a_chain_of_parents,
	parents_are_looked_for_beside_and_below, chains_end)
