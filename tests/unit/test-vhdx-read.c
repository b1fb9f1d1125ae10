/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images that others made, read as qemu-img reads them; differencing images, which it cannot read. */
#include "vhdx-util.h"

#include <pthread.h>

#include "utf16.h"

/* ---- images of Windows and QEMU ---- */

/* Unpacks an image of the test data; the case ends as skipped where it is not there. */
static char *unpack(const char *packed)
{
	const char *dir = unit_data_dir();
	if (!dir)
		unit_skip("no test data: set CE_TEST_DATA to its folder");
	char *path = vx_path("image.vhdx");
	const char *tool = strstr(packed, ".gz") ? "gzip" : "bzip2";
	if (unit_run("test -r %s/vhdx/%s", dir, packed) != 0)
		unit_skip("no vhdx folder in the test data");
	ck_assert_int_eq(unit_run("%s -dc %s/vhdx/%s | cp --sparse=always /dev/stdin %s", tool, dir,
				 packed, path),
		0);
	return path;
}

/* To a raw file by our reader, what may be data only; then qemu-img compares all of it. */
static void check_against_qemu(const char *image, unsigned flags, const char *qemu_image)
{
	CLEANUP(io_close_p) struct io *io = vx_io(image, flags & VHDX_OPEN_WRITE);
	CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
	CLEANUP_RANGES struct ranges data = {0};
	CLEANUP_FREE char *raw = vx_path("ours.raw");
	CLEANUP_FREE char *buf = xmalloc(MiB);
	ck_ok(vhdx_open(&v, io, flags, NULL, &err));
	uint64_t size = vhdx_info(v)->virtual_size;
	CLEANUP_CLOSE int fd = util_create(raw, size);
	ck_ok(vhdx_data_ranges(v, 0, size, &data, &err));
	RANGES_FOREACH (r, &data)
		for (uint64_t at = r->start; at < r->end; at += MiB) {
			size_t n = (size_t)min_u64(MiB, r->end - at);
			ck_ok(vhdx_pread(v, buf, n, at, &err));
			ck_assert_int_eq(pwrite_full(fd, buf, n, at), 0);
		}
	/* qemu converts a VHDX far faster than it compares one. */
	CLEANUP_FREE char *theirs = vx_path("theirs.raw");
	ck_assert_int_eq(unit_run("qemu-img convert -f vhdx -O raw %s %s && "
				  "qemu-img compare -q -f raw -F raw %s %s",
				 qemu_image, theirs, theirs, raw),
		0);
}

static void check_image(const char *packed, uint64_t size, uint32_t block_size, const char *creator)
{
	CLEANUP_FREE char *image = unpack(packed);
	CLEANUP_FREE char *findings = vx_findings(image);
	ck_assert_str_eq(findings, "");
	CLEANUP(io_close_p) struct io *io = vx_io(image, false);
	CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
	ck_assert(vhdx_probe(io));
	ck_ok(vhdx_open(&v, io, 0, NULL, &err));
	ck_assert_uint_eq(vhdx_info(v)->virtual_size, size);
	ck_assert_uint_eq(vhdx_info(v)->block_size, block_size);
	ck_assert_uint_eq(vhdx_info(v)->logical_sector, 512);
	ck_assert_uint_eq(vhdx_info(v)->physical_sector, 4096);
	ck_assert_str_eq(vhdx_info(v)->creator, creator);
	ck_assert(!vhdx_info(v)->dirty_log);
	check_against_qemu(image, 0, image);
}

START_TEST(windows_8_dynamic)
{
	check_image("iotest-dynamic-1G.vhdx.bz2", 1 * GiB, 32 * MiB,
		"Microsoft Windows 6.2.9200.16384");
}
END_TEST

START_TEST(windows_10_unmapped_blocks)
{
	check_image("lvm2.vhdx.gz", 10 * GiB, 32 * MiB, "Microsoft Windows 10.0.14393.0");
}
END_TEST

START_TEST(windows_10_one_block)
{
	check_image("swap.vhdx.gz", 10 * GiB, 32 * MiB, "Microsoft Windows 10.0.14393.0");
}
END_TEST

/* ---- a log that qemu left behind ---- */

START_TEST(dirty_log_in_memory)
{
	CLEANUP_FREE char *image = unpack("iotest-dirtylog-10G-4M.vhdx.bz2");
	CLEANUP_FREE char *replayed = vx_path("replayed.vhdx"), *before = vx_path("before.vhdx");
	/* qemu replays in the file only: in a copy. */
	ck_assert_int_eq(unit_run("cp --sparse=always %s %s && cp --sparse=always %s %s && "
				  "qemu-img check -q -r all %s >/dev/null 2>&1",
				 image, replayed, image, before, replayed),
		0);
	CLEANUP_FREE char *findings = vx_findings(image);
	ck_assert_str_eq(findings, "log-dirty ");
	check_against_qemu(image, 0, replayed);
	ck_assert_int_eq(unit_run("cmp %s %s", image, before), 0);
}
END_TEST

