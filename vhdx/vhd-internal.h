/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What vhd-footer.c, vhd-header.c, vhd-parent.c, vhd-open.c, vhd-read.c and vhd-check.c share. */
#pragma once

#include "vhd-format.h"
#include "vhd.h"

/* The largest BAT that is read: 2040 GiB in blocks of 512 KiB have 15.9 MiB of entries. */
#define VHD_TABLE_LIMIT (16 * MiB)

struct vhd {
	struct io *io;
	struct image_info info;
	struct vhd_footer footer; /* the one that is believed */
	uint64_t data_end;	  /* of the file, without the footer at its end */
	/* dynamic and differencing only */
	struct vhd_header header;
	uint32_t bitmap_size;
	uint32_t blocks; /* that the disk has */
	be32 *table;	 /* as many entries; every block in use lies within data_end */
	char **parent_paths;
	size_t n_parent_paths;
	struct image_parent parent; /* size 0 and no pread: there is none */
};

/*
 * Reading and checking are one: each of these fills its part of v and adds what it finds wrong.
 * Fails only where reading fails. Where findings_have_errors() afterwards, v must not be read from
 * and the next one not be called.
 */
int vhd_load_footer(struct vhd *v, struct findings *f, struct error **err);
int vhd_load_header(struct vhd *v, struct findings *f, struct error **err);
/* Where the blocks of v->table lie: called by vhd_load_header(). */
void vhd_check_blocks(const struct vhd *v, struct findings *f);
int vhd_load_parent_paths(struct vhd *v, struct findings *f, struct error **err);
/* All three, as far as the type and the findings let them. */
int vhd_load(struct vhd *v, struct findings *f, struct error **err);
/* Frees what the loads allocated. */
void vhd_unload(struct vhd *v);
