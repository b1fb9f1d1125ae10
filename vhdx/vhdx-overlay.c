/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file as it is after the replay of its log, as an io. What the log holds stays in the log: a
 * patch remembers where.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "mem.h"
#include "vhdx-internal.h"

/* Of the active sequence. The log of 1 MiB that everybody uses has room for 32,640. */
#define PATCHES_MAX (UINT32_C(1) << 17)

/* What one descriptor writes. */
struct patch {
	uint64_t offset, length;
	uint64_t data; /* file offset of the data sector; 0: zeros */
	uint8_t leading[8], trailing[4];
};

struct overlay {
	struct io io;
	struct vhdx_log log;   /* its io is the file below */
	struct patch *patches; /* in the order of their replay: a later one wins */
	size_t n, cap;
};

static int add_patch(struct overlay *o, const struct patch *p, struct error **err)
{
	uint64_t log_end = o->log.offset + o->log.length, end = p->offset + p->length;
	if (!p->length)
		return 0;
	if (p->offset < VHDX_REGIONS1 || (p->offset < log_end && end > o->log.offset) ||
		end > VHDX_FILE_MAX)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"the log writes %" PRIu64 " bytes at 0x%" PRIx64
			" (neither headers nor log nor past 128 TiB expected)",
			p->length, p->offset);
	if (o->n == PATCHES_MAX)
		return err_set(err, ERR_IMAGE_UNSUPPORTED,
			"the log to replay has more than %" PRIu32 " writes", PATCHES_MAX);
	if (o->n == o->cap) {
		o->cap = o->cap ? 2 * o->cap : 64;
		o->patches = xrealloc_array(o->patches, o->cap, sizeof(*o->patches));
	}
	o->patches[o->n++] = *p;
	o->io.size = max_u64(o->io.size, end);
	return 0;
}

static void make_patch(const struct overlay *o, const struct vhdx_log_descriptor *d,
	uint64_t *data_pos, struct patch *ret)
{
	*ret = (struct patch){
		.offset = le64_get(d->file_offset), .length = le64_get(d->zero_length)};
	if (memcmp(d->signature, "desc", 4) != 0)
		return;
	ret->length = VHDX_LOG_SECTOR;
	ret->data = o->log.offset + vhdx_log_wrap(&o->log, *data_pos);
	memcpy(ret->leading, d->leading, sizeof(ret->leading));
	memcpy(ret->trailing, d->trailing, sizeof(ret->trailing));
	*data_pos += VHDX_LOG_SECTOR;
}

/* The patches of the valid entry at pos, at most limit bytes long. */
static int load_entry(
	struct overlay *o, uint32_t pos, uint32_t limit, uint32_t *ret_length, struct error **err)
{
	uint8_t sector[VHDX_LOG_SECTOR];
	struct vhdx_log_header h;
	struct patch p;
	struct vhdx_log_entry e;
	int valid = vhdx_log_read_entry(&o->log, pos, &e, err);
	if (valid < 0 || vhdx_log_read_sector(&o->log, pos, sector, err) < 0)
		return -1;
	memcpy(&h, sector, sizeof(h));
	uint32_t left = le32_get(h.descriptor_count), sectors = vhdx_log_descriptor_sectors(left);
	uint64_t data_pos = (uint64_t)pos + (uint64_t)sectors * VHDX_LOG_SECTOR;
	if (!valid || e.length > limit)
		return err_set(err, ERR_DISK_READ, "the log changed while it was read");
	for (size_t skip = sizeof(h); left; skip = 0) {
		const struct vhdx_log_descriptor *d = (const void *)(sector + skip);
		for (; left && (const uint8_t *)d < sector + VHDX_LOG_SECTOR; d++, left--) {
			make_patch(o, d, &data_pos, &p);
			if (add_patch(o, &p, err) < 0)
				return -1;
		}
		pos += VHDX_LOG_SECTOR;
		if (left && vhdx_log_read_sector(&o->log, pos, sector, err) < 0)
			return -1;
	}
	*ret_length = e.length;
	return 0;
}

