/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A VHDX file, in the order of its offsets:
 *   0          file id, two headers, two region tables: the seal
 *   1 MiB      log, 1 MiB of zero
 *   2 MiB      metadata, 1 MiB
 *   3 MiB      BAT, whole MiB
 *   then       payload blocks that exist, in the order of the disk
 * So the file can be written strictly in sequence, and a block's place follows from its rank.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "crc32c.h"
#include "layout-internal.h"
#include "mem.h"
#include "vhdx-format.h"

#define SEAL_SIZE	VHDX_UNIT
#define LOG_OFFSET	(1 * MiB)
#define LOG_SIZE	MiB
#define METADATA_OFFSET (2 * MiB)
#define METADATA_SIZE	MiB
#define METADATA_USED	(VHDX_METADATA_TABLE + 4 * KiB)
#define BAT_OFFSET	(3 * MiB)
/* The BAT is META or ZERO in pieces of this size: a sparse disk's BAT is mostly a hole. */
#define BAT_PIECE (64 * KiB)

struct vhdx_layout {
	struct block_runs blocks;
	uint32_t chunk_ratio;
	uint64_t bat_size; /* bytes, whole MiB */
	uint64_t payload;  /* file offset of the first block */
};

static int vhdx_init(struct layout *l, struct error **err)
{
	const struct image_options *o = &l->options;
	if (l->disk_size > VHDX_SIZE_MAX)
		return err_set(err, ERR_SIZE_UNSUPPORTED,
			"a disk of %" PRIu64 " bytes does not fit a VHDX (at most 64 TiB)",
			l->disk_size);
	l->virtual_size = round_up(l->disk_size, VHDX_UNIT);

	struct vhdx_layout *v = l->priv = xcalloc(1, sizeof(*v));
	uint32_t blocks = (uint32_t)div_round_up(l->virtual_size, o->block_size);
	v->chunk_ratio = vhdx_chunk_ratio(o->block_size, o->logical_sector);
	v->bat_size =
		round_up(vhdx_bat_entries(blocks, v->chunk_ratio, false) * sizeof(le64), VHDX_UNIT);
	v->payload = BAT_OFFSET + v->bat_size;
	if (o->type == IMAGE_FIXED)
		block_runs_init_all(&v->blocks, blocks);
	else
		block_runs_init(&v->blocks, &l->map, o->block_size);
	l->length = v->payload + (uint64_t)v->blocks.total * o->block_size;
	return 0;
}

static void vhdx_done(struct layout *l)
{
	struct vhdx_layout *v = l->priv;
	if (v)
		block_runs_done(&v->blocks);
	free(v);
}

/* ---- what stands where ---- */

/* The first block whose BAT entry has that index or a higher one. */
static uint64_t block_at_bat_index(const struct vhdx_layout *v, uint64_t index)
{
	uint64_t chunk = index / (v->chunk_ratio + UINT64_C(1));
	return index - chunk;
}

static bool bat_piece_is_zero(const struct vhdx_layout *v, uint64_t piece)
{
	uint64_t index = piece * (BAT_PIECE / sizeof(le64));
	uint64_t end = block_at_bat_index(v, index + BAT_PIECE / sizeof(le64));
	uint64_t block = block_at_bat_index(v, index);
	size_t i = block_runs_by_block(&v->blocks, block);
	return i == v->blocks.n || v->blocks.v[i].first >= end;
}

static struct segment bat_segment(const struct vhdx_layout *v, uint64_t offset)
{
	uint64_t piece = (offset - BAT_OFFSET) / BAT_PIECE;
	bool zero = bat_piece_is_zero(v, piece);
	uint64_t end = BAT_OFFSET + (piece + 1) * BAT_PIECE;
	while (end < v->payload && zero == bat_piece_is_zero(v, ++piece))
		end += BAT_PIECE;
	return (struct segment){.kind = zero ? SEGMENT_ZERO : SEGMENT_META,
		.offset = offset,
		.length = end - offset};
}

