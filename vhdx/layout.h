/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A VHD(X) file as a pure function of (disk size, allocation map, options): before the first byte of
 * the disk is read, the file's length is known and every byte of it is either computed from these
 * three or stands at a known offset of the disk. So a file can be produced in parts, in parallel,
 * in any order, and again: the same bytes come out.
 *
 * The file is a sequence of segments:
 *   META  headers, tables, bitmaps, footers: layout_meta() gives the bytes
 *   DATA  bytes of the disk, at disk_offset
 *   ZERO  reads as zero; a writer may leave a hole there
 * Ranges of the disk that are not in the map read as zero in the image.
 *
 * Memory: the map's ranges and at most 8 bytes a block that exists; META bytes are generated when
 * asked for. A layout is immutable: any number of threads may use it.
 */
#pragma once

#include "image.h"
#include "ranges.h"

enum segment_kind { SEGMENT_META, SEGMENT_DATA, SEGMENT_ZERO };

struct segment {
	enum segment_kind kind;
	uint64_t offset;      /* in the file, bytes */
	uint64_t length;      /* bytes, > 0 */
	uint64_t disk_offset; /* DATA: where on the disk */
};

struct layout;

/*
 * map: the parts of the disk to keep; it may be unaligned, the layout widens it to sectors, and it is
 * copied. options: completed with image_options_complete() and copied. disk_size: as the source says,
 * whole sectors or not; the virtual size may be larger where a format demands it (a whole MiB for VHD
 * fixed and VHDX), and reads as zero there.
 * Errors: ERR_SIZE_UNSUPPORTED (VHDX over 64 TiB, VHD over 2040 GiB, 4Kn disk into a VHD, size 0).
 */
int layout_new(struct layout **ret, uint64_t disk_size, const struct ranges *map,
	const struct image_options *options, struct error **err);
void layout_free(struct layout *l);
DEFINE_CLEANUP(struct layout *, layout_free);

uint64_t layout_length(const struct layout *l);		 /* of the file, bytes */
uint64_t layout_virtual_size(const struct layout *l);	 /* of the disk in it, bytes */
uint64_t layout_disk_size(const struct layout *l);	 /* of the source, bytes */
uint64_t layout_data_bytes(const struct layout *l);	 /* of all DATA segments */
const struct ranges *layout_map(const struct layout *l); /* what is kept, as widened */
const struct image_options *layout_options(const struct layout *l);

/* The segment that holds offset (< length), cut to begin at offset. */
struct segment layout_segment(const struct layout *l, uint64_t offset);

/* Bytes of META segments; the range must lie in META or ZERO segments (asserted). */
void layout_meta(const struct layout *l, uint64_t offset, void *buf, size_t len);

/* Reads the disk for layout_pread(); disk ranges past the source's end are never asked for. */
typedef int layout_read_fn(
	void *data, void *buf, size_t len, uint64_t disk_offset, struct error **err);
/* Any bytes of the file, whatever segments they span. */
int layout_pread(const struct layout *l, layout_read_fn *read_disk, void *data, uint64_t offset,
	void *buf, size_t len, struct error **err);

/*
 * The segment whose loss makes the file unreadable (VHDX: the first 1 MiB with both headers; fixed
 * VHD: the last sector; dynamic VHD: the first three; raw: none, its length is 0). A writer puts it
 * last, so that a broken upload cannot be opened by mistake.
 */
struct segment layout_seal(const struct layout *l);
