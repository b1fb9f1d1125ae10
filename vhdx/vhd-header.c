/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Header and block allocation table (BAT) of dynamic and differencing images. */
#include <inttypes.h>
#include <string.h>

#include "mem.h"
#include "vhd-internal.h"

#define MIN_BLOCK 4096u /* below it, readers differ on the size of the bitmap */

static int read_header(struct vhd *v, struct findings *f, struct error **err)
{
	uint64_t offset = be64_get(v->footer.data_offset);
	struct vhd_header *h = &v->header;
	if (!u64_range_ok(offset, sizeof(*h), v->data_end)) {
		findings_add(f, FINDING_ERROR, "header-outside",
			"the dynamic header at 0x%" PRIx64
			" does not lie within the file (0x%" PRIx64 " bytes before the footer)",
			offset, v->data_end);
		return 0;
	}
	if (io_pread(v->io, h, sizeof(*h), offset, err) < 0)
		return -1;
	if (memcmp(h->cookie, VHD_HEADER_COOKIE, sizeof(h->cookie)) != 0)
		findings_add(f, FINDING_ERROR, "header-missing",
			"no dynamic header at 0x%" PRIx64 " (\"%s\" expected)", offset,
			VHD_HEADER_COOKIE);
	else if (be32_get(h->checksum) != vhd_header_checksum(h))
		findings_add(f, FINDING_ERROR, "header-checksum",
			"the dynamic header at 0x%" PRIx64 " has the checksum 0x%08" PRIx32
			" (0x%08" PRIx32 " expected)",
			offset, be32_get(h->checksum), vhd_header_checksum(h));
	else if (be32_get(h->version) >> 16 != VHD_VERSION >> 16)
		findings_add(f, FINDING_ERROR, "header-version",
			"the dynamic header at 0x%" PRIx64 " has the version 0x%08" PRIx32
			" (0x%08" PRIx32 " expected)",
			offset, be32_get(h->version), VHD_VERSION);
	return 0;
}

static void check_table_place(const struct vhd *v, uint64_t blocks, struct findings *f)
{
	uint64_t offset = be64_get(v->header.table_offset);
	uint32_t entries = be32_get(v->header.max_table_entries);
	if (!u64_range_ok(offset, (uint64_t)entries * sizeof(be32), v->data_end))
		findings_add(f, FINDING_ERROR, "table-outside",
			"the BAT at 0x%" PRIx64 ", %" PRIu32
			" entries, does not lie within the file (0x%" PRIx64
			" bytes before the footer)",
			offset, entries, v->data_end);
	if (entries < blocks)
		findings_add(f, FINDING_ERROR, "table-too-short",
			"the BAT has %" PRIu32 " entries (%" PRIu64 " expected, for %" PRIu64
			" bytes in blocks of %" PRIu32 ")",
			entries, blocks, v->info.virtual_size, v->info.block_size);
	if (blocks * sizeof(be32) > VHD_TABLE_LIMIT)
		findings_add(f, FINDING_ERROR, "table-too-large",
			"the disk has %" PRIu64 " blocks of %" PRIu32 " bytes (at most %" PRIu64
			" blocks expected)",
			blocks, v->info.block_size, VHD_TABLE_LIMIT / sizeof(be32));
}

static int read_table(struct vhd *v, struct findings *f, struct error **err)
{
	uint32_t block_size = be32_get(v->header.block_size);
	if (!is_power_of_2(block_size) || block_size < MIN_BLOCK) {
		findings_add(f, FINDING_ERROR, "block-size",
			"blocks of %" PRIu32 " bytes (a power of two, at least %u, expected)",
			block_size, MIN_BLOCK);
		return 0;
	}
	v->info.block_size = block_size;
	v->bitmap_size = vhd_bitmap_size(block_size);
	uint64_t blocks = div_round_up(v->info.virtual_size, block_size);
	check_table_place(v, blocks, f);
	if (findings_have_errors(f))
		return 0;
	v->blocks = (uint32_t)blocks;
	v->table = mem_alloc(blocks * sizeof(be32), VHD_TABLE_LIMIT, "BAT", err);
	if (!v->table)
		return -1;
	return io_pread(
		v->io, v->table, blocks * sizeof(be32), be64_get(v->header.table_offset), err);
}

int vhd_load_header(struct vhd *v, struct findings *f, struct error **err)
{
	if (read_header(v, f, err) < 0)
		return -1;
	if (findings_have_errors(f))
		return 0;
	if (read_table(v, f, err) < 0)
		return -1;
	if (v->table)
		vhd_check_blocks(v, f);
	return 0;
}
