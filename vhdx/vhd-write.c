/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing to an image in place. Blocks that are there are written over; others are put where the footer at
 * the end of the file was, which moves first. A block is in the file and on stable storage before the BAT
 * names it: at any moment the file is a valid image.
 */
#include <inttypes.h>
#include <string.h>

#include "mem.h"
#include "vhd-internal.h"

/* Sets the bits of sectors [first, end) of a block; they are on the disk from now on. */
static int mark_present(
	struct vhd *v, uint64_t bitmap, uint32_t first, uint32_t end, struct error **err)
{
	uint8_t bits[512];
	while (first < end) {
		uint32_t byte = first / 8;
		uint32_t n = (uint32_t)min_u64(sizeof(bits), (end + 7) / 8 - byte);
		bool changed = false;
		if (io_pread(v->io, bits, n, bitmap + byte, err) < 0)
			return -1;
		for (; first < end && first / 8 < byte + n; first++) {
			uint8_t mask = (uint8_t)(0x80 >> first % 8);
			changed |= !(bits[first / 8 - byte] & mask);
			bits[first / 8 - byte] |= mask;
		}
		if (changed && io_pwrite(v->io, bits, n, bitmap + byte, err) < 0)
			return -1;
	}
	return 0;
}

/* The footer behind the new block, then the block's bitmap (all there) over the old footer. */
static int add_block(struct vhd *v, uint64_t *ret_offset, struct error **err)
{
	uint64_t offset = round_up(v->data_end, VHD_SECTOR);
	uint64_t end = offset + v->bitmap_size + v->info.block_size;
	if (offset / VHD_SECTOR >= VHD_BAT_UNUSED)
		return err_set(err, ERR_SIZE_UNSUPPORTED, "\"%s\" is longer than a VHD can be",
			v->io->name);
	CLEANUP_FREE uint8_t *bitmap = xmalloc(v->bitmap_size);
	memset(bitmap, 0xff, v->bitmap_size);
	if (io_pwrite(v->io, &v->footer, sizeof(v->footer), end, err) < 0 ||
		io_flush(v->io, err) < 0 ||
		io_pwrite(v->io, bitmap, v->bitmap_size, offset, err) < 0)
		return err_prefix(err, "adding a block");
	v->data_end = end;
	*ret_offset = offset;
	return 0;
}

static int write_new_block(struct vhd *v, uint64_t block, const void *buf, size_t len,
	uint32_t within, struct error **err)
{
	uint64_t offset = 0;
	uint64_t table = be64_get(v->header.table_offset) + block * sizeof(be32);
	if (add_block(v, &offset, err) < 0 ||
		io_pwrite(v->io, buf, len, offset + v->bitmap_size + within, err) < 0 ||
		io_flush(v->io, err) < 0)
		return -1;
	be32 entry = be32_make((uint32_t)(offset / VHD_SECTOR));
	if (io_pwrite(v->io, &entry, sizeof(entry), table, err) < 0)
		return err_prefix(err, "BAT entry of block %" PRIu64, block);
	v->table[block] = entry;
	return 0;
}

static int write_in_block(
	struct vhd *v, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	uint64_t block = offset / v->info.block_size;
	uint32_t within = (uint32_t)(offset % v->info.block_size);
	uint32_t entry = be32_get(v->table[block]);
	uint64_t at = (uint64_t)entry * VHD_SECTOR;
	if (entry == VHD_BAT_UNUSED)
		return write_new_block(v, block, buf, len, within, err);
	if (io_pwrite(v->io, buf, len, at + v->bitmap_size + within, err) < 0)
		return -1;
	return mark_present(v, at, within / VHD_SECTOR, (within + (uint32_t)len) / VHD_SECTOR, err);
}

int vhd_pwrite(struct vhd *v, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	if (v->info.type == IMAGE_DIFFERENCING)
		return err_set(err, ERR_IMAGE_UNSUPPORTED,
			"\"%s\" cannot be written to: it is a differencing image", v->io->name);
	if (!u64_range_ok(offset, len, v->info.virtual_size) || offset % VHD_SECTOR ||
		len % VHD_SECTOR)
		return err_set(err, ERR_INVALID_ARGUMENT,
			"\"%s\": %zu bytes at 0x%" PRIx64 " are no whole sectors of the disk",
			v->io->name, len, offset);
	if (v->info.type == IMAGE_FIXED)
		return io_pwrite(v->io, buf, len, offset, err);
	for (const char *p = buf; len;) {
		uint64_t left = v->info.block_size - offset % v->info.block_size;
		size_t n = (size_t)min_u64(len, left);
		if (write_in_block(v, p, n, offset, err) < 0)
			return err_prefix(err, "0x%" PRIx64 " of the disk", offset);
		p += n, offset += n, len -= n;
	}
	return 0;
}
