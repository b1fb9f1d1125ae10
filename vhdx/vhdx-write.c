/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing to an image in place. Blocks that are there are written over; others are put at the end of the
 * file. At any moment the file is a valid image: a block is in the file and on stable storage before the
 * BAT names it, and both ids of the header are new before anything else changes ([MS-VHDX] 2.2.2.1), so that
 * a child of the image notices.
 */
#include <inttypes.h>
#include <string.h>

#include "vhdx-internal.h"

static int begin_writing(struct vhdx *v, struct error **err)
{
	struct vhdx_header h;
	uint64_t offset;
	if (v->writing)
		return 0;
	if (vhdx_current_header(v->io, &h, &offset, err) < 0 ||
		guid_random(&h.file_write, err) < 0 || guid_random(&h.data_write, err) < 0 ||
		vhdx_update_header(v->io, &h, &offset, err) < 0)
		return -1;
	v->info.file_id = h.file_write;
	v->info.data_id = h.data_write;
	v->writing = true;
	return 0;
}

/* A block's worth of zeros at the end of the file, on stable storage. */
static int add_block(struct vhdx *v, uint64_t *ret_offset, struct error **err)
{
	static const char zero[1];
	uint64_t offset = round_up(v->io->size, VHDX_UNIT), end = offset + v->meta.block_size;
	if (end > VHDX_FILE_MAX)
		return err_set(err, ERR_SIZE_UNSUPPORTED, "\"%s\" would be longer than any VHDX",
			v->io->name);
	if (io_pwrite(v->io, zero, sizeof(zero), end - 1, err) < 0)
		return err_prefix(err, "adding a block");
	*ret_offset = offset;
	return 0;
}

static int set_bat_entry(struct vhdx *v, uint64_t block, uint64_t offset, struct error **err)
{
	uint64_t at = v->bat.offset + vhdx_bat_index(block, v->chunk_ratio) * sizeof(le64);
	le64 entry = le64_make(offset | VHDX_BLOCK_FULLY_PRESENT);
	if (io_pwrite(v->io, &entry, sizeof(entry), at, err) < 0)
		return err_prefix(err, "BAT entry of block %" PRIu64, block);
	uint64_t number = at / VHDX_PAGE;
	pthread_mutex_lock(&v->cache.lock);
	if (v->cache.pages[number % VHDX_PAGES].number == number + 1)
		v->cache.pages[number % VHDX_PAGES].number = 0;
	pthread_mutex_unlock(&v->cache.lock);
	return 0;
}

static int write_new_block(
	struct vhdx *v, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	uint64_t block = offset / v->meta.block_size, file_offset = 0;
	if (add_block(v, &file_offset, err) < 0 ||
		io_pwrite(v->io, buf, len, file_offset + offset % v->meta.block_size, err) < 0 ||
		io_flush(v->io, err) < 0)
		return -1;
	return set_bat_entry(v, block, file_offset, err);
}

int vhdx_pwrite(struct vhdx *v, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	if (v->meta.type == IMAGE_DIFFERENCING || v->overlay)
		return err_set(err, ERR_IMAGE_UNSUPPORTED,
			"\"%s\" cannot be written to: it is a differencing image or has a log to "
			"replay",
			v->io->name);
	if (!u64_range_ok(offset, len, v->info.virtual_size))
		return err_set(err, ERR_INVALID_ARGUMENT,
			"\"%s\": %zu bytes at 0x%" PRIx64 " lie past the end of the disk",
			v->io->name, len, offset);
	if (begin_writing(v, err) < 0)
		return -1;
	for (const char *p = buf; len;) {
		struct vhdx_extent e;
		uint64_t block_end = (offset / v->meta.block_size + 1) * v->meta.block_size;
		if (vhdx_map(v, offset, min_u64(offset + len, block_end), &e, err) < 0)
			return -1;
		size_t n = (size_t)e.length;
		int rc = e.source == VHDX_FROM_FILE ? io_pwrite(v->io, p, n, e.file_offset, err)
						    : write_new_block(v, p, n, offset, err);
		if (rc < 0)
			return err_prefix(err, "0x%" PRIx64 " of the disk", offset);
		p += n, offset += n, len -= n;
	}
	return 0;
}
