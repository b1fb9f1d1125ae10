/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the VHDX reader share. Nothing here trusts a byte that it has not checked. */
#pragma once

#include <pthread.h>

#include "vhdx-format.h"
#include "vhdx.h"

/* A file longer than this is no VHDX: 64 TiB of payload and all its tables fit twice. */
#define VHDX_FILE_MAX (128 * TiB)

/* ---- vhdx-header.c: the first 1 MiB ---- */

int vhdx_read_file_id(struct io *io, char creator[static 64], struct error **err);
/* One header, with valid signature and checksum. offset: VHDX_HEADER1 or VHDX_HEADER2. */
int vhdx_read_header(struct io *io, uint64_t offset, struct vhdx_header *ret, struct error **err);
/* The header in use; ret_offset: where it stands. Its fields are checked too. */
int vhdx_current_header(
	struct io *io, struct vhdx_header *ret, uint64_t *ret_offset, struct error **err);
/* Version and log of a header; a log to replay lies within the file. */
int vhdx_check_header(const struct vhdx_header *h, uint64_t file_size, struct error **err);
void vhdx_seal_header(struct vhdx_header *h); /* computes the checksum */

/* ---- vhdx-regions.c ---- */

struct vhdx_area {
	const char *name; /* static */
	uint64_t offset, length;
};
struct vhdx_regions {
	struct vhdx_area bat, metadata;
	struct vhdx_area *all; /* header section and log too; in the order of their offsets */
	size_t n;
};
void vhdx_regions_done(struct vhdx_regions *r);

/* One table, with valid signature, checksum and count. offset: VHDX_REGIONS1 or VHDX_REGIONS2. */
int vhdx_read_region_table(
	struct io *io, uint64_t offset, struct vhdx_region_table *ret, struct error **err);
int vhdx_regions_parse(struct vhdx_regions *ret, const struct vhdx_region_table *t,
	const struct vhdx_header *h, uint64_t file_size, struct error **err);
int vhdx_regions_check_overlaps(const struct vhdx_regions *r, struct error **err);
/* The first table that is valid, parsed and checked for overlaps. */
int vhdx_regions_load(
	struct vhdx_regions *ret, struct io *io, const struct vhdx_header *h, struct error **err);

/* ---- vhdx-metadata.c, vhdx-locator.c ---- */

#define VHDX_PARENT_PATHS 3
struct vhdx_locator {
	struct guid linkage, linkage2;	/* linkage2: zero where there is none */
	char *paths[VHDX_PARENT_PATHS]; /* n of them, best first */
	size_t n;
};
struct vhdx_metadata {
	uint32_t block_size, logical_sector, physical_sector;
	uint64_t virtual_size;
	struct guid disk_id;
	enum image_type type;
	struct vhdx_locator locator; /* differencing only */
};
void vhdx_metadata_done(struct vhdx_metadata *m);

int vhdx_read_metadata_table(struct io *io, const struct vhdx_area *region,
	struct vhdx_metadata_table *ret, struct error **err);
/* Entry i of the table: place, length, flags, uniqueness; an unknown one must not be required. */
int vhdx_check_metadata_entry(const struct vhdx_metadata_table *t, unsigned i,
	const struct vhdx_area *region, struct error **err);
/* Values of the known items. The table's entries have been checked. */
int vhdx_metadata_parse(struct vhdx_metadata *ret, struct io *io, const struct vhdx_area *region,
	const struct vhdx_metadata_table *t, struct error **err);
/* All three. */
int vhdx_metadata_load(struct vhdx_metadata *ret, struct io *io, const struct vhdx_area *region,
	struct error **err);

int vhdx_locator_parse(struct vhdx_locator *ret, const void *item, size_t len, struct error **err);
void vhdx_locator_done(struct vhdx_locator *l);

/* ---- vhdx-log.c: entries and sequences of them; offsets are from the log's start ---- */

