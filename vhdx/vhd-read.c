/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk's content. A sector comes from the file where its block exists and its bit is set, else
 * from the parent; without a parent it is zero.
 *
 * The bits count in dynamic images too, as the specification has it: a clear bit means "never
 * written". QEMU and libvhdi do not look at them there; they see the same unless a writer left
 * something else than zero under a clear bit.
 *
 * Nothing here changes the vhd, so any number of threads may read.
 */
#include <inttypes.h>
#include <string.h>

#include "vhd-internal.h"

#define CHUNK_BYTES   512u /* of bitmap that are looked at together */
#define CHUNK_SECTORS (CHUNK_BYTES * 8)

/* The part of a sector bitmap that was read last. */
struct cursor {
	uint64_t offset; /* in the file; 0: none */
	uint8_t bits[CHUNK_BYTES];
};

/* Neighbouring bytes of the disk from one origin. */
struct piece {
	uint64_t length;
	bool in_file;
	uint64_t file_offset; /* in_file */
};

static bool bit(const struct cursor *c, uint32_t i)
{
	return c->bits[i / 8] >> (7 - i % 8) & 1;
}

/* How many bits from i on, at most up to end, are as bit i is. */
static uint32_t run_length(const struct cursor *c, uint32_t i, uint32_t end)
{
	bool set = bit(c, i);
	uint32_t n = i;
	while (n < end && bit(c, n) == set)
		if (n % 8 == 0 && c->bits[n / 8] == (set ? 0xff : 0))
			n += 8;
		else
			n++;
	return (n < end ? n : end) - i;
}

/* [within, end) of the block at that file offset. */
static int piece_of_block(const struct vhd *v, struct cursor *c, uint64_t block_offset,
	uint32_t within, uint32_t end, struct piece *ret, struct error **err)
{
	uint32_t sector = within / VHD_SECTOR;
	uint32_t first = sector / CHUNK_SECTORS * CHUNK_SECTORS; /* of the chunk */
	uint64_t offset = block_offset + first / 8;
	if (c->offset != offset) {
		if (io_pread(v->io, c->bits, sizeof(c->bits), offset, err) < 0)
			return -1;
		c->offset = offset;
	}
	uint32_t n = run_length(c, sector - first, CHUNK_SECTORS);
	uint64_t run_end = min_u64((uint64_t)(sector + n) * VHD_SECTOR, end);
	*ret = (struct piece){.length = run_end - within,
		.in_file = bit(c, sector - first),
		.file_offset = block_offset + v->bitmap_size + within};
	return 0;
}

static int piece_at(const struct vhd *v, struct cursor *c, uint64_t offset, uint64_t end,
	struct piece *ret, struct error **err)
{
	if (v->info.type == IMAGE_FIXED) {
		*ret = (struct piece){
			.length = end - offset, .in_file = true, .file_offset = offset};
		return 0;
	}
	uint64_t block = offset / v->info.block_size;
	uint64_t start = block * v->info.block_size, block_end = start + v->info.block_size;
	uint32_t entry = be32_get(v->table[block]);
	if (entry != VHD_BAT_UNUSED)
		return piece_of_block(v, c, (uint64_t)entry * VHD_SECTOR,
			(uint32_t)(offset - start), (uint32_t)(min_u64(end, block_end) - start),
			ret, err);
	while (block_end < end && be32_get(v->table[++block]) == VHD_BAT_UNUSED)
		block_end += v->info.block_size;
	*ret = (struct piece){.length = min_u64(end, block_end) - offset};
	return 0;
}

static int check_range(const struct vhd *v, uint64_t offset, uint64_t len, struct error **err)
{
	if (u64_range_ok(offset, len, v->info.virtual_size))
		return 0;
	return err_set(err, ERR_INVALID_ARGUMENT,
		"\"%s\": %" PRIu64 " bytes at 0x%" PRIx64 " lie past the end of the disk (%" PRIu64
		" bytes)",
		v->io->name, len, offset, v->info.virtual_size);
}

static int require_parent(const struct vhd *v, struct error **err)
{
	if (v->info.type != IMAGE_DIFFERENCING || v->parent.pread)
		return 0;
	return err_set(err, ERR_IMAGE_PARENT,
		"\"%s\": its content needs its parent, and it was opened without", v->io->name);
}

/* The bytes that the file does not have. */
static int read_base(
	const struct vhd *v, char *buf, size_t len, uint64_t offset, struct error **err)
{
	size_t n = 0;
	if (v->parent.pread && offset < v->parent.size) {
		n = (size_t)min_u64(len, v->parent.size - offset);
		if (v->parent.pread(v->parent.data, buf, n, offset, err) < 0)
			return err_prefix(err, "parent of \"%s\"", v->io->name);
	}
	memset(buf + n, 0, len - n);
	return 0;
}

int vhd_pread(struct vhd *v, void *buf, size_t len, uint64_t offset, struct error **err)
{
	if (check_range(v, offset, len, err) < 0 || require_parent(v, err) < 0)
		return -1;
	struct cursor cursor;
	cursor.offset = 0;
	char *p = buf;
	for (uint64_t end = offset + len; offset < end;) {
		struct piece piece;
		if (piece_at(v, &cursor, offset, end, &piece, err) < 0)
			return -1;
		size_t n = (size_t)piece.length;
		int r = piece.in_file ? io_pread(v->io, p, n, piece.file_offset, err)
				      : read_base(v, p, n, offset, err);
		if (r < 0)
			return -1;
		p += n, offset += n;
	}
	return 0;
}

int vhd_data_ranges(
	struct vhd *v, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)
{
	if (start > end)
		return 0;
	if (check_range(v, start, end - start, err) < 0 || require_parent(v, err) < 0)
		return -1;
	struct cursor cursor;
	cursor.offset = 0;
	while (start < end) {
		struct piece piece;
		if (piece_at(v, &cursor, start, end, &piece, err) < 0)
			return -1;
		uint64_t piece_end = start + piece.length;
		uint64_t parent_end = min_u64(piece_end, v->parent.size);
		if (piece.in_file)
			ranges_add(ret, start, piece_end);
		else if (v->parent.pread && start < parent_end &&
			 v->parent.data_ranges(v->parent.data, start, parent_end, ret, err) < 0)
			return err_prefix(err, "parent of \"%s\"", v->io->name);
		start = piece_end;
	}
	return 0;
}
