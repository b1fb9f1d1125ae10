/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a FAT volume says of itself, and its chains of clusters. */
#include "fat-private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checked.h"
#include "fat-format.h"
#include "mem.h"

#define CLUSTER_MAX (256 * KiB)
/* Free clusters are looked for in so much of the FAT: 4 million clusters of FAT32. */
#define SEARCH_MAX   (16 * MiB)
#define SEARCH_PIECE (64 * KiB)

int fat_pread(struct fat_volume *v, void *buf, size_t len, uint64_t at, struct error **err)
{
	return disk_pread(v->disk, buf, len, v->offset + at, err);
}

int fat_pwrite(struct fat_volume *v, const void *buf, size_t len, uint64_t at, struct error **err)
{
	return disk_pwrite(v->disk, buf, len, v->offset + at, err);
}

uint64_t fat_cluster_at(const struct fat_volume *v, uint32_t cluster)
{
	return v->data_at + (uint64_t)(cluster - FAT_FIRST_CLUSTER) * v->cluster;
}

/* ---- the boot sector ---- */

static int damaged(struct error **err, const char *what)
{
	return err_set(err, ERR_FAT_DAMAGED, "FAT volume: %s", what);
}

/* All positions are products of a 32-bit and two small numbers: none overflows 64 bits. */
static int place(
	struct fat_volume *v, const struct fat_boot_sector *b, uint64_t size, struct error **err)
{
	uint64_t sector = le16_get(b->bytes_per_sector);
	uint64_t sectors =
		le16_get(b->sectors_16) ? le16_get(b->sectors_16) : le32_get(b->sectors_32);
	bool fat32 = le16_get(b->fat_sectors_16) == 0;
	v->fat_at = le16_get(b->reserved_sectors) * sector;
	v->fat_size = sector * (fat32 ? le32_get(b->fat_sectors_32) : le16_get(b->fat_sectors_16));
	v->n_fats = v->active_fat = b->fats;
	v->root_at = v->fat_at + v->n_fats * v->fat_size;
	v->root_size = le16_get(b->root_entries) * sizeof(struct fat_dirent);
	v->data_at = v->root_at + round_up(v->root_size, sector);
	if (!v->fat_at || !v->fat_size || v->n_fats < 1 || v->n_fats > 4)
		return damaged(err, "no file allocation table");
	if (sectors * sector > size || v->data_at >= sectors * sector)
		return damaged(err, "it is larger than its partition, or all overhead");
	uint64_t n = (sectors * sector - v->data_at) / v->cluster;
	v->bits = fat32 ? 32 : n < 4085 ? 12 : 16;
	if (n == 0 || n > 0x0ffffff5 ||
		div_round_up((n + FAT_FIRST_CLUSTER) * v->bits, 8) > v->fat_size)
		return damaged(err, "its file allocation table is too short");
	v->n_clusters = (uint32_t)n;
	return 0;
}

static int place_fat32(struct fat_volume *v, const struct fat_boot_sector *b, struct error **err)
{
	unsigned flags = le16_get(b->flags);
	uint64_t info = le16_get(b->info_sector);
	if (v->bits != 32)
		return 0;
	if (v->root_size)
		return damaged(err, "a FAT32 volume with the root folder of a FAT16 one");
	v->root_cluster = le32_get(b->root_cluster);
	if (flags & FAT_ONE_ACTIVE)
		v->active_fat = flags & 0xf;
	if (flags & FAT_ONE_ACTIVE && v->active_fat >= v->n_fats)
		return damaged(err, "the active file allocation table does not exist");
	if (info && info != 0xffff && info < le16_get(b->reserved_sectors))
		v->info_at = info * le16_get(b->bytes_per_sector);
	return 0;
}