struct vhdx_log {
	struct io *io;
	uint64_t offset; /* in the file */
	uint32_t length; /* whole MiB, within the file */
	struct guid guid;
};
/* A valid entry. */
struct vhdx_log_entry {
	uint32_t pos, length, tail;
	uint64_t sequence, flushed_file_offset, last_file_offset;
};
struct vhdx_log_sequence {
	uint32_t first, length;	    /* length 0: empty */
	struct vhdx_log_entry head; /* its last entry */
};

uint32_t vhdx_log_wrap(const struct vhdx_log *l, uint64_t pos);
/* The 4 KiB at pos, which may lie past the end of the ring. */
int vhdx_log_read_sector(const struct vhdx_log *l, uint64_t pos, void *buf, struct error **err);
uint32_t vhdx_log_descriptor_sectors(uint32_t descriptors);
/* Whether a valid entry stands at pos: 1, 0, or -1 where the log cannot be read. */
int vhdx_log_read_entry(
	const struct vhdx_log *l, uint32_t pos, struct vhdx_log_entry *ret, struct error **err);
/* ERR_IMAGE_CORRUPT where there is none. */
int vhdx_log_find_active(
	const struct vhdx_log *l, struct vhdx_log_sequence *ret, struct error **err);

/* ---- vhdx-overlay.c, vhdx-replay.c ---- */

static inline bool vhdx_log_is_dirty(const struct vhdx_header *h)
{
	return !guid_is_zero(&h->log_guid);
}
/*
 * The file as it is once its log is replayed: a read-only io over base, which must outlive it. The
 * log must be dirty; it is read, and the sectors it replaces are remembered by their place in it.
 */
int vhdx_log_overlay(
	struct io **ret, struct io *base, const struct vhdx_header *h, struct error **err);
/* What the overlay changes, merged; past base's end only what is not zero. */
void vhdx_log_changes(struct io *overlay, struct ranges *ret);
/*
 * Replays in the file ([MS-VHDX] 2.2.2.1 and 2.3.3): a new FileWriteGuid, the changes, then headers
 * without a log. A crash at any point leaves a file that can be replayed again. h and offset are
 * those of the current header, before and after.
 */
int vhdx_replay(struct io *base, struct io *overlay, struct vhdx_header *h, uint64_t *offset,
	struct error **err);

/* Writes h, one newer than the current header, over the other one; it is then the current one. */
int vhdx_update_header(struct io *io, struct vhdx_header *h, uint64_t *offset, struct error **err);

/* ---- an open image ---- */

#define VHDX_PAGE  4096u
#define VHDX_PAGES 64u

/* Pages of the BAT and of sector bitmaps, by page number modulo VHDX_PAGES. */
struct vhdx_cache {
	pthread_mutex_t lock; /* of what follows */
	struct {
		uint64_t number; /* page number in the file + 1; 0: none */
		uint8_t b[VHDX_PAGE];
	} pages[VHDX_PAGES];
};

struct vhdx {
	struct io *io;	    /* what is read: the caller's, or overlay */
	struct io *overlay; /* owned; NULL without a log replayed in memory */
	struct vhdx_metadata meta;
	struct vhdx_area bat;
	uint64_t blocks;
	uint32_t chunk_ratio;
	struct image_parent parent; /* pread NULL: none */
	struct image_info info;
	struct vhdx_cache cache;
	bool writing; /* the header has new ids */
};

/* ---- vhdx-map.c: where the content is ---- */

enum vhdx_source {
	VHDX_FROM_FILE,
	VHDX_FROM_PARENT,
	VHDX_FROM_ZERO,
	VHDX_FROM_BOTH, /* file or parent, sector by sector: vhdx_map_coarse() only */
};
struct vhdx_extent {
	enum vhdx_source source;
	uint64_t length;      /* bytes, > 0 */
	uint64_t file_offset; /* VHDX_FROM_FILE of vhdx_map() */
};
/* Where [offset, end) of the disk (not empty, within it) begins: one source, as long as it is cheap. */
int vhdx_map(
	struct vhdx *v, uint64_t offset, uint64_t end, struct vhdx_extent *ret, struct error **err);
/* The same by whole blocks, and where in the file they are does not matter. */
int vhdx_map_coarse(
	struct vhdx *v, uint64_t offset, uint64_t end, struct vhdx_extent *ret, struct error **err);
