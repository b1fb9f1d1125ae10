/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "vhdx-internal.h"

/* The parent's part of [offset, end), or an error where it is needed and not there. */
static int parent_end(struct vhdx *v, uint64_t end, uint64_t *ret, struct error **err)
{
	if (!v->parent.pread)
		return err_set(err, ERR_IMAGE_PARENT,
			"\"%s\" was opened without its parent \"%s\", whose content is asked for",
			v->io->name, v->info.parent ? v->info.parent : "");
	*ret = min_u64(end, v->parent.size);
	return 0;
}

static int read_parent(struct vhdx *v, char *buf, size_t len, uint64_t offset, struct error **err)
{
	uint64_t end = 0;
	if (parent_end(v, offset + len, &end, err) < 0)
		return -1;
	size_t n = end > offset ? (size_t)(end - offset) : 0;
	memset(buf + n, 0, len - n);
	return n ? v->parent.pread(v->parent.data, buf, n, offset, err) : 0;
}

static int read_extent(
	struct vhdx *v, const struct vhdx_extent *e, char *buf, uint64_t offset, struct error **err)
{
	size_t n = (size_t)e->length;
	switch (e->source) {
	case VHDX_FROM_PARENT:
		return read_parent(v, buf, n, offset, err);
	case VHDX_FROM_FILE:
		if (io_pread(v->io, buf, n, e->file_offset, err) < 0)
			return err_prefix(err, "0x%" PRIx64 " of the disk", offset);
		return 0;
	case VHDX_FROM_ZERO:
	case VHDX_FROM_BOTH: /* vhdx_map() never says so */
		break;
	}
	memset(buf, 0, n);
	return 0;
}

int vhdx_pread(struct vhdx *v, void *buf, size_t len, uint64_t offset, struct error **err)
{
	if (!u64_range_ok(offset, len, v->info.virtual_size))
		return err_set(err, ERR_INVALID_ARGUMENT,
			"\"%s\": %zu bytes at 0x%" PRIx64 " lie past the end of the disk (%" PRIu64
			" bytes)",
			v->io->name, len, offset, v->info.virtual_size);
	uint64_t end = offset + len;
	for (char *p = buf; offset < end;) {
		struct vhdx_extent e;
		if (vhdx_map(v, offset, end, &e, err) < 0 || read_extent(v, &e, p, offset, err) < 0)
			return -1;
		p += e.length;
		offset += e.length;
	}
	return 0;
}

static int add_parent_ranges(
	struct vhdx *v, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)
{
	if (parent_end(v, end, &end, err) < 0)
		return -1;
	return start < end ? v->parent.data_ranges(v->parent.data, start, end, ret, err) : 0;
}

/* Joins neighbours until they are few, where a file made for it has every other block: 16 MiB. */
static void keep_few(struct ranges *r, uint64_t block_size)
{
	const size_t most = 1 << 20;
	if (r->n <= most)
		return;
	for (uint64_t gap = 2 * block_size; r->n > most / 2; gap *= 2)
		ranges_close_gaps(r, gap);
}

static int collect_ranges(
	struct vhdx *v, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)
{
	uint64_t from_parent = start; /* [from_parent, start) is to be asked of the parent */
	while (start < end) {
		struct vhdx_extent e;
		/* By the block: sectors would make 2^37 ranges of a bad enough disk. */
		if (vhdx_map_coarse(v, start, end, &e, err) < 0)
			return -1;
		if (e.source != VHDX_FROM_PARENT) {
			if (from_parent < start &&
				add_parent_ranges(v, from_parent, start, ret, err) < 0)
				return -1;
			from_parent = start + e.length;
		}
		if (e.source == VHDX_FROM_FILE || e.source == VHDX_FROM_BOTH)
			ranges_add(ret, start, start + e.length);
		keep_few(ret, v->meta.block_size);
		start += e.length;
	}
	return from_parent < start ? add_parent_ranges(v, from_parent, start, ret, err) : 0;
}

int vhdx_data_ranges(
	struct vhdx *v, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)
{
	CLEANUP_RANGES struct ranges found = {0};
	if (collect_ranges(v, start, min_u64(end, v->info.virtual_size), &found, err) < 0)
		return -1;
	ranges_union(ret, &found);
	return 0;
}