static struct segment payload_segment(const struct layout *l, uint64_t offset)
{
	const struct vhdx_layout *v = l->priv;
	uint32_t size = l->options.block_size;
	uint32_t rank = (uint32_t)((offset - v->payload) / size);
	size_t i = block_runs_by_rank(&v->blocks, rank);
	const struct block_run *run = &v->blocks.v[i];
	uint64_t end = v->payload + (uint64_t)run[1].rank * size;
	uint64_t disk = ((uint64_t)run->first - run->rank) * size + (offset - v->payload);
	return layout_disk_segment(l, offset, end - offset, disk);
}

static struct segment vhdx_segment(const struct layout *l, uint64_t offset)
{
	const struct vhdx_layout *v = l->priv;
	static const struct {
		uint64_t end;
		enum segment_kind kind;
	} front[] = {
		{SEAL_SIZE, SEGMENT_META},
		{METADATA_OFFSET, SEGMENT_ZERO}, /* the log */
		{METADATA_OFFSET + METADATA_USED, SEGMENT_META},
		{BAT_OFFSET, SEGMENT_ZERO},
	};
	for (size_t i = 0; i < ARRAY_SIZE(front); i++)
		if (offset < front[i].end)
			return (struct segment){.kind = front[i].kind,
				.offset = offset,
				.length = front[i].end - offset};
	return offset < v->payload ? bat_segment(v, offset) : payload_segment(l, offset);
}

static struct segment vhdx_seal(const struct layout *l)
{
	(void)l;
	return (struct segment){.kind = SEGMENT_META, .offset = 0, .length = SEAL_SIZE};
}

/* ---- its bytes ---- */

static void make_file_id(struct vhdx_file_id *f)
{
	static const char creator[] = "CE Agent"; /* no version: a resumed file stays the same */
	memcpy(f->signature, "vhdxfile", 8);
	for (size_t i = 0; i < sizeof(creator); i++)
		le16_put(f->creator + 2 * i, (uint8_t)creator[i]);
}

static void make_header(const struct image_options *o, uint64_t sequence, struct vhdx_header *h)
{
	*h = (struct vhdx_header){.signature = "head",
		.sequence = le64_make(sequence),
		.file_write = o->file_id,
		.data_write = o->data_id,
		.version = le16_make(1),
		.log_length = le32_make(LOG_SIZE),
		.log_offset = le64_make(LOG_OFFSET)};
	h->checksum = le32_make(crc32c(0, h, sizeof(*h)));
}

static void make_region_table(const struct vhdx_layout *v, struct vhdx_region_table *t)
{
	memcpy(t->signature, "regi", 4);
	t->count = le32_make(2);
	t->entries[0] = (struct vhdx_region_entry){.guid = VHDX_REGION_BAT,
		.offset = le64_make(BAT_OFFSET),
		.length = le32_make((uint32_t)v->bat_size),
		.required = le32_make(1)};
	t->entries[1] = (struct vhdx_region_entry){.guid = VHDX_REGION_METADATA,
		.offset = le64_make(METADATA_OFFSET),
		.length = le32_make(METADATA_SIZE),
		.required = le32_make(1)};
	t->checksum = le32_make(crc32c(0, t, sizeof(*t)));
}

/* One 64 KiB slot of the header section; slot is zeroed. */
static void make_slot(const struct layout *l, uint64_t number, void *slot)
{
	if (number == 0)
		make_file_id(slot);
	else if (number == 1 || number == 2)
		make_header(&l->options, number, slot);
	else if (number == 3 || number == 4)
		make_region_table(l->priv, slot);
}

static void header_meta(const struct layout *l, uint64_t offset, char *buf, size_t len)
{
	CLEANUP_FREE void *slot = xmalloc(VHDX_SLOT);
	while (len) {
		uint64_t in = offset % VHDX_SLOT;
		size_t n = (size_t)min_u64(len, VHDX_SLOT - in);
		memset(slot, 0, VHDX_SLOT);
		make_slot(l, offset / VHDX_SLOT, slot);
		memcpy(buf, (char *)slot + in, n);
		offset += n, buf += n, len -= n;
	}
}

