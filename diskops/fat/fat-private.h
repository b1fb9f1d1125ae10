/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files that read FAT volumes. */
#pragma once

#include "fat-file.h"

#define FAT_FIRST_CLUSTER 2u

struct fat_volume {
	struct disk *disk;
	uint64_t offset;  /* of the volume on the disk; all else counts from here */
	unsigned bits;	  /* 12, 16, 32 */
	uint32_t cluster; /* bytes */
	uint32_t n_clusters;
	uint64_t fat_at, fat_size;   /* the first copy */
	unsigned n_fats, active_fat; /* active_fat == n_fats: all are kept alike */
	uint64_t root_at, root_size; /* FAT12 and 16 */
	uint32_t root_cluster;	     /* FAT32 */
	uint64_t data_at;
	uint64_t info_at; /* 0: none */
};

struct fat_chain {
	uint32_t *v; /* clusters */
	size_t n;
};
void fat_chain_done(struct fat_chain *c);

int fat_pread(struct fat_volume *v, void *buf, size_t len, uint64_t at, struct error **err);
int fat_pwrite(struct fat_volume *v, const void *buf, size_t len, uint64_t at, struct error **err);
uint64_t fat_cluster_at(const struct fat_volume *v, uint32_t cluster);

/* The clusters from first on, at most max of them. */
int fat_chain_read(struct fat_volume *v, uint32_t first, size_t max, struct fat_chain *ret,
	struct error **err);
/* Adds n free clusters to the chain, in memory only; ERR_NO_SPACE. */
int fat_chain_grow(struct fat_volume *v, struct fat_chain *c, size_t n, struct error **err);
/*
 * Writes to every FAT: keep clusters of the chain are linked, those after them are free. was: how many
 * the file had before.
 */
int fat_chain_write(struct fat_volume *v, const struct fat_chain *c, size_t keep, size_t was,
	struct error **err);