static int load_active(struct overlay *o, struct error **err)
{
	struct vhdx_log_sequence s = {0};
	if (vhdx_log_find_active(&o->log, &s, err) < 0)
		return -1;
	if (s.head.flushed_file_offset > o->log.io->size)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"the file is truncated: %" PRIu64 " bytes (at least %" PRIu64
			" expected by its log)",
			o->log.io->size, s.head.flushed_file_offset);
	if (s.head.last_file_offset > VHDX_FILE_MAX)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"the log wants a file of %" PRIu64 " bytes (at most 128 TiB expected)",
			s.head.last_file_offset);
	o->io.size = max_u64(o->io.size, s.head.last_file_offset);
	/* From the tail to the head's end: all of the ring where the two are one. */
	uint64_t end = (uint64_t)s.head.pos + s.head.length;
	uint32_t pos = s.head.tail, length = 0,
		 left = vhdx_log_wrap(&o->log, end + o->log.length - pos);
	for (left = left ? left : o->log.length; left; left -= length) {
		if (load_entry(o, pos, left, &length, err) < 0)
			return -1;
		pos = vhdx_log_wrap(&o->log, (uint64_t)pos + length);
	}
	return 0;
}

/* ---- the io ---- */

static int read_base(struct overlay *o, char *buf, size_t len, uint64_t offset, struct error **err)
{
	size_t n = offset < o->log.io->size ? (size_t)min_u64(len, o->log.io->size - offset) : 0;
	memset(buf + n, 0, len - n);
	return n ? io_pread(o->log.io, buf, n, offset, err) : 0;
}

/* The part of the patch that falls on [offset, offset + len), into buf. */
static int apply(struct overlay *o, const struct patch *p, char *buf, size_t len, uint64_t offset,
	struct error **err)
{
	uint8_t sector[VHDX_LOG_SECTOR];
	uint64_t start = max_u64(p->offset, offset);
	uint64_t end = min_u64(p->offset + p->length, offset + len);
	if (start >= end)
		return 0;
	char *to = buf + (start - offset);
	if (!p->data) {
		memset(to, 0, (size_t)(end - start));
		return 0;
	}
	if (io_pread(o->log.io, sector, sizeof(sector), p->data, err) < 0)
		return -1;
	memcpy(sector, p->leading, sizeof(p->leading));
	memcpy(sector + sizeof(sector) - sizeof(p->trailing), p->trailing, sizeof(p->trailing));
	memcpy(to, sector + (start - p->offset), (size_t)(end - start));
	return 0;
}

static int overlay_pread(struct io *io, void *buf, size_t len, uint64_t offset, struct error **err)
{
	struct overlay *o = (struct overlay *)io;
	if (read_base(o, buf, len, offset, err) < 0)
		return -1;
	for (size_t i = 0; i < o->n; i++)
		if (apply(o, &o->patches[i], buf, len, offset, err) < 0)
			return -1;
	return 0;
}

static void overlay_close(struct io *io)
{
	free(((struct overlay *)io)->patches);
	free(io);
}

static const struct io_ops overlay_ops = {
	.name = "vhdx-log", .pread = overlay_pread, .close = overlay_close};

int vhdx_log_overlay(
	struct io **ret, struct io *base, const struct vhdx_header *h, struct error **err)
{
	struct overlay *o = xcalloc(1, sizeof(*o));
	CLEANUP(io_close_p) struct io *io = &o->io;
	*io = (struct io){.ops = &overlay_ops, .name = xstrdup(base->name), .size = base->size};
	o->log.io = base;
	o->log.offset = le64_get(h->log_offset);
	o->log.length = le32_get(h->log_length);
	o->log.guid = h->log_guid;
	assert(vhdx_log_is_dirty(h) && o->log.length);
	if (load_active(o, err) < 0)
		return err_prefix(err, "\"%s\"", base->name);
	*ret = TAKE_PTR(io);
	return 0;
}

static int compare_patches(const void *a, const void *b)
{
	uint64_t x = ((const struct range *)a)->start, y = ((const struct range *)b)->start;
	return x < y ? -1 : x > y;
}

void vhdx_log_changes(struct io *overlay, struct ranges *ret)
{
	const struct overlay *o = (const struct overlay *)overlay;
	CLEANUP_FREE struct range *sorted = xcalloc(o->n, sizeof(*sorted));
	size_t n = 0;
	for (size_t i = 0; i < o->n; i++) {
		const struct patch *p = &o->patches[i];
		uint64_t end = p->offset + p->length;
		/* Zeros past the end need no writing: the file only grows. */
		if (!p->data)
			end = min_u64(end, o->log.io->size);
		if (p->offset < end)
			sorted[n++] = (struct range){p->offset, end};
	}
	qsort(sorted, n, sizeof(*sorted), compare_patches);
	for (size_t i = 0; i < n; i++)
		ranges_add(ret, sorted[i].start, sorted[i].end);
}
