/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From an offset of the disk to where its bytes are: BAT and sector bitmaps, [MS-VHDX] 2.4, 2.5. */
#include <inttypes.h>
#include <string.h>

#include "vhdx-internal.h"

#define ENTRIES_PER_PAGE (VHDX_PAGE / sizeof(le64))

/*
 * The page of the file at offset, a multiple of VHDX_PAGE, through the cache. The lock is not held
 * while reading: two threads may read the same page, which is then stored twice.
 */
static int read_page(struct vhdx *v, uint64_t offset, void *ret, struct error **err)
{
	uint64_t number = offset / VHDX_PAGE;
	struct vhdx_cache *c = &v->cache;
	uint64_t slot = number % VHDX_PAGES;
	pthread_mutex_lock(&c->lock);
	bool hit = c->pages[slot].number == number + 1;
	if (hit)
		memcpy(ret, c->pages[slot].b, VHDX_PAGE);
	pthread_mutex_unlock(&c->lock);
	if (hit)
		return 0;
	if (io_pread(v->io, ret, VHDX_PAGE, offset, err) < 0)
		return -1;
	pthread_mutex_lock(&c->lock);
	c->pages[slot].number = number + 1;
	memcpy(c->pages[slot].b, ret, VHDX_PAGE);
	pthread_mutex_unlock(&c->lock);
	return 0;
}

/* The BAT's page that holds entry index. */
static int read_bat_page(struct vhdx *v, uint64_t index, le64 *page, struct error **err)
{
	return read_page(v, v->bat.offset + index / ENTRIES_PER_PAGE * VHDX_PAGE, page, err);
}

static bool differencing(const struct vhdx *v)
{
	return v->meta.type == IMAGE_DIFFERENCING;
}

static int bad_entry(
	struct vhdx *v, const char *what, uint64_t number, uint64_t entry, struct error **err)
{
	return err_set(err, ERR_IMAGE_CORRUPT,
		"\"%s\": BAT: %s %" PRIu64 ": state %u at 0x%" PRIx64 " is not valid for a %s disk",
		v->io->name, what, number, VHDX_BAT_STATE(entry), VHDX_BAT_OFFSET(entry),
		image_type_name(v->meta.type));
}

/* All of a block. */
static int map_block(
	struct vhdx *v, uint64_t block, uint64_t entry, struct vhdx_extent *ret, struct error **err)
{
	*ret = (struct vhdx_extent){.source = VHDX_FROM_ZERO, .length = v->meta.block_size};
	switch (VHDX_BAT_STATE(entry)) {
	case VHDX_BLOCK_NOT_PRESENT:
		if (differencing(v))
			ret->source = VHDX_FROM_PARENT;
		return 0;
	case VHDX_BLOCK_UNDEFINED:
	case VHDX_BLOCK_ZERO:
	case VHDX_BLOCK_UNMAPPED:
		return 0;
	case VHDX_BLOCK_FULLY_PRESENT:
		ret->source = VHDX_FROM_FILE;
		ret->file_offset = VHDX_BAT_OFFSET(entry);
		if (ret->file_offset >= VHDX_UNIT)
			return 0;
		break;
	case VHDX_BLOCK_PARTIALLY_PRESENT:
		ret->source = VHDX_FROM_BOTH;
		ret->file_offset = VHDX_BAT_OFFSET(entry);
		if (differencing(v) && ret->file_offset >= VHDX_UNIT)
			return 0;
		break;
	default:
		break;
	}
	return bad_entry(v, "block", block, entry, err);
}

/* anywhere: blocks of one source are one extent though they are not neighbours in the file. */
static bool joins(const struct vhdx_extent *a, const struct vhdx_extent *b, bool anywhere)
{
	return a->source == b->source && (anywhere || a->source != VHDX_FROM_FILE ||
						 a->file_offset + a->length == b->file_offset);
}

/* Lengthens ret, which ends where block ends, over the blocks that follow in the same BAT page. */
static void extend(struct vhdx *v, const le64 *page, uint64_t block, uint64_t want, bool anywhere,
	struct vhdx_extent *ret)
{
	uint64_t index = vhdx_bat_index(block, v->chunk_ratio);
	while (ret->length < want && ++block < v->blocks) {
		struct error *err = NULL;
		struct vhdx_extent next;
		uint64_t next_index = vhdx_bat_index(block, v->chunk_ratio);
		if (next_index / ENTRIES_PER_PAGE != index / ENTRIES_PER_PAGE)
			return;
		uint64_t entry = le64_get(page[next_index % ENTRIES_PER_PAGE]);
		if (map_block(v, block, entry, &next, &err) < 0 || !joins(ret, &next, anywhere)) {
			err_free(err); /* comes again when that block itself is asked for */
			return;
		}
		ret->length += next.length;
	}
}

