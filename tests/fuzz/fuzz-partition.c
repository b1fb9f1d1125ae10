/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hostile disk: the first byte says how large it is, the second whether its sectors are of 4096 bytes;
 * the rest is laid over its head, and the end of that over its tail, where the backup GPT stands.
 */
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "partition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TAIL (17 * KiB)

struct disk_fuzz {
	struct disk disk;
	const uint8_t *data;
	size_t len;
};

/* Copies what of data, laid at data_offset, falls into the range. */
static void lay(uint8_t *buf, size_t len, uint64_t offset, const uint8_t *data, size_t n,
	uint64_t data_offset)
{
	uint64_t start = max_u64(offset, data_offset), end = min_u64(offset + len, data_offset + n);
	if (start < end)
		memcpy(buf + (start - offset), data + (start - data_offset), end - start);
}

static int fuzz_pread(struct disk *d, void *buf, size_t len, uint64_t offset, struct error **err)
{
	const struct disk_fuzz *f = (const struct disk_fuzz *)d;
	size_t tail = (size_t)min_u64(min_u64(f->len, TAIL), d->size);
	(void)err;
	memset(buf, 0, len);
	lay(buf, len, offset, f->data, f->len, 0);
	lay(buf, len, offset, f->data + f->len - tail, tail, d->size - tail);
	return 0;
}

static void fuzz_close(struct disk *d)
{
	(void)d;
}

static const struct disk_ops fuzz_ops = {.name = "fuzz", .pread = fuzz_pread, .close = fuzz_close};

static void check(const struct partition_table *t, const struct disk *d)
{
	for (size_t i = 0; i < t->n; i++)
		if (!u64_range_ok(t->v[i].start, t->v[i].size, d->size))
			abort();
	if (t->structures.n && t->structures.v[t->structures.n - 1].end > d->size)
		abort();
	json_t *j = partition_table_to_json(t);
	free(json_dumps(j, 0));
	json_decref(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	struct disk_fuzz f = {
		.disk = {.ops = &fuzz_ops,
			.size = (UINT64_C(512) << data[0] % 36) + data[0] / 36 * 512,
			.logical_sector = data[1] & 1 ? 4096 : 512},
		.data = data + 2,
		.len = size - 2,
	};
	f.disk.name = xstrdup("fuzz");
	CLEANUP(partition_table_free_p) struct partition_table *t = NULL;
	CLEANUP_ERR struct error *err = NULL;
	struct op op = {0};
	if (partition_table_read(&t, &f.disk, &op, &err) == 0)
		check(t, &f.disk);
	else if (err->code != ERR_DISK_TRUNCATED)
		abort();
	free(f.disk.name);
	return 0;
}
