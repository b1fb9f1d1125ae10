/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VHD files (fixed, dynamic, differencing): open, read, check. Layout: Virtual Hard Disk Image Format
 * Specification 1.0 (Microsoft, 2006). The size of the disk is the footer's "current size", not the
 * CHS geometry, except for files of old creators that mean the geometry (see vhd-footer.c).
 *
 * Memory: the entries of the BAT that the disk has, at most 16 MiB (4 MiB for 2040 GiB in blocks of
 * 2 MiB). An image in which vhd_check() finds an error is not opened.
 */
#pragma once

#include "vhdx.h" /* struct image_parent */

enum { VHD_OPEN_NO_PARENT = 2 };

struct vhd;

bool vhd_probe(struct io *io); /* a footer at the end, or its copy at the start */
/*
 * io stays the caller's and must outlive the vhd. parent is copied. Opened with VHD_OPEN_NO_PARENT, a
 * differencing image without its parent gives its info and cannot be read.
 */
int vhd_open(struct vhd **ret, struct io *io, unsigned flags, const struct image_parent *parent,
	struct error **err);
void vhd_close(struct vhd *v);
DEFINE_CLEANUP(struct vhd *, vhd_close);

const struct image_info *vhd_info(const struct vhd *v);
/* Virtual disk content; safe from several threads. */
int vhd_pread(struct vhd *v, void *buf, size_t len, uint64_t offset, struct error **err);
/* As vhdx_pwrite(); whole sectors. */
int vhd_pwrite(struct vhd *v, const void *buf, size_t len, uint64_t offset, struct error **err);
/* What of [start, end) may hold something other than zero (parent's included). */
int vhd_data_ranges(
	struct vhd *v, uint64_t start, uint64_t end, struct ranges *ret, struct error **err);
/* Every rule that can be checked without reading payload. 0 unless reading itself fails. */
int vhd_check(struct io *io, struct findings *ret, struct error **err);
/* As vhdx_parent_paths(): locators W2ru, W2ku, MacX (without "file://"), then the header's name. */
size_t vhd_parent_paths(const struct vhd *v, const char *const **ret);