static int read_boot(struct fat_volume *v, uint64_t size, struct error **err)
{
	uint8_t raw[512];
	struct fat_boot_sector b;
	if (size < sizeof(raw) || !u64_range_ok(v->offset, size, v->disk->size))
		return damaged(err, "it does not fit the disk");
	if (fat_pread(v, raw, sizeof(raw), 0, err) < 0)
		return -1;
	memcpy(&b, raw, sizeof(b));
	uint32_t sector = le16_get(b.bytes_per_sector);
	if (le16_at(raw + 510) != 0xaa55 || !is_power_of_2(sector) || sector < 512 ||
		sector > 4096 || !is_power_of_2(b.sectors_per_cluster))
		return damaged(err, "its boot sector is none");
	v->cluster = sector * b.sectors_per_cluster;
	if (v->cluster > CLUSTER_MAX)
		return damaged(err, "its clusters are larger than 256 KiB");
	return place(v, &b, size, err) < 0 ? -1 : place_fat32(v, &b, err);
}

int fat_volume_open(
	struct fat_volume **ret, struct disk *d, uint64_t offset, uint64_t size, struct error **err)
{
	struct fat_volume *v CLEANUP(fat_volume_close_p) = xcalloc(1, sizeof(*v));
	v->disk = d;
	v->offset = offset;
	if (read_boot(v, size, err) < 0)
		return -1;
	*ret = TAKE_PTR(v);
	return 0;
}

void fat_volume_close(struct fat_volume *v)
{
	free(v);
}

/* ---- entries of the FAT ---- */

static uint32_t entry_mask(const struct fat_volume *v)
{
	return v->bits == 32 ? 0x0fffffff : (1u << v->bits) - 1;
}

static uint64_t entry_at(const struct fat_volume *v, uint32_t cluster)
{
	return (uint64_t)cluster * v->bits / 8;
}

/* 12 bits: two entries share the middle one of three bytes. */
static uint32_t entry_parse(const struct fat_volume *v, const uint8_t *p, uint32_t cluster)
{
	if (v->bits == 32)
		return le32_at(p) & entry_mask(v);
	if (v->bits == 16)
		return le16_at(p);
	return cluster & 1 ? le16_at(p) >> 4 : le16_at(p) & 0xfff;
}

static int entry_get(struct fat_volume *v, uint32_t cluster, uint32_t *ret, struct error **err)
{
	uint8_t p[4];
	unsigned active = v->active_fat == v->n_fats ? 0 : v->active_fat;
	if (fat_pread(v, p, v->bits == 32 ? 4 : 2,
		    v->fat_at + active * v->fat_size + entry_at(v, cluster), err) < 0)
		return -1;
	*ret = entry_parse(v, p, cluster);
	return 0;
}

static void entry_pack(const struct fat_volume *v, uint8_t *p, uint32_t cluster, uint32_t value)
{
	if (v->bits == 32)
		le32_put(p, (le32_at(p) & ~entry_mask(v)) | value);
	else if (v->bits == 16)
		le16_put(p, (uint16_t)value);
	else if (cluster & 1)
		le16_put(p, (uint16_t)((le16_at(p) & 0xf) | value << 4));
	else
		le16_put(p, (uint16_t)((le16_at(p) & 0xf000) | value));
}

