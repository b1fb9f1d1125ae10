/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Disks: raw files and block devices, read as the file is; nothing of a source changes. */
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "checked.h"
#include "disk-fault.h"
#include "io.h"
#include "mem.h"

static char *tmp_path(const char *name)
{
	return xasprintf("%s/%s", unit_tmp(), name);
}

/* Size bytes that depend on their offset, with a hole in the middle third. */
static uint8_t *make_file(const char *path, size_t size)
{
	uint8_t *bytes = xcalloc(size, 1);
	uint32_t x = 12345;
	for (size_t i = 0; i < size; i++) {
		x = x * 1664525 + 1013904223;
		if (i < size / 3 / 4096 * 4096 || i >= size / 3 * 2 / 4096 * 4096)
			bytes[i] = (uint8_t)(x >> 24);
	}
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	size_t low = size / 3 / 4096 * 4096, high = size / 3 * 2 / 4096 * 4096;
	ck_assert_int_eq(pwrite_full(fd, bytes, low, 0), 0);
	ck_assert_int_eq(pwrite_full(fd, bytes + high, size - high, high), 0);
	ck_assert_int_eq(fsync(fd), 0);
	return bytes;
}

static void check_reads(struct disk *d, const uint8_t *want, size_t size)
{
	uint8_t *memory = NULL;
	ck_assert_int_eq(posix_memalign((void **)&memory, 4096, size + 4096), 0);
	ck_ok(disk_pread(d, memory, size, 0, &err));
	ck_assert_int_eq(memcmp(memory, want, size), 0);
	srand(7);
	for (int i = 0; i < 300; i++) {
		uint64_t offset = (uint64_t)rand() % size;
		size_t len = (size_t)rand() % (size - offset) + 1;
		size_t shift = (size_t)rand() % 4096;
		if (i % 3 == 0)
			shift = offset % 4096; /* where direct I/O is possible */
		if (shift + len > size + 4096)
			continue;
		memset(memory, 0xaa, size + 4096);
		ck_ok(disk_pread(d, memory + shift, len, offset, &err));
		ck_assert_int_eq(memcmp(memory + shift, want + offset, len), 0);
		if (shift)
			ck_assert_uint_eq(memory[shift - 1], 0xaa);
		if (shift + len < size + 4096)
			ck_assert_uint_eq(memory[shift + len], 0xaa);
	}
	free(memory);
}

#define FILE_SIZE (size_t)(3 * MiB + 1536)

START_TEST(a_file_reads_as_it_is)
{
	CLEANUP_FREE char *path = tmp_path("raw");
	CLEANUP_FREE uint8_t *want = make_file(path, FILE_SIZE);
	static const unsigned flags[] = {0, DISK_OPEN_DIRECT, DISK_OPEN_RAW, DISK_OPEN_WRITE};
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct disk *d = NULL;
		ck_ok(disk_open(&d, path, flags[i], &err));
		ck_assert_uint_eq(d->size, FILE_SIZE);
		ck_assert_uint_eq(d->logical_sector, 512);
		ck_assert_int_eq(d->format, IMAGE_RAW);
		ck_assert(!d->block_device);
		ck_assert_int_eq(d->read_only, flags[i] != DISK_OPEN_WRITE);
		check_reads(d, want, FILE_SIZE);
		disk_close(d);
	}
}
END_TEST

START_TEST(what_lies_outside_is_refused)
{
	CLEANUP_FREE char *path = tmp_path("outside");
	CLEANUP_FREE uint8_t *want = make_file(path, FILE_SIZE);
	struct disk *d = NULL;
	char byte = 0;
	ck_ok(disk_open(&d, path, 0, &err));
	ck_ok(disk_pread(d, NULL, 0, FILE_SIZE, &err));
	ck_fails(disk_pread(d, &byte, 1, FILE_SIZE, &err), ERR_DISK_READ, "past the end");
	ck_fails(disk_pread(d, &byte, 1, UINT64_MAX, &err), ERR_DISK_READ, "past the end");
	ck_fails(disk_pread(d, &byte, SIZE_MAX, 1, &err), ERR_DISK_READ, "past the end");
	ck_fails(disk_pwrite(d, &byte, 1, 0, &err), ERR_DISK_WRITE, "reading only");
	/* The file shrinks under an open disk. */
	ck_assert_int_eq(truncate(path, 4096), 0);
	CLEANUP_FREE uint8_t *buf = xmalloc(FILE_SIZE);
	ck_fails(disk_pread(d, buf, FILE_SIZE, 0, &err), ERR_DISK_READ, "ends at 0x1000");
	disk_close(d);

	ck_fails(disk_open(&d, "/nowhere/disk", 0, &err), ERR_DISK_OPEN, "/nowhere/disk");
	ck_fails(disk_open(&d, "/dev/null", 0, &err), ERR_DISK_OPEN, "neither");
	ck_fails(disk_open(&d, unit_tmp(), 0, &err), ERR_DISK_OPEN, NULL);
	CLEANUP_FREE char *fifo = tmp_path("fifo");
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_fails(disk_open(&d, fifo, 0, &err), ERR_DISK_OPEN, "neither");
}
END_TEST