START_TEST(dirty_log_in_the_file)
{
	CLEANUP_FREE char *image = unpack("iotest-dirtylog-10G-4M.vhdx.bz2");
	CLEANUP_FREE char *replayed = vx_path("replayed.vhdx");
	struct vhdx_header old, a, b;
	vx_peek(image, VHDX_HEADER2, &old, sizeof(old)); /* the newer one of this file */
	/* qemu refuses to read it as it is, and replays in the file when asked to. */
	ck_assert_int_ne(unit_run("qemu-img info -f vhdx %s >/dev/null 2>&1", image), 0);
	ck_assert_int_eq(unit_run("cp --sparse=always %s %s && "
				  "qemu-img check -q -r all %s >/dev/null 2>&1",
				 image, replayed, replayed),
		0);
	check_against_qemu(image, VHDX_OPEN_WRITE, replayed);
	ck_assert_int_eq(unit_run("qemu-img check -q -f vhdx %s", image), 0);
	/* All but the headers and the log is what qemu made of it. */
	ck_assert_int_eq(unit_run("cmp -i 196608 -n 852000 %s %s", image, replayed), 0);
	ck_assert_int_eq(unit_run("cmp -i 2097152 %s %s", image, replayed), 0);
	CLEANUP_FREE char *findings = vx_findings(image);
	ck_assert_str_eq(findings, "");
	/* Both headers have no log any more, and a new FileWriteGuid; the data's id is what it was. */
	vx_peek(image, VHDX_HEADER1, &a, sizeof(a));
	vx_peek(image, VHDX_HEADER2, &b, sizeof(b));
	ck_assert(guid_is_zero(&a.log_guid) && guid_is_zero(&b.log_guid));
	ck_assert(guid_equal(&a.file_write, &b.file_write));
	ck_assert(!guid_equal(&a.file_write, &old.file_write));
	ck_assert(guid_equal(&a.data_write, &old.data_write));
	ck_assert_uint_eq(
		max_u64(le64_get(a.sequence), le64_get(b.sequence)), le64_get(old.sequence) + 3);
}
END_TEST

START_TEST(replay_needs_a_writable_file)
{
	CLEANUP_FREE char *image = unpack("iotest-dirtylog-10G-4M.vhdx.bz2");
	CLEANUP(io_close_p) struct io *io = vx_io(image, false);
	struct vhdx *v = NULL;
	ck_fails(vhdx_open(&v, io, VHDX_OPEN_WRITE, NULL, &err), ERR_DISK_WRITE, "reading only");
}
END_TEST

/* ---- several readers ---- */

struct reader {
	struct vhdx *v;
	struct util_disk *disk;
	uint64_t random;
	bool ok;
};

static void *read_randomly(void *data)
{
	struct reader *r = data;
	CLEANUP_FREE char *got = xmalloc(100000);
	CLEANUP_FREE char *want = xmalloc(100000);
	CLEANUP_ERR struct error *err = NULL;
	r->ok = true;
	for (int i = 0; i < 400 && r->ok; i++) {
		uint64_t at = util_random_below(&r->random, r->disk->size - 100000);
		size_t n = 1 + (size_t)util_random_below(&r->random, 99999);
		r->ok = vhdx_pread(r->v, got, n, at, &err) == 0 &&
			util_disk_read(r->disk, want, n, at, &err) == 0 &&
			memcmp(got, want, n) == 0;
	}
	return NULL;
}

START_TEST(readers_in_parallel)
{
	struct util_disk disk = {.size = 100 * MiB, .seed = 11};
	CLEANUP_FREE char *image = vx_path("parallel.vhdx");
	vx_make(image, &disk, NULL, 0, IMAGE_DYNAMIC, 1 * MiB);
	CLEANUP(io_close_p) struct io *io = vx_io(image, false);
	CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
	ck_ok(vhdx_open(&v, io, 0, NULL, &err));
	struct reader readers[4];
	pthread_t threads[4];
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		readers[i] = (struct reader){.v = v, .disk = &disk, .random = i};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, read_randomly, &readers[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		pthread_join(threads[i], NULL);
		ck_assert(readers[i].ok);
	}
}
END_TEST

START_TEST(reads_past_the_end)
{
	struct util_disk disk = {.size = 3 * MiB, .seed = 1};
	CLEANUP_FREE char *image = vx_path("short.vhdx");
	char buf[2];
	vx_make(image, &disk, NULL, 0, IMAGE_DYNAMIC, 0);
	CLEANUP(io_close_p) struct io *io = vx_io(image, false);
	CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
	ck_ok(vhdx_open(&v, io, 0, NULL, &err));
	ck_ok(vhdx_pread(v, buf, 1, 3 * MiB - 1, &err));
	ck_ok(vhdx_pread(v, buf, 0, 3 * MiB, &err));
	ck_fails(vhdx_pread(v, buf, 2, 3 * MiB - 1, &err), ERR_INVALID_ARGUMENT, "past the end");
	ck_fails(vhdx_pread(v, buf, 1, UINT64_MAX, &err), ERR_INVALID_ARGUMENT, "past the end");
}
END_TEST

UNIT_MAIN("vhdx-read", windows_8_dynamic, windows_10_unmapped_blocks, windows_10_one_block,
	dirty_log_in_memory, dirty_log_in_the_file, replay_needs_a_writable_file,
	readers_in_parallel, reads_past_the_end)
