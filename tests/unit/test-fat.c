/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of FAT volumes: made and read back by mtools, judged by fsck.fat. */
#include "unit.h"

#include <fcntl.h>
#include <string.h>

#include "checked.h"
#include "fat-file.h"
#include "io.h"
#include "le.h"
#include "mem.h"
#include "overlay.h"

#define OFFSET MiB /* of the volume in the image: nothing may depend on it */
#define BCD    "\\EFI\\Microsoft\\Boot\\BCD"

/* FAT12, 16 and 32 by size and cluster; 4096-byte sectors too. */
static const struct shape {
	unsigned bits, mib, sector, per_cluster;
} shapes[] = {{12, 4, 512, 4}, {16, 20, 512, 1}, {32, 40, 512, 1}, {32, 300, 4096, 1}};

struct fixture {
	char *image, *volume;
	struct disk *disk;
	struct overlay *overlay;
	struct fat_volume *v;
};

/* "BCD" has 24 KiB, as a real one; there is a file before and after it. */
static struct fixture make(const struct shape *s)
{
	struct fixture f = {.image = xasprintf("%s/disk-%u-%u", unit_tmp(), s->bits, s->sector)};
	f.volume = xasprintf("%s@@1M", f.image);
	unit_must("rm -f '%s' && truncate -s %uM '%s' && "
		  "mkfs.fat -F %u -S %u -s %u --offset=%llu '%s' %u >/dev/null",
		f.image, s->mib + 1, f.image, s->bits, s->sector, s->per_cluster,
		(unsigned long long)(OFFSET / s->sector), f.image, s->mib * 1024);
	unit_must(
		"cd '%s' && head -c 24576 /dev/urandom >bcd && head -c 5000 /dev/urandom >other && "
		"export MTOOLS_SKIP_CHECK=1 && mmd -i %s ::/EFI ::/EFI/Microsoft ::/EFI/Microsoft/Boot && "
		"mcopy -i %s other ::/EFI/Microsoft/Boot/bootmgfw.efi && "
		"mcopy -i %s bcd ::/EFI/Microsoft/Boot/BCD && "
		"mcopy -i %s other '::/EFI/A long name that is no short one.text' && "
		"mcopy -i %s other ::/EFI/SHORT.TXT && : >empty && mcopy -i %s empty ::/EFI/empty",
		unit_tmp(), f.volume, f.volume, f.volume, f.volume, f.volume, f.volume);
	return f;
}

static void open_it(struct fixture *f, const struct shape *s)
{
	CLEANUP_FREE char *journal = xasprintf("%s.journal", f->image);
	ck_ok(disk_open(&f->disk, f->image, DISK_OPEN_WRITE | DISK_OPEN_RAW, &err));
	ck_ok(overlay_new(&f->overlay, f->disk, journal, "test", &err));
	ck_ok(fat_volume_open(&f->v, overlay_disk(f->overlay), OFFSET, s->mib * MiB, &err));
}

static void close_it(struct fixture *f)
{
	fat_volume_close(f->v);
	overlay_free(f->overlay);
	disk_close(f->disk);
	free(f->image);
	free(f->volume);
}

static void check_read(struct fixture *f, const char *path, const char *file)
{
	uint8_t *data = NULL;
	char *want = NULL;
	size_t len, want_len;
	CLEANUP_FREE char *host = xasprintf("%s/%s", unit_tmp(), file);
	ck_ok(fat_file_read(f->v, path, MiB, &data, &len, &err));
	ck_ok(file_read(host, MiB, &want, &want_len, &err));
	ck_assert_uint_eq(len, want_len);
	ck_assert_int_eq(memcmp(data, want, len), 0);
	free(data);
	free(want);
}

