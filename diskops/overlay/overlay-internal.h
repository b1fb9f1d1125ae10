/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The overlay and its journal file: what overlay.c and overlay-journal.c share. */
#pragma once

#include "le.h"
#include "overlay.h"

/*
 * The journal: a header block, then data blocks in the order they were first written, then (when
 * sealed) the table, one row a data block: which block of the disk it is, and what its sectors held before
 * (a sector, not a block, is what a power cut leaves whole). So a recovery can tell this disk in this state
 * from every other, its own clone included, before it writes anything.
 */
#define JOURNAL_MAGIC	      "CE-REDO\2"
#define JOURNAL_SECTOR	      512u
#define JOURNAL_SECTOR_DIGEST 8u /* first bytes of the SHA-256 */
#define JOURNAL_SECTORS	      (OVERLAY_BLOCK / JOURNAL_SECTOR)

struct journal_header {
	uint8_t magic[8];
	le32 block_size;
	le32 sealed; /* 1: data and table are complete and to be applied */
	le64 disk_size;
	le64 blocks;
	uint8_t digest[32];	   /* SHA-256 of data blocks and table */
	char identity[64];	   /* NUL-padded */
	uint8_t header_digest[32]; /* SHA-256 of what stands before it */
};
ASSERT_SIZE(struct journal_header, 160);

struct journal_row {
	le64 block;
	uint8_t before[JOURNAL_SECTORS][JOURNAL_SECTOR_DIGEST];
};
ASSERT_SIZE(struct journal_row, 72);

/* An open journal that is to be sealed or applied. */
struct journal {
	int fd;
	const char *path;
	uint64_t blocks, disk_size;
};

struct overlay {
	struct disk disk; /* first */
	struct disk *base;
	char *path; /* of the journal */
	int fd;
	char identity[64];
	/* Disk block number of each data block; the index is its place in the journal. */
	uint64_t *table;
	uint64_t n, cap;
	/* Open addressing by disk block: index + 1 into table, 0 is free; a power of two, half empty. */
	uint32_t *slots;
	uint32_t n_slots;
	bool sealed; /* from the seal on: no more writes, and the journal is not ours to remove */
};

/* ---- overlay-journal.c: what the file holds ---- */

/* Digest of the data blocks and the table, read back from the file as a recovery would read it. */
int journal_digest(const struct journal *j, struct op *op, uint8_t ret[32], struct error **err);
/* Marks the file as a journal that is not sealed: whatever else stands at its path is nobody's to remove. */
int journal_begin(const struct overlay *o, struct error **err);
/* The i-th data block (bytes past the disk's end are zero) and its row. */
int journal_read_row(const struct journal *j, uint64_t i, struct journal_row *ret_row,
	uint8_t ret_block[static OVERLAY_BLOCK], struct error **err);
/* Redo: every block to its place. *ret_untouched: it failed at the first, and the disk is as it was. */
int journal_apply(const struct journal *j, struct disk *target, struct op *op, bool *ret_untouched,
	struct error **err);
void journal_sector_digest(const void *sector, uint8_t ret[static JOURNAL_SECTOR_DIGEST]);
void journal_sha256(const void *data, size_t len, uint8_t ret[static 32]);

/* A journal has one user at a time, for as long as its descriptor is open. ERR_DISK_BUSY. */
int overlay_lock(int fd, const char *journal, struct error **err);

static inline uint64_t journal_offset(uint64_t index)
{
	return (index + 1) * OVERLAY_BLOCK;
}
