/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A VHD file, in the order of its offsets:
 *
 *   fixed    the disk, grown to a whole MiB (Azure takes nothing else); footer: the seal
 *   dynamic  copy of the footer, dynamic header: the seal; BAT; then for each block that exists, in
 *            the order of the disk, its sector bitmap and its data; footer
 *
 * Data of dynamic blocks begins at a multiple of 4 KiB, with the bitmap right before it, so that a
 * 4 KiB write of the guest is not a read-modify-write of the host's disk. All bits of a bitmap are
 * set, as Hyper-V sets them: some readers take a clear bit for zero, some do not look, some decode
 * partly set bytes wrongly; the sectors that are not in the map are zero in the file for all of them.
 */
#include <inttypes.h>
#include <string.h>

#include "layout-internal.h"
#include "mem.h"
#include "vhd-format.h"

#define HEADER_OFFSET  VHD_SECTOR
#define TABLE_OFFSET   (HEADER_OFFSET + sizeof(struct vhd_header))
#define DATA_ALIGNMENT 4096u

/*
 * Who made the file decides how readers take its size: QEMU 7.2 reads any name it does not know
 * as "cylinders x heads x sectors", which loses the end of the disk. "win " of Windows 10 (creator
 * version 10.0) is the oldest name for which everybody takes the footer's current size.
 */
#define CREATOR_APP	"win "
#define CREATOR_VERSION 0x000a0000u
#define CREATOR_OS	"Wi2k"

struct vhd_layout {
	bool fixed;
	struct vhd_footer footer;
	uint64_t footer_offset;
	/* dynamic only */
	struct vhd_header header;
	struct block_runs blocks;
	uint32_t bitmap_size;
	uint32_t stride;       /* from one block to the next */
	uint64_t table_end;    /* padded to a sector */
	uint64_t blocks_start; /* of the first bitmap */
};

/* spec: "CHS Calculation". Virtual PC and BIOSes that boot from CHS look at it. */
static void geometry(uint64_t sectors, struct vhd_footer *f)
{
	uint32_t spt, heads, tracks; /* tracks: cylinders times heads */
	uint32_t total = (uint32_t)min_u64(sectors, 65535 * 16 * 255);
	if (total >= 65535 * 16 * 63) {
		spt = 255;
		heads = 16;
	} else {
		spt = 17;
		tracks = total / spt;
		heads = (tracks + 1023) / 1024;
		if (heads < 4)
			heads = 4;
		if (tracks >= heads * 1024 || heads > 16) {
			spt = 31;
			heads = 16;
		}
		if (total / spt >= heads * 1024) {
			spt = 63;
			heads = 16;
		}
	}
	tracks = total / spt;
	f->cylinders = be16_make((uint16_t)(tracks / heads));
	f->heads = (uint8_t)heads;
	f->sectors_per_track = (uint8_t)spt;
}

static void make_footer(const struct layout *l, struct vhd_footer *f)
{
	const struct image_options *o = &l->options;
	bool fixed = o->type == IMAGE_FIXED;
	*f = (struct vhd_footer){
		.features = be32_make(VHD_FEATURES),
		.version = be32_make(VHD_VERSION),
		.data_offset = be64_make(fixed ? VHD_NO_OFFSET : HEADER_OFFSET),
		.timestamp = be32_make(o->timestamp),
		.creator_version = be32_make(CREATOR_VERSION),
		.original_size = be64_make(l->virtual_size),
		.current_size = be64_make(l->virtual_size),
		.type = be32_make(fixed ? VHD_FIXED : VHD_DYNAMIC),
	};
	memcpy(f->cookie, VHD_COOKIE, sizeof(f->cookie));
	memcpy(f->creator_app, CREATOR_APP, sizeof(f->creator_app));
	memcpy(f->creator_os, CREATOR_OS, sizeof(f->creator_os));
	memcpy(f->unique_id, o->file_id.b, sizeof(f->unique_id));
	geometry(l->virtual_size / VHD_SECTOR, f);
	f->checksum = be32_make(vhd_footer_checksum(f));
}

