/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The overlay and its journal file: what overlay.c and overlay-journal.c share. */
#pragma once

#include "le.h"
#include "overlay.h"

/*
 * The journal: a header block, then data blocks in the order they were first written, then (when
 * sealed) the table: the disk block number of each data block, le64.
 */
#define JOURNAL_MAGIC "CE-REDO\1"

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

/* A journal has one user at a time, for as long as its descriptor is open. ERR_DISK_BUSY. */
int overlay_lock(int fd, const char *journal, struct error **err);

static inline uint64_t journal_offset(uint64_t index)
{
	return (index + 1) * OVERLAY_BLOCK;
}