/* Appends an item to the table and its bytes to the items. */
static void add_metadata(char *region, size_t *end, const struct guid *guid, unsigned flags,
	const void *item, size_t len)
{
	struct vhdx_metadata_table *t = (void *)region;
	unsigned n = le16_get(t->count);
	t->entries[n] = (struct vhdx_metadata_entry){.guid = *guid,
		.offset = le32_make((uint32_t)*end),
		.length = le32_make((uint32_t)len),
		.flags = le32_make(flags)};
	t->count = le16_make((uint16_t)(n + 1));
	memcpy(region + *end, item, len);
	*end += len;
}

static void make_metadata(const struct layout *l, char *region)
{
	const struct image_options *o = &l->options;
	const struct vhdx_file_parameters parameters = {.block_size = le32_make(o->block_size),
		.flags = le32_make(o->type == IMAGE_FIXED ? VHDX_LEAVE_ALLOCATED : 0)};
	const le64 size = le64_make(l->virtual_size);
	const le32 logical = le32_make(o->logical_sector), physical = le32_make(o->physical_sector);
	const unsigned disk = VHDX_METADATA_REQUIRED | VHDX_METADATA_VIRTUAL_DISK;
	const struct {
		struct guid guid;
		unsigned flags;
		const void *item;
		size_t len;
	} items[] = {
		{VHDX_META_FILE_PARAMETERS, VHDX_METADATA_REQUIRED, &parameters,
			sizeof(parameters)},
		{VHDX_META_DISK_SIZE, disk, &size, sizeof(size)},
		{VHDX_META_DISK_ID, disk, &o->disk_id, sizeof(o->disk_id)},
		{VHDX_META_LOGICAL_SECTOR, disk, &logical, sizeof(logical)},
		{VHDX_META_PHYSICAL_SECTOR, disk, &physical, sizeof(physical)},
	};
	size_t end = VHDX_METADATA_TABLE;
	memcpy(region, "metadata", 8);
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		add_metadata(
			region, &end, &items[i].guid, items[i].flags, items[i].item, items[i].len);
}

static void metadata_meta(const struct layout *l, uint64_t offset, char *buf, size_t len)
{
	CLEANUP_FREE char *region = xcalloc(1, METADATA_USED);
	make_metadata(l, region);
	memcpy(buf, region + (offset - METADATA_OFFSET), len);
}

/* Entries [index, index + n) of the BAT. */
static void make_bat(const struct layout *l, uint64_t index, le64 *entries, size_t n)
{
	const struct vhdx_layout *v = l->priv;
	const struct block_runs *b = &v->blocks;
	memset(entries, 0, n * sizeof(*entries));
	uint64_t block = block_at_bat_index(v, index);
	for (size_t i = block_runs_by_block(b, block); i < b->n; i++) {
		for (block = max_u64(block, b->v[i].first); block < block_run_end(b, i); block++) {
			uint64_t at = vhdx_bat_index(block, v->chunk_ratio) - index;
			if (at >= n)
				return;
			uint64_t rank = b->v[i].rank + (block - b->v[i].first);
			entries[at] = le64_make((v->payload + rank * l->options.block_size) |
						VHDX_BLOCK_FULLY_PRESENT);
		}
	}
}

static void bat_meta(const struct layout *l, uint64_t offset, char *buf, size_t len)
{
	le64 page[512];
	while (len) {
		uint64_t at = round_down(offset - BAT_OFFSET, sizeof(page));
		uint64_t in = offset - BAT_OFFSET - at;
		size_t n = (size_t)min_u64(len, sizeof(page) - in);
		make_bat(l, at / sizeof(le64), page, ARRAY_SIZE(page));
		memcpy(buf, (char *)page + in, n);
		offset += n, buf += n, len -= n;
	}
}

static void vhdx_meta(const struct layout *l, uint64_t offset, void *buf, size_t len)
{
	if (offset < SEAL_SIZE)
		header_meta(l, offset, buf, len);
	else if (offset < BAT_OFFSET)
		metadata_meta(l, offset, buf, len);
	else
		bat_meta(l, offset, buf, len);
}

const struct layout_ops layout_vhdx_ops = {.init = vhdx_init,
	.done = vhdx_done,
	.segment = vhdx_segment,
	.meta = vhdx_meta,
	.seal = vhdx_seal};