START_TEST(files_are_read)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		uint8_t *data = NULL;
		size_t len;
		struct fixture f = make(&shapes[i]);
		open_it(&f, &shapes[i]);
		check_read(&f, BCD, "bcd");
		check_read(&f, "\\efi\\MICROSOFT\\boot\\bcd", "bcd");
		check_read(&f, "\\EFI\\Microsoft\\Boot\\bootmgfw.efi", "other");
		check_read(&f, "\\EFI\\a long name that is no short one.TEXT", "other");
		check_read(&f, "\\EFI\\ALONGN~1.TEX", "other");
		check_read(&f, "\\EFI\\short.txt", "other");
		check_read(&f, "\\EFI\\empty", "empty");
		static const char *const absent[] = {"\\EFI\\Microsoft\\Boot\\BCD.LOG", "\\BCD",
			"\\EFI\\short.txt\\BCD", "\\EFI\\Microsoft", "\\", "", "\\EFI\\short",
			"\\EFI\\a long name", "\\EFI\\short.txtx"};
		for (size_t k = 0; k < ARRAY_SIZE(absent); k++)
			ck_fails(fat_file_read(f.v, absent[k], MiB, &data, &len, &err),
				ERR_NOT_FOUND, NULL);
		ck_fails(fat_file_read(f.v, BCD, 24575, &data, &len, &err), ERR_FAT_DAMAGED,
			"24576 bytes");
		close_it(&f);
	}
}
END_TEST

static void replace(struct fixture *f, size_t len)
{
	char *data = NULL;
	unit_must("head -c %zu /dev/urandom > '%s/new'", len, unit_tmp());
	CLEANUP_FREE char *host = xasprintf("%s/new", unit_tmp());
	ck_ok(file_read(host, 64 * MiB, &data, NULL, &err));
	ck_ok(fat_file_replace(f->v, BCD, data, len, &err));
	free(data);
}

/* What mtools and fsck.fat make of the disk after the overlay was committed. */
static void check_written(struct fixture *f, const struct shape *s)
{
	struct op op = {0};
	check_read(f, BCD, "new");
	ck_ok(overlay_commit(f->overlay, f->disk, &op, &err));
	unit_must("cd '%s' && export MTOOLS_SKIP_CHECK=1 && "
		  "mcopy -i %s -n -o ::/EFI/Microsoft/Boot/BCD got && cmp got new && "
		  "mcopy -i %s -n -o ::/EFI/SHORT.TXT got && cmp got other && "
		  "mcopy -i %s -n -o ::/EFI/Microsoft/Boot/bootmgfw.efi got && cmp got other",
		unit_tmp(), f->volume, f->volume, f->volume);
	unit_must("cd '%s' && dd if='%s' of=fsck bs=1M skip=1 count=%u conv=sparse status=none && "
		  "fsck.fat -n fsck >fsck.out || { cat fsck.out >&2; false; }",
		unit_tmp(), f->image, s->mib);
}

START_TEST(files_are_replaced)
{
	static const size_t sizes[] = {24576, 24000, 28672, 90001, 4096, 1};
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
			struct fixture f = make(&shapes[i]);
			open_it(&f, &shapes[i]);
			replace(&f, sizes[k]);
			if (k == 3) /* and smaller again: clusters are given back */
				replace(&f, 30000);
			check_written(&f, &shapes[i]);
			close_it(&f);
		}
}
END_TEST

START_TEST(what_cannot_be_replaced)
{
	struct fixture f = make(&shapes[0]);
	CLEANUP_RANGES struct ranges changed = {0};
	CLEANUP_FREE uint8_t *big = xcalloc(1, 5 * MiB);
	open_it(&f, &shapes[0]);
	ck_fails(fat_file_replace(f.v, BCD, big, 5 * MiB, &err), ERR_NO_SPACE, "BCD");
	ck_fails(fat_file_replace(f.v, BCD, big, 0, &err), ERR_INVALID_ARGUMENT, "BCD");
	ck_fails(fat_file_replace(f.v, "\\EFI\\empty", big, 10, &err), ERR_INVALID_ARGUMENT, NULL);
	ck_fails(fat_file_replace(f.v, "\\EFI\\new", big, 10, &err), ERR_NOT_FOUND, NULL);
	overlay_changed(f.overlay, &changed);
	ck_assert_uint_eq(changed.n, 0);
	close_it(&f);
}
END_TEST

/* ---- damage ---- */

static void poke(const char *image, uint64_t at, const void *bytes, size_t len)
{
	CLEANUP_CLOSE int fd = open(image, O_RDWR);
	ck_assert_int_eq(pwrite(fd, bytes, len, (off_t)at), (ssize_t)len);
}

