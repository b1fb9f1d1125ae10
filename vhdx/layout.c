/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the layouts of all formats have in common; the formats are rows of a table. */
#include "layout-internal.h"

#include <assert.h>
#include <string.h>

#include "mem.h"

static const struct layout_ops *const formats[] = {
	[IMAGE_RAW] = &layout_raw_ops,
	[IMAGE_VHD] = &layout_vhd_ops,
	[IMAGE_VHDX] = &layout_vhdx_ops,
};

int layout_new(struct layout **ret, uint64_t disk_size, const struct ranges *map,
	const struct image_options *options, struct error **err)
{
	assert((size_t)options->format < ARRAY_SIZE(formats) && formats[options->format]);
	if (disk_size == 0)
		return err_set(err, ERR_SIZE_UNSUPPORTED, "the disk has no bytes");

	CLEANUP(layout_free_p) struct layout *l = xcalloc(1, sizeof(*l));
	*l = (struct layout){
		.ops = formats[options->format], .disk_size = disk_size, .options = *options};
	ranges_copy(&l->map, map);
	ranges_align(&l->map, options->logical_sector, disk_size);
	l->data_bytes = ranges_total(&l->map);
	if (l->ops->init(l, err) < 0)
		return -1;
	*ret = TAKE_PTR(l);
	return 0;
}

void layout_free(struct layout *l)
{
	if (!l)
		return;
	if (l->ops->done)
		l->ops->done(l);
	ranges_done(&l->map);
	free(l);
}

uint64_t layout_length(const struct layout *l)
{
	return l->length;
}

uint64_t layout_virtual_size(const struct layout *l)
{
	return l->virtual_size;
}

uint64_t layout_disk_size(const struct layout *l)
{
	return l->disk_size;
}

uint64_t layout_data_bytes(const struct layout *l)
{
	return l->data_bytes;
}

const struct ranges *layout_map(const struct layout *l)
{
	return &l->map;
}

const struct image_options *layout_options(const struct layout *l)
{
	return &l->options;
}

struct segment layout_segment(const struct layout *l, uint64_t offset)
{
	assert(offset < l->length);
	struct segment s = l->ops->segment(l, offset);
	assert(s.offset == offset && s.length && s.length <= l->length - offset);
	return s;
}

struct segment layout_seal(const struct layout *l)
{
	return l->ops->seal(l);
}

struct segment layout_disk_segment(
	const struct layout *l, uint64_t file_offset, uint64_t length, uint64_t disk_offset)
{
	struct segment s = {.kind = SEGMENT_ZERO, .offset = file_offset, .length = length};
	size_t i = ranges_find(&l->map, disk_offset);
	if (i == l->map.n)
		return s;
	const struct range *r = &l->map.v[i];
	if (r->start > disk_offset) {
		s.length = min_u64(length, r->start - disk_offset);
		return s;
	}
	s.kind = SEGMENT_DATA;
	s.disk_offset = disk_offset;
	s.length = min_u64(length, r->end - disk_offset);
	return s;
}

void layout_meta(const struct layout *l, uint64_t offset, void *buf, size_t len)
{
	char *p = buf;
	while (len) {
		struct segment s = layout_segment(l, offset);
		size_t n = (size_t)min_u64(s.length, len);
		assert(s.kind != SEGMENT_DATA);
		if (s.kind == SEGMENT_META)
			l->ops->meta(l, offset, p, n);
		else
			memset(p, 0, n);
		offset += n, p += n, len -= n;
	}
}

int layout_pread(const struct layout *l, layout_read_fn *read_disk, void *data, uint64_t offset,
	void *buf, size_t len, struct error **err)
{
	assert(u64_range_ok(offset, len, l->length));
	char *p = buf;
	while (len) {
		struct segment s = layout_segment(l, offset);
		size_t n = (size_t)min_u64(s.length, len);
		if (s.kind != SEGMENT_DATA)
			layout_meta(l, offset, p, n);
		else if (read_disk(data, p, n, s.disk_offset, err) < 0)
			return -1;
		offset += n, p += n, len -= n;
	}
	return 0;
}
