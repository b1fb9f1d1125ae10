/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that can be checked without reading payload; opening reads no image that fails it. */
#include <inttypes.h>
#include <stdlib.h>

#include "mem.h"
#include "vhd-internal.h"

/* Bytes of bitmap and data that a block needs; the last one may end with the disk. */
static uint64_t block_extent(const struct vhd *v, uint32_t block)
{
	uint64_t start = (uint64_t)block * v->info.block_size;
	return v->bitmap_size + min_u64(v->info.block_size, v->info.virtual_size - start);
}

static bool overlaps(uint64_t a, uint64_t a_length, uint64_t b, uint64_t b_length)
{
	return a < b + b_length && b < a + a_length;
}

static void check_block(const struct vhd *v, uint32_t block, uint64_t offset, struct findings *f)
{
	const struct {
		uint64_t start, length;
	} metadata[] = {
		{0, sizeof(struct vhd_footer)},
		{be64_get(v->footer.data_offset), sizeof(struct vhd_header)},
		{be64_get(v->header.table_offset), (uint64_t)v->blocks * sizeof(be32)},
	};
	uint64_t extent = block_extent(v, block);
	if (!u64_range_ok(offset, extent, v->data_end)) {
		findings_add(f, FINDING_ERROR, "block-outside",
			"block %" PRIu32 " at 0x%" PRIx64 ", %" PRIu64
			" bytes, does not lie within the file (0x%" PRIx64
			" bytes before the footer): the file has been truncated, or its BAT "
			"damaged",
			block, offset, extent, v->data_end);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(metadata); i++)
		if (overlaps(offset, extent, metadata[i].start, metadata[i].length))
			findings_add(f, FINDING_ERROR, "block-in-metadata",
				"block %" PRIu32 " at 0x%" PRIx64
				" overlaps the headers or the BAT at 0x%" PRIx64,
				block, offset, metadata[i].start);
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* Two blocks in one place: one of them reads as the other's data. */
static void check_overlaps(const struct vhd *v, uint32_t *used, size_t n, struct findings *f)
{
	bool sorted = true;
	for (size_t i = 1; i < n && sorted; i++)
		sorted = used[i - 1] <= used[i];
	if (!sorted)
		qsort(used, n, sizeof(*used), compare_u32);
	uint32_t last = be32_get(v->table[v->blocks - 1]);
	for (size_t i = 1; i < n; i++) {
		uint64_t extent =
			used[i - 1] == last ? block_extent(v, v->blocks - 1) : block_extent(v, 0);
		if ((uint64_t)(used[i] - used[i - 1]) * VHD_SECTOR < extent)
			findings_add(f, FINDING_ERROR, "blocks-overlap",
				"the block at 0x%" PRIx64 " overlaps the block at 0x%" PRIx64
				" (%" PRIu64 " bytes apart expected)",
				(uint64_t)used[i] * VHD_SECTOR, (uint64_t)used[i - 1] * VHD_SECTOR,
				extent);
	}
}

void vhd_check_blocks(const struct vhd *v, struct findings *f)
{
	CLEANUP_FREE uint32_t *used = xcalloc(v->blocks, sizeof(*used));
	size_t n = 0;
	for (uint32_t block = 0; block < v->blocks; block++) {
		uint32_t entry = be32_get(v->table[block]);
		if (entry == VHD_BAT_UNUSED)
			continue;
		check_block(v, block, (uint64_t)entry * VHD_SECTOR, f);
		used[n++] = entry;
	}
	check_overlaps(v, used, n, f);
}

int vhd_load(struct vhd *v, struct findings *f, struct error **err)
{
	if (vhd_load_footer(v, f, err) < 0)
		return -1;
	if (findings_have_errors(f) || v->info.type == IMAGE_FIXED)
		return 0;
	if (vhd_load_header(v, f, err) < 0)
		return -1;
	if (findings_have_errors(f) || v->info.type == IMAGE_DYNAMIC)
		return 0;
	return vhd_load_parent_paths(v, f, err);
}

void vhd_unload(struct vhd *v)
{
	for (size_t i = 0; i < v->n_parent_paths; i++)
		free(v->parent_paths[i]);
	free(v->parent_paths);
	free(v->table);
	image_info_done(&v->info);
}

int vhd_check(struct io *io, struct findings *ret, struct error **err)
{
	struct vhd v = {.io = io};
	int r = vhd_load(&v, ret, err);
	vhd_unload(&v);
	return r;
}