/* The first cluster of BCD, as mtools sees it. */
static unsigned first_cluster_of(const struct fixture *f, const char *path)
{
	char *text = NULL;
	unsigned n;
	CLEANUP_FREE char *out = xasprintf("%s/clusters", unit_tmp());
	unit_must("MTOOLS_SKIP_CHECK=1 mshowfat -i %s '::%s' | sed 's/.*<//' > '%s'", f->volume,
		path, out);
	ck_ok(file_read(out, 10000, &text, NULL, &err));
	ck_assert_int_eq(sscanf(text, "%u", &n), 1);
	free(text);
	return n;
}

/* An entry of the first FAT of shapes[1], which is a FAT16 of one reserved sector or more. */
static void set_entry(const struct fixture *f, unsigned cluster, uint16_t value)
{
	uint8_t boot[512];
	CLEANUP_CLOSE int fd = open(f->image, O_RDONLY);
	ck_assert_int_eq(pread(fd, boot, sizeof(boot), OFFSET), sizeof(boot));
	le16 v = le16_make(value);
	poke(f->image, OFFSET + le16_at(boot + 14) * 512u + cluster * 2u, &v, 2);
}

START_TEST(damaged_chains_are_refused)
{
	uint8_t *data = NULL;
	size_t len;
	static const struct {
		int value; /* -1: itself */
		const char *message;
	} cases[] = {{-1, "circle"}, {0, "cluster 0 in a chain"}, {1, "cluster 1 in"},
		{0xfff6, "cluster 65526"}, {0xfff7, "bad cluster"}, {0xffff, "1 clusters (48"}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f = make(&shapes[1]);
		unsigned first = first_cluster_of(&f, "/EFI/Microsoft/Boot/BCD");
		set_entry(
			&f, first, cases[i].value < 0 ? (uint16_t)first : (uint16_t)cases[i].value);
		open_it(&f, &shapes[1]);
		ck_fails(fat_file_read(f.v, BCD, MiB, &data, &len, &err), ERR_FAT_DAMAGED,
			cases[i].message);
		ck_fails(fat_file_replace(f.v, BCD, "x", 1, &err), ERR_FAT_DAMAGED, NULL);
		close_it(&f);
	}
	/* A folder whose chain goes in a circle. */
	struct fixture f = make(&shapes[1]);
	unsigned folder = first_cluster_of(&f, "/EFI");
	set_entry(&f, folder, (uint16_t)folder);
	open_it(&f, &shapes[1]);
	ck_fails(fat_file_read(f.v, BCD, MiB, &data, &len, &err), ERR_FAT_DAMAGED, "circle");
	close_it(&f);
}
END_TEST

START_TEST(nonsense_in_the_boot_sector_is_refused)
{
	static const struct {
		unsigned at, len;
		uint32_t value;
	} cases[] = {{11, 2, 0}, {11, 2, 513}, {11, 2, 32768}, {13, 1, 0}, {13, 1, 3}, {14, 2, 0},
		{14, 2, 0xffff}, {16, 1, 0}, {16, 1, 255}, {22, 2, 1}, {32, 4, 0xffffffff},
		{510, 2, 0}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f = make(&shapes[1]);
		le32 v = le32_make(cases[i].value);
		uint16_t zero = 0;
		if (cases[i].at == 32)
			poke(f.image, OFFSET + 19, &zero, 2);
		poke(f.image, OFFSET + cases[i].at, &v, cases[i].len);
		ck_ok(disk_open(&f.disk, f.image, DISK_OPEN_RAW, &err));
		ck_fails(fat_volume_open(&f.v, f.disk, OFFSET, 20 * MiB, &err), ERR_FAT_DAMAGED,
			NULL);
		close_it(&f);
	}
	struct fixture f = make(&shapes[0]);
	ck_ok(disk_open(&f.disk, f.image, DISK_OPEN_RAW, &err));
	ck_fails(fat_volume_open(&f.v, f.disk, OFFSET, 40 * MiB, &err), ERR_FAT_DAMAGED, "fit");
	ck_fails(fat_volume_open(&f.v, f.disk, OFFSET, 100, &err), ERR_FAT_DAMAGED, "fit");
	ck_fails(fat_volume_open(&f.v, f.disk, OFFSET, 3 * MiB, &err), ERR_FAT_DAMAGED, "larger");
	close_it(&f);
}
END_TEST

UNIT_MAIN("fat", files_are_read, files_are_replaced, what_cannot_be_replaced,
	damaged_chains_are_refused, nonsense_in_the_boot_sector_is_refused)
