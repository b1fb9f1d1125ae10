/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "vhdx-internal.h"

/*
 * Every entry of the BAT: its state, its place, and that no two blocks, regions or log share a MiB of
 * the file. Memory: one bit a MiB of the file. Returns 0, or -1 where the BAT cannot be read.
 */
int vhdx_check_bat(struct vhdx *v, const struct vhdx_regions *regions, struct findings *ret,
	struct error **err);