static void make_header(const struct layout *l, uint32_t entries, struct vhd_header *h)
{
	*h = (struct vhd_header){
		.data_offset = be64_make(VHD_NO_OFFSET),
		.table_offset = be64_make(TABLE_OFFSET),
		.version = be32_make(VHD_VERSION),
		.max_table_entries = be32_make(entries),
		.block_size = be32_make(l->options.block_size),
	};
	memcpy(h->cookie, VHD_HEADER_COOKIE, sizeof(h->cookie));
	h->checksum = be32_make(vhd_header_checksum(h));
}

static int place_blocks(struct layout *l, struct vhd_layout *v, struct error **err)
{
	uint32_t block_size = l->options.block_size;
	uint32_t entries = (uint32_t)div_round_up(l->virtual_size, block_size);
	make_header(l, entries, &v->header);
	block_runs_init(&v->blocks, &l->map, block_size);
	v->bitmap_size = vhd_bitmap_size(block_size);
	v->stride = (uint32_t)round_up(v->bitmap_size + block_size, DATA_ALIGNMENT);
	v->table_end = round_up(TABLE_OFFSET + (uint64_t)entries * sizeof(be32), VHD_SECTOR);
	v->blocks_start = round_up(v->table_end + v->bitmap_size, DATA_ALIGNMENT) - v->bitmap_size;
	if (!v->blocks.total) {
		v->footer_offset = v->table_end;
		return 0;
	}
	uint64_t last = v->blocks_start + (uint64_t)(v->blocks.total - 1) * v->stride;
	v->footer_offset = last + v->bitmap_size + block_size;
	if (last / VHD_SECTOR >= VHD_BAT_UNUSED) {
		err_set(err, ERR_SIZE_UNSUPPORTED,
			"%" PRIu32 " blocks of %" PRIu32
			" bytes do not fit a VHD: the last would lie "
			"at 0x%" PRIx64 " (below 2 TiB expected)",
			v->blocks.total, block_size, last);
		return err_hint(err, "choose blocks of 2 MiB or the format vhdx");
	}
	return 0;
}

static int vhd_init(struct layout *l, struct error **err)
{
	if (l->disk_size > VHD_MAX_SIZE) {
		err_set(err, ERR_SIZE_UNSUPPORTED,
			"a disk of %" PRIu64 " bytes does not fit a VHD (at most 2040 GiB)",
			l->disk_size);
		return err_hint(err, "choose the format vhdx");
	}
	struct vhd_layout *v = l->priv = xcalloc(1, sizeof(*v));
	v->fixed = l->options.type == IMAGE_FIXED;
	l->virtual_size = round_up(l->disk_size, v->fixed ? MiB : VHD_SECTOR);
	make_footer(l, &v->footer);
	v->footer_offset = l->virtual_size;
	if (!v->fixed && place_blocks(l, v, err) < 0)
		return -1;
	l->length = v->footer_offset + sizeof(v->footer);
	return 0;
}

static void vhd_done(struct layout *l)
{
	struct vhd_layout *v = l->priv;
	if (v)
		block_runs_done(&v->blocks);
	free(v);
}

/* ---- what stands where ---- */

static struct segment segment_to(enum segment_kind kind, uint64_t offset, uint64_t end)
{
	return (struct segment){.kind = kind, .offset = offset, .length = end - offset};
}

