/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A VHDX file, whatever its bytes: opened, checked, read, its log replayed in memory and in the file.
 * Every byte of such a file that matters stands at one of a few places, megabytes apart: the input is
 * those places one behind the other (pieces[]), the rest of the file is zero. So an input is small.
 */
#include <assert.h>
#include <string.h>

#include "crc32c.h"
#include "mem.h"
#include "vhdx-format.h"
#include "vhdx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX = 8 * 1024 * 1024 };
enum { FIX_CHECKSUMS = 1, WITH_PARENT = 2 };
#define LOG	 MiB
#define METADATA (2 * MiB)
#define BAT	 (3 * MiB)

static const struct piece {
	uint64_t offset;
	size_t length;
} pieces[] = {
	{0, 16}, {VHDX_HEADER1, 80}, {VHDX_HEADER2, 80}, {VHDX_REGIONS1, 16 + 3 * 32},
	{METADATA, 32 + 7 * 32}, {METADATA + VHDX_METADATA_TABLE, 48},
	{METADATA + VHDX_METADATA_TABLE + 4096, 256}, /* a parent locator */
	{BAT, 64},
	{BAT + 4096 * sizeof(le64), 8}, /* the first sector bitmap's entry, blocks of 1 MiB */
	{7 * MiB, 64},			/* a sector bitmap */
	{LOG, 64 * 1024},		/* all that is left of the input */
};

static uint8_t *file;

/* ---- a file in memory that can be written ---- */

static int file_pread(struct io *io, void *buf, size_t len, uint64_t offset, struct error **err)
{
	(void)io, (void)err;
	memcpy(buf, file + offset, len);
	return 0;
}

static int file_pwrite(
	struct io *io, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	if (!u64_range_ok(offset, len, FILE_MAX))
		return err_set(err, ERR_NO_SPACE, "the file is full");
	memcpy(file + offset, buf, len);
	io->size = max_u64(io->size, offset + len);
	return 0;
}

static void file_close(struct io *io)
{
	(void)io;
}

static const struct io_ops file_ops = {
	.name = "fuzz", .pread = file_pread, .pwrite = file_pwrite, .close = file_close};

static void fix_checksum(uint64_t offset, size_t length)
{
	le32_put(file + offset + 4, 0);
	le32_put(file + offset + 4, crc32c(0, file + offset, length));
}

static void fix_checksums(void)
{
	fix_checksum(VHDX_HEADER1, sizeof(struct vhdx_header));
	fix_checksum(VHDX_HEADER2, sizeof(struct vhdx_header));
	fix_checksum(VHDX_REGIONS1, sizeof(struct vhdx_region_table));
	for (uint64_t at = LOG; at < LOG + 64 * KiB; at += VHDX_LOG_SECTOR) {
		uint32_t length = le32_at(file + at + 8);
		if (memcmp(file + at, "loge", 4) == 0 && length % VHDX_LOG_SECTOR == 0 &&
			length <= LOG + 64 * KiB - at)
			fix_checksum(at, length);
	}
}

/* Returns the file's size. */
static uint64_t make_file(const uint8_t *data, size_t size, unsigned *ret_flags)
{
	if (!file)
		file = xmalloc(FILE_MAX);
	memset(file, 0, FILE_MAX);
	*ret_flags = size ? data[0] : 0;
	uint64_t length = size > 1 ? min_u64(FILE_MAX, data[1] * 64 * KiB) : 0;
	size_t at = min_u64(size, 2);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		size_t n = min_u64(size - at, pieces[i].length);
		memcpy(file + pieces[i].offset, data + at, n);
		at += n;
	}
	memcpy(file + VHDX_REGIONS2, file + VHDX_REGIONS1, 16 + 3 * 32);
	if (*ret_flags & FIX_CHECKSUMS)
		fix_checksums();
	return length;
}

/* ---- what must hold ---- */

static int parent_pread(void *data, void *buf, size_t len, uint64_t offset, struct error **err)
{
	(void)data, (void)offset, (void)err;
	memset(buf, 0x5a, len);
	return 0;
}

static int parent_ranges(
	void *data, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)
{
	(void)data, (void)err;
	ranges_add(ret, start, end);
	return 0;
}

static int open_it(struct vhdx **ret, struct io *io, unsigned flags, bool with_parent)
{
	struct error *err = NULL;
	struct image_parent parent = {
		.pread = parent_pread, .data_ranges = parent_ranges, .size = 5 * MiB};
	struct vhdx *v = NULL;
	int result = vhdx_open(&v, io, flags | VHDX_OPEN_NO_PARENT, NULL, &err);
	if (result == 0 && with_parent) {
		parent.id = vhdx_info(v)->parent_id;
		vhdx_close(v);
		result = vhdx_open(&v, io, flags, &parent, &err);
	}
	assert((result == 0) == !err);
	err_free(err);
	*ret = result == 0 ? v : NULL;
	return result;
}

/* Samples of the disk; returns how many failed. */
static unsigned read_samples(struct vhdx *v, uint8_t *samples)
{
	unsigned failed = 0;
	uint64_t size = vhdx_info(v)->virtual_size;
	for (uint64_t i = 0; i < 8; i++) {
		struct error *err = NULL;
		size_t n = (size_t)min_u64(size, 700);
		if (vhdx_pread(v, samples + 700 * i, n, (size - n) / 7 * i, &err) < 0) {
			memset(samples + 700 * i, 0, 700);
			failed++;
			assert(err);
			err_free(err);
		}
	}
	return failed;
}

static void walk_ranges(struct vhdx *v)
{
	CLEANUP_RANGES struct ranges data = {0};
	struct error *err = NULL;
	uint64_t size = min_u64(vhdx_info(v)->virtual_size, GiB);
	if (vhdx_data_ranges(v, 0, size, &data, &err) < 0)
		err_free(err);
	else
		assert(!data.n || data.v[data.n - 1].end <= size);
}

static bool check_has_errors(struct io *io)
{
	struct findings f = {0};
	struct error *err = NULL;
	int result = vhdx_check(io, &f, &err);
	assert(result == 0 && !err); /* this io can always be read */
	bool errors = findings_have_errors(&f);
	findings_done(&f);
	return errors;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t in_memory[8 * 700], in_file[8 * 700];
	static char name[] = "fuzz";
	unsigned flags;
	struct io io = {.ops = &file_ops, .name = name, .size = make_file(data, size, &flags)};
	struct vhdx *v;
	bool errors = check_has_errors(&io), with_parent = flags & WITH_PARENT;
	if (open_it(&v, &io, 0, with_parent) < 0) {
		assert(errors);
		return 0;
	}
	unsigned failed = read_samples(v, in_memory);
	assert(errors || !failed || (vhdx_info(v)->type == IMAGE_DIFFERENCING && !with_parent));
	walk_ranges(v);
	bool dirty = vhdx_info(v)->dirty_log;
	vhdx_close(v);
	/* Replayed in the file, the disk reads the same, and there is nothing left to replay. */
	if (dirty && open_it(&v, &io, VHDX_OPEN_WRITE, false) == 0) {
		vhdx_close(v);
		int result = open_it(&v, &io, 0, with_parent);
		assert(result == 0 && !vhdx_info(v)->dirty_log);
		assert(read_samples(v, in_file) == failed);
		assert(memcmp(in_memory, in_file, sizeof(in_file)) == 0);
		vhdx_close(v);
	}
	return 0;
}
