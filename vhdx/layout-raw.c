/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A raw image: the disk itself, zero where the map has nothing. */
#include "layout-internal.h"

static int raw_init(struct layout *l, struct error **err)
{
	(void)err;
	l->virtual_size = l->length = l->disk_size;
	return 0;
}

static struct segment raw_segment(const struct layout *l, uint64_t offset)
{
	return layout_disk_segment(l, offset, l->length - offset, offset);
}

static struct segment raw_seal(const struct layout *l)
{
	(void)l;
	return (struct segment){.kind = SEGMENT_ZERO};
}

const struct layout_ops layout_raw_ops = {
	.init = raw_init, .segment = raw_segment, .seal = raw_seal};