static int entry_set(struct fat_volume *v, uint32_t cluster, uint32_t value, struct error **err)
{
	for (unsigned i = 0; i < v->n_fats; i++) {
		uint8_t p[4];
		size_t len = v->bits == 32 ? 4 : 2;
		uint64_t at = v->fat_at + i * v->fat_size + entry_at(v, cluster);
		if (v->active_fat != v->n_fats && i != v->active_fat)
			continue;
		if (fat_pread(v, p, len, at, err) < 0)
			return -1;
		entry_pack(v, p, cluster, value);
		if (fat_pwrite(v, p, len, at, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- chains ---- */

void fat_chain_done(struct fat_chain *c)
{
	free(c->v);
	*c = (struct fat_chain){0};
}

static bool is_cluster(const struct fat_volume *v, uint32_t n)
{
	return n >= FAT_FIRST_CLUSTER && n - FAT_FIRST_CLUSTER < v->n_clusters;
}

static void chain_add(struct fat_chain *c, uint32_t cluster)
{
	c->v = xrealloc_array(c->v, c->n + 1, sizeof(*c->v));
	c->v[c->n++] = cluster;
}

int fat_chain_read(
	struct fat_volume *v, uint32_t first, size_t max, struct fat_chain *ret, struct error **err)
{
	CLEANUP(fat_chain_done) struct fat_chain c = {0};
	/* The eight highest numbers end a chain; the one below them is a bad cluster. */
	for (uint32_t at = first; at < entry_mask(v) - 7;) {
		if (!is_cluster(v, at))
			return err_set(err, ERR_FAT_DAMAGED,
				"FAT volume: cluster %" PRIu32 " in a chain (2 to %" PRIu32
				" expected)",
				at, v->n_clusters + 1);
		if (c.n == max)
			return damaged(err, "a chain is too long, or goes in a circle");
		chain_add(&c, at);
		if (entry_get(v, at, &at, err) < 0)
			return -1;
		if (at == entry_mask(v) - 8)
			return damaged(err, "a bad cluster in a chain");
	}
	*ret = c;
	c = (struct fat_chain){0};
	return 0;
}

/* Free clusters of one piece of the FAT, which holds those of [first, end). */
static void search(struct fat_volume *v, struct fat_chain *c, size_t want, const uint8_t *piece,
	uint32_t first, uint32_t end)
{
	for (uint32_t at = first; at < end && c->n < want; at++)
		if (entry_parse(v, piece + (entry_at(v, at) - entry_at(v, first)), at) == 0)
			chain_add(c, at);
}

int fat_chain_grow(struct fat_volume *v, struct fat_chain *c, size_t n, struct error **err)
{
	size_t want = c->n + n;
	unsigned active = v->active_fat == v->n_fats ? 0 : v->active_fat;
	CLEANUP_FREE uint8_t *piece = xmalloc(SEARCH_PIECE + 4);
	uint32_t per_piece = (uint32_t)(SEARCH_PIECE * 8 / v->bits) & ~1u;
	uint32_t limit = (uint32_t)min_u64(
		(uint64_t)v->n_clusters + FAT_FIRST_CLUSTER, SEARCH_MAX * 8 / v->bits);
	for (uint32_t first = FAT_FIRST_CLUSTER; first < limit && c->n < want; first += per_piece) {
		uint32_t end = (uint32_t)min_u64((uint64_t)first + per_piece, limit);
		uint64_t at = entry_at(v, first);
		/* The last entry of 12 bits needs one byte more, which is there (see place()). */
		size_t len = (size_t)(entry_at(v, end - 1) + (v->bits == 32 ? 4 : 2) - at);
		if (fat_pread(v, piece, len, v->fat_at + active * v->fat_size + at, err) < 0)
			return -1;
		search(v, c, want, piece, first, end);
	}
	if (c->n < want)
		return err_set(err, ERR_NO_SPACE,
			"the FAT volume has %zu free clusters fewer than are needed", want - c->n);
	return 0;
}

/* The count of free clusters, where it is kept; it is a hint, and nobody minds if it is wrong. */
static int count_free(struct fat_volume *v, int64_t change, struct error **err)
{
	struct fat_info_sector s;
	if (!v->info_at || change == 0)
		return 0;
	if (fat_pread(v, &s, sizeof(s), v->info_at, err) < 0)
		return -1;
	int64_t n = (int64_t)le32_get(s.free_clusters) + change;
	if (le32_get(s.signature) != FAT_INFO_SIGNATURE ||
		le32_get(s.signature2) != FAT_INFO_SIGNATURE2 || n < 0 || n > v->n_clusters)
		return 0;
	s.free_clusters = le32_make((uint32_t)n);
	return fat_pwrite(v, &s, sizeof(s), v->info_at, err);
}

int fat_chain_write(struct fat_volume *v, const struct fat_chain *c, size_t keep, size_t was,
	struct error **err)
{
	for (size_t i = 0; i < c->n; i++) {
		uint32_t next = i >= keep ? 0 : i + 1 == keep ? entry_mask(v) : c->v[i + 1];
		if (entry_set(v, c->v[i], next, err) < 0)
			return -1;
	}
	return count_free(v, (int64_t)was - (int64_t)keep, err);
}