static int map_blocks(struct vhdx *v, uint64_t offset, uint64_t end, bool anywhere,
	struct vhdx_extent *ret, struct error **err)
{
	le64 page[ENTRIES_PER_PAGE];
	uint64_t block = offset / v->meta.block_size, in_block = offset % v->meta.block_size;
	uint64_t index = vhdx_bat_index(block, v->chunk_ratio);
	if (read_bat_page(v, index, page, err) < 0)
		return -1;
	if (map_block(v, block, le64_get(page[index % ENTRIES_PER_PAGE]), ret, err) < 0)
		return -1;
	extend(v, page, block, in_block + (end - offset), anywhere, ret);
	ret->length = min_u64(ret->length - in_block, end - offset);
	ret->file_offset += in_block;
	return 0;
}

/* ---- sector bitmaps ---- */

static int bitmap_offset(struct vhdx *v, uint64_t block, uint64_t *ret, struct error **err)
{
	le64 page[ENTRIES_PER_PAGE];
	uint64_t chunk = block / v->chunk_ratio;
	uint64_t index = vhdx_bat_bitmap_index(chunk, v->chunk_ratio);
	if (read_bat_page(v, index, page, err) < 0)
		return -1;
	uint64_t entry = le64_get(page[index % ENTRIES_PER_PAGE]);
	if (VHDX_BAT_STATE(entry) != VHDX_BLOCK_FULLY_PRESENT || VHDX_BAT_OFFSET(entry) < VHDX_UNIT)
		return bad_entry(v, "sector bitmap", chunk, entry, err);
	*ret = VHDX_BAT_OFFSET(entry);
	return 0;
}

/* How many bits from bit on, up to end, are like the first one. */
static uint32_t run_of_bits(const uint8_t *map, uint32_t bit, uint32_t end, bool *ret_set)
{
	uint32_t at = bit;
	bool set = map[at / 8] >> at % 8 & 1;
	uint8_t same = set ? 0xff : 0;
	while (at < end) {
		if (at % 8 == 0 && map[at / 8] == same)
			at += 8;
		else if ((map[at / 8] >> at % 8 & 1) == set)
			at++;
		else
			break;
	}
	*ret_set = set;
	return (at < end ? at : end) - bit;
}

/* offset lies in a PARTIALLY_PRESENT block: narrows ret to the sectors from there on that are alike. */
static int map_sectors(struct vhdx *v, uint64_t offset, struct vhdx_extent *ret, struct error **err)
{
	uint8_t map[VHDX_PAGE];
	uint64_t bitmap = 0, block = offset / v->meta.block_size;
	const uint32_t sector = v->meta.logical_sector, bits = VHDX_PAGE * 8;
	if (bitmap_offset(v, block, &bitmap, err) < 0)
		return -1;
	uint64_t first = offset / sector % VHDX_CHUNK_SECTORS; /* in the bitmap block */
	uint64_t left = div_round_up((block + 1) * v->meta.block_size, sector) - offset / sector;
	if (read_page(v, bitmap + first / bits * VHDX_PAGE, map, err) < 0)
		return err_prefix(err, "sector bitmap of block %" PRIu64, block);
	bool present;
	uint32_t bit = (uint32_t)(first % bits);
	uint32_t run = run_of_bits(map, bit, (uint32_t)min_u64(bits, bit + left), &present);
	ret->source = present ? VHDX_FROM_FILE : VHDX_FROM_PARENT;
	ret->length = min_u64(ret->length, (uint64_t)run * sector - offset % sector);
	return 0;
}

int vhdx_map(
	struct vhdx *v, uint64_t offset, uint64_t end, struct vhdx_extent *ret, struct error **err)
{
	if (map_blocks(v, offset, end, false, ret, err) < 0)
		return -1;
	return ret->source == VHDX_FROM_BOTH ? map_sectors(v, offset, ret, err) : 0;
}

int vhdx_map_coarse(
	struct vhdx *v, uint64_t offset, uint64_t end, struct vhdx_extent *ret, struct error **err)
{
	return map_blocks(v, offset, end, true, ret, err);
}
