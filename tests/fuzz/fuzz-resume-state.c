/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A state file that anybody on the share may have written: refused, or it reads back as it is written. */
#include <stdlib.h>
#include <string.h>

#include "copy-record.h"
#include "mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the seeds are bound to. */
static const struct record_binding binding = {
	.options = {.format = IMAGE_VHDX,
		.block_size = 32 * MiB,
		.logical_sector = 512,
		.physical_sector = 4096,
		.file_id = {{1}},
		.data_id = {{2}},
		.disk_id = {{3}},
		.timestamp = 4},
	.disk_size = GiB,
	.length = GiB,
	.slot_size = 8 * MiB,
};

static void check(const char *text)
{
	CLEANUP(record_free_p) struct record *r = record_parse(text, &binding);
	if (!r)
		return;
	CLEANUP_FREE char *again = record_format(r, 0);
	CLEANUP(record_free_p) struct record *r2 = record_parse(again, &binding);
	uint64_t newest[RECORD_NEWEST];
	size_t n = record_newest(r, newest);
	if (!r2 || record_count(r) != record_count(r2) || (record_count(r) && !n))
		abort();
	for (uint64_t slot = 0; slot < 200; slot++) {
		const uint8_t *a = record_get(r, slot), *b = record_get(r2, slot);
		if (!a != !b || (a && memcmp(a, b, RECORD_DIGEST) != 0) ||
			(a && slot >= GiB / (8 * MiB)) ||
			record_is_suspect(r, slot, 0) != record_is_suspect(r2, slot, 0))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xstrndup((const char *)data, size);
	struct image_options o = binding.options;
	record_parse_ids(text, binding.source_id, &o);
	check(text);
	return 0;
}
