/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hostile FAT volume, from its first byte on: a file is read, given new content, and read again. */
#include <stdlib.h>
#include <string.h>

#include "checked.h"
#include "fat-file.h"
#include "mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BCD "\\EFI\\Microsoft\\Boot\\BCD"

struct disk_fuzz {
	struct disk disk;
	uint8_t *data;
};

static int fuzz_pread(struct disk *d, void *buf, size_t len, uint64_t offset, struct error **err)
{
	(void)err;
	memcpy(buf, ((struct disk_fuzz *)d)->data + offset, len);
	return 0;
}

static int fuzz_pwrite(
	struct disk *d, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	(void)err;
	memcpy(((struct disk_fuzz *)d)->data + offset, buf, len);
	return 0;
}

static const struct disk_ops fuzz_ops = {
	.name = "fuzz", .pread = fuzz_pread, .pwrite = fuzz_pwrite};

static void expect(const struct error *err)
{
	if (err->code != ERR_FAT_DAMAGED && err->code != ERR_NOT_FOUND &&
		err->code != ERR_NO_SPACE && err->code != ERR_INVALID_ARGUMENT)
		abort();
}

/* Nothing is said of what is read afterwards: files of such a volume may share clusters. */
static void change(struct fat_volume *v, const char *path, size_t len)
{
	CLEANUP_ERR struct error *err = NULL;
	CLEANUP_FREE uint8_t *content = xcalloc(1, len);
	if (fat_file_replace(v, path, content, len, &err) < 0)
		expect(err);
}

static void read_file(struct fat_volume *v, const char *path)
{
	CLEANUP_ERR struct error *err = NULL;
	CLEANUP_FREE uint8_t *content = NULL;
	size_t len;
	if (fat_file_read(v, path, MiB, &content, &len, &err) < 0)
		expect(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ERR struct error *err = NULL;
	struct fat_volume *v CLEANUP(fat_volume_close_p) = NULL;
	if (size == 0)
		return 0;
	/* A copy of exactly that size: what lies outside is an error of the sanitizer. */
	CLEANUP_FREE uint8_t *copy = xmemdup(data, size);
	struct disk_fuzz f = {.disk = {.ops = &fuzz_ops,
				      .name = (char *)"fuzz",
				      .size = size,
				      .logical_sector = 512,
				      .physical_sector = 512,
				      .io_alignment = 1},
		.data = copy};
	if (fat_volume_open(&v, &f.disk, 0, size, &err) < 0) {
		expect(err);
		return 0;
	}
	read_file(v, BCD);
	change(v, BCD, 1500);
	change(v, BCD, 5000);
	change(v, BCD, 100);
	read_file(v, BCD);
	read_file(v, "\\A long name of a file");
	return 0;
}
