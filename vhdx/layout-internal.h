/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What layout.c and the formats' layouts (layout-raw.c, layout-vhd.c, layout-vhdx.c) share. */
#pragma once

#include "layout.h"

/*
 * One format. layout.c has filled disk_size, map (widened to sectors, cut at disk_size), options and
 * data_bytes in when init() is called; init() sets virtual_size and length, and priv where needed.
 */
struct layout_ops {
	int (*init)(struct layout *l, struct error **err);
	void (*done)(struct layout *l); /* frees priv, which may be NULL; NULL: nothing to do */
	/* offset < length; may end early at any place, but a META or DATA segment never runs on. */
	struct segment (*segment)(const struct layout *l, uint64_t offset);
	/* Part of one META segment. NULL: there are none. */
	void (*meta)(const struct layout *l, uint64_t offset, void *buf, size_t len);
	struct segment (*seal)(const struct layout *l);
};

struct layout {
	const struct layout_ops *ops;
	uint64_t disk_size;    /* of the source */
	uint64_t virtual_size; /* of the disk in the file, >= disk_size */
	uint64_t length;       /* of the file */
	uint64_t data_bytes;
	struct ranges map;
	struct image_options options;
	void *priv;
};

extern const struct layout_ops layout_raw_ops, layout_vhd_ops, layout_vhdx_ops;

/*
 * File bytes [file_offset, +length) hold the disk from disk_offset on: the first segment of them,
 * DATA where the map has the disk's bytes, else ZERO.
 */
struct segment layout_disk_segment(
	const struct layout *l, uint64_t file_offset, uint64_t length, uint64_t disk_offset);

/*
 * Blocks of a dynamic image that exist because the map touches them, in disk order: runs of
 * neighbours, 8 bytes each. A block's rank is its place in that order.
 */
struct block_run {
	uint32_t first; /* block number */
	uint32_t rank;	/* of the first block */
};
struct block_runs {
	struct block_run *v; /* n runs and one more, whose rank is total */
	size_t n;
	uint32_t total; /* blocks that exist */
};
/* The map's end divided by block_size fits 32 bits (asserted). */
void block_runs_init(struct block_runs *b, const struct ranges *map, uint32_t block_size);
void block_runs_init_all(struct block_runs *b, uint32_t blocks); /* every block exists */
void block_runs_done(struct block_runs *b);
/* Index of the run that holds the block of that rank (< total). */
size_t block_runs_by_rank(const struct block_runs *b, uint32_t rank);
/* Index of the first run that ends after block; n where there is none. */
size_t block_runs_by_block(const struct block_runs *b, uint64_t block);
/* Block number that follows run i's last. */
static inline uint32_t block_run_end(const struct block_runs *b, size_t i)
{
	return b->v[i].first + (b->v[i + 1].rank - b->v[i].rank);
}