static struct segment block_segment(const struct layout *l, uint64_t offset)
{
	const struct vhd_layout *v = l->priv;
	uint32_t rank = (uint32_t)((offset - v->blocks_start) / v->stride);
	uint64_t start = v->blocks_start + (uint64_t)rank * v->stride;
	uint64_t data = start + v->bitmap_size, end = data + l->options.block_size;
	if (offset < data)
		return segment_to(SEGMENT_META, offset, data);
	if (offset >= end)
		return segment_to(SEGMENT_ZERO, offset, start + v->stride);
	const struct block_run *run = &v->blocks.v[block_runs_by_rank(&v->blocks, rank)];
	uint64_t block = (uint64_t)run->first + (rank - run->rank);
	return layout_disk_segment(
		l, offset, end - offset, block * l->options.block_size + (offset - data));
}

static struct segment vhd_segment(const struct layout *l, uint64_t offset)
{
	const struct vhd_layout *v = l->priv;
	if (offset >= v->footer_offset)
		return segment_to(SEGMENT_META, offset, l->length);
	if (v->fixed)
		return layout_disk_segment(l, offset, v->footer_offset - offset, offset);
	if (offset < TABLE_OFFSET)
		return segment_to(SEGMENT_META, offset, TABLE_OFFSET);
	if (offset < v->table_end)
		return segment_to(SEGMENT_META, offset, v->table_end);
	if (offset < v->blocks_start)
		return segment_to(SEGMENT_ZERO, offset, v->blocks_start);
	return block_segment(l, offset);
}

/* Without a dynamic image's footer readers take the copy; without the dynamic header none can go on. */
static struct segment vhd_seal(const struct layout *l)
{
	const struct vhd_layout *v = l->priv;
	return v->fixed ? segment_to(SEGMENT_META, v->footer_offset, l->length)
			: segment_to(SEGMENT_META, 0, TABLE_OFFSET);
}

/* ---- its bytes ---- */

static be32 table_entry(const struct vhd_layout *v, uint64_t block)
{
	size_t i = block_runs_by_block(&v->blocks, block);
	if (i == v->blocks.n || block < v->blocks.v[i].first)
		return be32_make(VHD_BAT_UNUSED);
	uint64_t rank = v->blocks.v[i].rank + (block - v->blocks.v[i].first);
	return be32_make((uint32_t)((v->blocks_start + rank * v->stride) / VHD_SECTOR));
}

/* Entries past the last block, up to the sector's end, read as unused. */
static void make_table(const struct vhd_layout *v, uint64_t offset, uint8_t *buf, size_t len)
{
	while (len) {
		be32 entry = table_entry(v, (offset - TABLE_OFFSET) / sizeof(be32));
		size_t skip = (size_t)((offset - TABLE_OFFSET) % sizeof(be32));
		size_t n = (size_t)min_u64(sizeof(be32) - skip, len);
		memcpy(buf, entry.b + skip, n);
		offset += n, buf += n, len -= n;
	}
}

/* Copies what [offset, +len) has of a part that stands at start; returns the bytes copied. */
static size_t copy_part(
	const void *part, uint64_t start, size_t size, uint64_t offset, void *buf, size_t len)
{
	if (offset < start || offset - start >= size)
		return 0;
	size_t n = (size_t)min_u64(size - (offset - start), len);
	memcpy(buf, (const char *)part + (offset - start), n);
	return n;
}

static void vhd_meta(const struct layout *l, uint64_t offset, void *buf, size_t len)
{
	const struct vhd_layout *v = l->priv;
	uint8_t *p = buf;
	if (offset >= v->footer_offset) {
		copy_part(&v->footer, v->footer_offset, sizeof(v->footer), offset, p, len);
		return;
	}
	if (offset >= v->table_end) {
		memset(p, 0xff, len); /* a sector bitmap */
		return;
	}
	size_t n = copy_part(&v->footer, 0, sizeof(v->footer), offset, p, len);
	n += copy_part(&v->header, HEADER_OFFSET, sizeof(v->header), offset + n, p + n, len - n);
	make_table(v, offset + n, p + n, len - n);
}

const struct layout_ops layout_vhd_ops = {.init = vhd_init,
	.done = vhd_done,
	.segment = vhd_segment,
	.meta = vhd_meta,
	.seal = vhd_seal};