START_TEST(holes_are_found)
{
	CLEANUP_FREE char *path = tmp_path("holes");
	CLEANUP_FREE uint8_t *want = make_file(path, FILE_SIZE);
	CLEANUP_RANGES struct ranges data = {0}, part = {0};
	struct disk *d = NULL;
	ck_ok(disk_open(&d, path, 0, &err));
	ck_ok(disk_data_ranges(d, 0, UINT64_MAX, &data, &err));
	/* Everything outside is zero; the hole of a MiB is known. */
	ranges_complement(&data, FILE_SIZE);
	RANGES_FOREACH (p, &data)
		ck_assert(mem_is_zero(want + p->start, p->end - p->start));
	ck_assert_uint_ge(ranges_total(&data), MiB - 8192);
	ck_ok(disk_data_ranges(d, 100, 1000, &part, &err));
	ck_assert_uint_eq(part.n, 1);
	ck_assert_uint_eq(part.v[0].start, 100);
	ck_assert_uint_eq(part.v[0].end, 1000);
	disk_close(d);
}
END_TEST

START_TEST(a_read_only_source_does_not_change)
{
	CLEANUP_FREE char *path = tmp_path("source");
	CLEANUP_FREE uint8_t *want = make_file(path, FILE_SIZE);
	struct stat before, after;
	ck_assert_int_eq(stat(path, &before), 0);
	struct disk *d = NULL;
	ck_ok(disk_open(&d, path, DISK_OPEN_DIRECT, &err));
	/* Every descriptor of the file is open for reading only, says the kernel. */
	ck_assert_int_eq(unit_run("for f in /proc/%d/fd/*; do"
				  " [ \"$(readlink $f)\" = '%s' ] || continue; found=1;"
				  " grep -q '^flags:.*0$' /proc/%d/fdinfo/${f##*/} || exit 1;"
				  " done; [ \"$found\" ]",
				 getpid(), path, getpid()),
		0);
	check_reads(d, want, FILE_SIZE);
	ck_ok(disk_flush(d, &err));
	disk_close(d);
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_int_eq(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
	ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	ck_assert_int_eq(before.st_blocks, after.st_blocks);
}
END_TEST

START_TEST(writing_reaches_the_file)
{
	CLEANUP_FREE char *path = tmp_path("writable");
	CLEANUP_FREE uint8_t *want = make_file(path, FILE_SIZE);
	struct disk *d = NULL;
	ck_ok(disk_open(&d, path, DISK_OPEN_WRITE, &err));
	memset(want + 1000, 0x5a, 70000);
	ck_ok(disk_pwrite(d, want + 1000, 70000, 1000, &err));
	ck_ok(disk_flush(d, &err));
	ck_fails(disk_pwrite(d, want, 2, FILE_SIZE - 1, &err), ERR_DISK_WRITE, "past the end");
	disk_close(d);
	char *now = NULL;
	size_t len = 0;
	ck_ok(file_read(path, 64 * MiB, &now, &len, &err));
	ck_assert_uint_eq(len, FILE_SIZE);
	ck_assert_int_eq(memcmp(now, want, len), 0);
	free(now);
}
END_TEST

START_TEST(the_gpt_header_tells_the_sector_size)
{
	static const struct {
		unsigned sector;
		const char *commands;
	} cases[] = {{512, "g\\nn\\n\\n\\n\\nw"}, {4096, "g\\nn\\n\\n\\n\\nw"},
		{512, "o\\nn\\n\\n\\n\\n\\nw"}};
	CLEANUP_FREE char *path = tmp_path("sectors");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct disk *d = NULL;
		ck_assert_int_eq(unit_run("rm -f '%s' && truncate -s 64M '%s' &&"
					  " printf '%s\\n' | fdisk -b %u '%s' >/dev/null",
					 path, path, cases[i].commands, cases[i].sector, path),
			0);
		ck_ok(disk_open(&d, path, 0, &err));
		ck_assert_uint_eq(d->logical_sector, cases[i].sector);
		disk_close(d);
	}
}
END_TEST

