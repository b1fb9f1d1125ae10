/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replay of a log in the file itself: [MS-VHDX] 2.2.2.1 and 2.3.3. */
#include <inttypes.h>
#include <string.h>

#include "mem.h"
#include "vhdx-internal.h"

#define CHUNK MiB

int vhdx_update_header(struct io *io, struct vhdx_header *h, uint64_t *offset, struct error **err)
{
	struct vhdx_header next = *h;
	uint64_t other = *offset == VHDX_HEADER1 ? VHDX_HEADER2 : VHDX_HEADER1;
	if (le64_get(h->sequence) == UINT64_MAX)
		return err_set(err, ERR_IMAGE_CORRUPT, "header: no sequence number is left");
	next.sequence = le64_make(le64_get(h->sequence) + 1);
	vhdx_seal_header(&next);
	if (io_pwrite(io, &next, sizeof(next), other, err) < 0 || io_flush(io, err) < 0)
		return err_prefix(err, "updating the header");
	*h = next;
	*offset = other;
	return 0;
}

static int copy_range(struct io *to, struct io *from, const struct range *r, struct error **err)
{
	CLEANUP_FREE void *buf = xmalloc((size_t)min_u64(CHUNK, r->end - r->start));
	for (uint64_t at = r->start; at < r->end; at += CHUNK) {
		size_t n = (size_t)min_u64(CHUNK, r->end - at);
		if (io_pread(from, buf, n, at, err) < 0 || io_pwrite(to, buf, n, at, err) < 0)
			return -1;
	}
	return 0;
}

/* Brings the file to the overlay's size; what is added reads as zero. */
static int extend(struct io *io, uint64_t size, struct error **err)
{
	static const char last[1];
	return io->size < size ? io_pwrite(io, last, sizeof(last), size - 1, err) : 0;
}

int vhdx_replay(struct io *base, struct io *overlay, struct vhdx_header *h, uint64_t *offset,
	struct error **err)
{
	CLEANUP_RANGES struct ranges changes = {0};
	if (le64_get(h->sequence) > UINT64_MAX - 3)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"header: sequence number 0x%" PRIx64 " cannot be followed",
			le64_get(h->sequence));
	vhdx_log_changes(overlay, &changes);
	if (guid_random(&h->file_write, err) < 0 || vhdx_update_header(base, h, offset, err) < 0)
		return -1;
	RANGES_FOREACH (r, &changes) {
		if (copy_range(base, overlay, r, err) < 0)
			return err_prefix(err, "replaying the log");
	}
	if (extend(base, overlay->size, err) < 0 || io_flush(base, err) < 0)
		return err_prefix(err, "replaying the log");
	memset(&h->log_guid, 0, sizeof(h->log_guid));
	/* Twice, so that both headers say so. */
	if (vhdx_update_header(base, h, offset, err) < 0)
		return -1;
	return vhdx_update_header(base, h, offset, err);
}
