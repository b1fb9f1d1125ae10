/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VHDX files: open, read, check. Layout of the format: [MS-VHDX] 2.1 to 2.6 and facts
 * windows-and-peers section 3. Memory is bounded whatever the file says: the BAT of a 64 TiB disk of
 * 1 MiB blocks (512 MiB of entries) is read in pages, never whole.
 */
#pragma once

#include "image.h"
#include "io.h"
#include "ranges.h"

enum {
	VHDX_OPEN_WRITE = 1,	 /* replay a dirty log in the file, not only in memory */
	VHDX_OPEN_NO_PARENT = 2, /* a differencing image without its parent: for check and info */
};

/* How a differencing image asks for its parent's content; NULL: refused with ERR_IMAGE_PARENT. */
struct image_parent {
	int (*pread)(void *data, void *buf, size_t len, uint64_t offset, struct error **err);
	/* What of [start, end) may hold something other than zero is added to ret. */
	int (*data_ranges)(
		void *data, uint64_t start, uint64_t end, struct ranges *ret, struct error **err);
	uint64_t size;	/* bytes; beyond it the parent reads as zero */
	struct guid id; /* VHDX: its DataWriteGuid, VHD: its unique id; must match the child's */
	void *data;
};

struct vhdx;

/* Whether the file begins as a VHDX does. */
bool vhdx_probe(struct io *io);
/*
 * io stays the caller's and must outlive the vhdx. parent is copied, and ignored where the image is
 * not a differencing one. ERR_IMAGE_CORRUPT, ERR_IMAGE_UNSUPPORTED, ERR_IMAGE_PARENT.
 */
int vhdx_open(struct vhdx **ret, struct io *io, unsigned flags, const struct image_parent *parent,
	struct error **err);
void vhdx_close(struct vhdx *v);
DEFINE_CLEANUP(struct vhdx *, vhdx_close);

const struct image_info *vhdx_info(const struct vhdx *v);
/* Virtual disk content; safe from several threads. */
int vhdx_pread(struct vhdx *v, void *buf, size_t len, uint64_t offset, struct error **err);
/*
 * In place, on an image whose io can write and that was opened with VHDX_OPEN_WRITE; one thread, while nobody
 * reads. Not durable before io_flush(). ERR_IMAGE_UNSUPPORTED: a differencing image.
 */
int vhdx_pwrite(struct vhdx *v, const void *buf, size_t len, uint64_t offset, struct error **err);
/*
 * What of [start, end) may hold something other than zero (parent's included) is added to ret: by the
 * block, and coarser where there would be more than a million ranges.
 */
int vhdx_data_ranges(
	struct vhdx *v, uint64_t start, uint64_t end, struct ranges *ret, struct error **err);
/*
 * Every rule of the format that can be checked without reading payload: both headers, region tables,
 * metadata, BAT (overlaps, past the end, states), log. 0 unless reading itself fails. A file without
 * an error opens and, its parent given, reads to its end. Codes:
 *   error    file-id, header, log-past-end, log-replay, region-table, region-entry, region-overlap,
 *            metadata-table, metadata-entry, metadata-overlap, metadata-value, bat-size, bat-state,
 *            bat-offset, bat-past-end, bat-overlap
 *   warning  header-checksum, log-dirty, region-table (of one copy), region-tables-differ,
 *            bat-state (of a bitmap that nobody reads), bat-reserved, block-truncated
 *   note     unused-space
 */
int vhdx_check(struct io *io, struct findings *ret, struct error **err);

/*
 * Where a differencing image says its parent is, best first (relative_path, volume_path,
 * absolute_win32_path), as written, UTF-8. Returns the count; the strings belong to v.
 */
size_t vhdx_parent_paths(const struct vhdx *v, const char *const **ret);