static char loop_device[64];

static void detach_loop(void)
{
	if (loop_device[0])
		unit_run("losetup -d %s", loop_device);
	loop_device[0] = '\0';
}

/* A block device over a file, or the case is skipped. */
static void attach_loop(const char *path, unsigned sector)
{
	CLEANUP_FREE char *name = tmp_path("loop-name");
	if (unit_run("losetup -r -b %u --show -f '%s' >'%s' 2>/dev/null", sector, path, name) != 0)
		unit_skip("block devices: losetup does not work here (root needed)");
	char *text = NULL;
	ck_ok(file_read(name, 64, &text, NULL, &err));
	snprintf(loop_device, sizeof(loop_device), "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
	atexit(detach_loop);
}

START_TEST(a_block_device_reads_as_its_file)
{
	CLEANUP_FREE char *path = tmp_path("backing");
	CLEANUP_FREE uint8_t *want = make_file(path, 3 * MiB);
	static const unsigned sectors[] = {512, 4096};
	for (size_t i = 0; i < ARRAY_SIZE(sectors); i++) {
		attach_loop(path, sectors[i]);
		struct disk *d = NULL;
		ck_ok(disk_open(&d, loop_device, DISK_OPEN_DIRECT, &err));
		ck_assert(d->block_device);
		ck_assert_uint_eq(d->size, 3 * MiB);
		ck_assert_uint_eq(d->logical_sector, sectors[i]);
		check_reads(d, want, 3 * MiB);
		CLEANUP_RANGES struct ranges data = {0};
		ck_ok(disk_data_ranges(d, 0, d->size, &data, &err));
		ck_assert_uint_eq(ranges_total(&data), 3 * MiB);
		disk_close(d);
		detach_loop();
	}
}
END_TEST

START_TEST(a_fault_is_reported_where_it_is)
{
	CLEANUP_FREE char *path = tmp_path("faulty");
	CLEANUP_FREE uint8_t *want = make_file(path, FILE_SIZE);
	struct disk *under = NULL;
	char buf[4096];
	ck_ok(disk_open(&under, path, 0, &err));
	struct disk_fault *f = disk_fault_new(under);
	f->bad_start = 8192;
	f->bad_end = 8193;
	ck_ok(disk_pread(&f->disk, buf, 4096, 4096, &err));
	ck_fails(disk_pread(&f->disk, buf, 4096, 8192, &err), ERR_DISK_READ, "0x2000");
	f->bad_end = 0;
	f->reads_left = 2;
	ck_ok(disk_pread(&f->disk, buf, 4096, 8192, &err));
	ck_assert_int_eq(memcmp(buf, want + 8192, 4096), 0);
	ck_ok(disk_pread(&f->disk, buf, 4096, 8192, &err));
	ck_fails(disk_pread(&f->disk, buf, 4096, 8192, &err), ERR_DISK_READ, "Input/output");
	disk_close(&f->disk);
}
END_TEST

/* Who is handed a descriptor may have been handed the wrong one. */
START_TEST(what_is_open_for_reading_is_not_taken_for_writing)
{
	CLEANUP_FREE char *path = tmp_path("reading");
	struct disk *d = NULL;
	free(make_file(path, 100000));
	ck_fails(disk_open_fd(
			 &d, open(path, O_RDONLY), "here", DISK_OPEN_RAW | DISK_OPEN_WRITE, &err),
		ERR_DISK_READ_ONLY, "\"here\" is open for reading only");
	ck_assert_ptr_null(d);
}
END_TEST

UNIT_MAIN("disk", a_file_reads_as_it_is, what_lies_outside_is_refused, holes_are_found,
	a_read_only_source_does_not_change, writing_reaches_the_file,
	what_is_open_for_reading_is_not_taken_for_writing, the_gpt_header_tells_the_sector_size,
	a_block_device_reads_as_its_file, a_fault_is_reported_where_it_is)
