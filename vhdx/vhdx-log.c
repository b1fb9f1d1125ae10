/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log's entries and the search for the active sequence: [MS-VHDX] 2.3.
 *
 * A sector of the log is read a bounded number of times whatever it holds: the sectors of an entry
 * are checked in order before its checksum counts, and no entry begins within another that passes.
 */
#include <inttypes.h>
#include <string.h>

#include "crc32c.h"
#include "vhdx-internal.h"

/* ---- one entry ---- */

uint32_t vhdx_log_wrap(const struct vhdx_log *l, uint64_t pos)
{
	return (uint32_t)(pos % l->length);
}

int vhdx_log_read_sector(const struct vhdx_log *l, uint64_t pos, void *buf, struct error **err)
{
	return io_pread(l->io, buf, VHDX_LOG_SECTOR, l->offset + vhdx_log_wrap(l, pos), err);
}

uint32_t vhdx_log_descriptor_sectors(uint32_t descriptors)
{
	return (uint32_t)div_round_up(
		sizeof(struct vhdx_log_header) +
			(uint64_t)descriptors * sizeof(struct vhdx_log_descriptor),
		VHDX_LOG_SECTOR);
}

static bool header_ok(const struct vhdx_log *l, const struct vhdx_log_header *h)
{
	uint32_t length = le32_get(h->entry_length), tail = le32_get(h->tail);
	return memcmp(h->signature, "loge", 4) == 0 && guid_equal(&h->log_guid, &l->guid) &&
	       le64_get(h->sequence) && length && length % VHDX_LOG_SECTOR == 0 &&
	       length <= l->length && tail % VHDX_LOG_SECTOR == 0 && tail < l->length &&
	       vhdx_log_descriptor_sectors(le32_get(h->descriptor_count)) <=
		       length / VHDX_LOG_SECTOR;
}

static bool descriptor_ok(const struct vhdx_log_descriptor *d, uint64_t sequence, bool *ret_data)
{
	*ret_data = memcmp(d->signature, "desc", 4) == 0;
	uint64_t length = *ret_data ? VHDX_LOG_SECTOR : le64_get(d->zero_length);
	uint64_t offset = le64_get(d->file_offset);
	return (*ret_data || memcmp(d->signature, "zero", 4) == 0) &&
	       le64_get(d->sequence) == sequence && offset % VHDX_LOG_SECTOR == 0 &&
	       length % VHDX_LOG_SECTOR == 0 && u64_range_ok(offset, length, UINT64_MAX);
}

static bool data_ok(const struct vhdx_log_data *d, uint64_t sequence)
{
	return memcmp(d->signature, "data", 4) == 0 &&
	       le32_get(d->sequence_high) == sequence >> 32 &&
	       le32_get(d->sequence_low) == (uint32_t)sequence;
}

/* State of a walk over an entry's sectors. */
struct walk {
	uint64_t sequence;
	uint32_t descriptors; /* not seen yet */
	uint32_t data;	      /* data descriptors seen, less data sectors seen */
	uint32_t crc;
};

/* One sector of an entry, its first with the checksum zeroed; skip: bytes of the entry header. */
static bool sector_ok(struct walk *w, const uint8_t *sector, size_t skip)
{
	w->crc = crc32c(w->crc, sector, VHDX_LOG_SECTOR);
	if (!w->descriptors && !skip)
		return w->data-- && data_ok((const void *)sector, w->sequence);
	const struct vhdx_log_descriptor *d = (const void *)(sector + skip);
	for (; w->descriptors && (const uint8_t *)d < sector + VHDX_LOG_SECTOR; d++) {
		bool data;
		if (!descriptor_ok(d, w->sequence, &data))
			return false;
		w->data += data;
		w->descriptors--;
	}
	return true;
}

int vhdx_log_read_entry(
	const struct vhdx_log *l, uint32_t pos, struct vhdx_log_entry *ret, struct error **err)
{
	uint8_t sector[VHDX_LOG_SECTOR];
	struct vhdx_log_header h;
	if (vhdx_log_read_sector(l, pos, sector, err) < 0)
		return -1;
	memcpy(&h, sector, sizeof(h));
	if (!header_ok(l, &h))
		return 0;
	memset(sector + offsetof(struct vhdx_log_header, checksum), 0, sizeof(le32));

	struct walk w = {
		.sequence = le64_get(h.sequence), .descriptors = le32_get(h.descriptor_count)};
	if (!sector_ok(&w, sector, sizeof(h)))
		return 0;
	for (uint32_t at = VHDX_LOG_SECTOR; at < le32_get(h.entry_length); at += VHDX_LOG_SECTOR) {
		if (vhdx_log_read_sector(l, (uint64_t)pos + at, sector, err) < 0)
			return -1;
		if (!sector_ok(&w, sector, 0))
			return 0;
	}
	if (w.data || w.crc != le32_get(h.checksum))
		return 0;
	*ret = (struct vhdx_log_entry){.pos = pos,
		.length = le32_get(h.entry_length),
		.tail = le32_get(h.tail),
		.sequence = w.sequence,
		.flushed_file_offset = le64_get(h.flushed_file_offset),
		.last_file_offset = le64_get(h.last_file_offset)};
	return 1;
}

/* ---- the active sequence ---- */

/* The longest run of entries from pos whose sequence numbers count up; empty where there is none. */
static int read_sequence(
	const struct vhdx_log *l, uint32_t pos, struct vhdx_log_sequence *ret, struct error **err)
{
	struct vhdx_log_sequence s = {.first = pos};
	struct vhdx_log_entry e;
	for (;;) {
		int valid =
			vhdx_log_read_entry(l, vhdx_log_wrap(l, (uint64_t)pos + s.length), &e, err);
		if (valid < 0)
			return -1;
		if (!valid || (s.length && e.sequence != s.head.sequence + 1) ||
			e.length > l->length - s.length)
			break;
		s.head = e;
		s.length += e.length;
		if (s.length == l->length)
			break;
	}
	*ret = s;
	return 0;
}

/* Whether the head's tail is where an entry of the sequence begins: 1, 0 or -1. */
static int has_tail(const struct vhdx_log *l, const struct vhdx_log_sequence *s, struct error **err)
{
	uint32_t at = 0;
	while (at < s->length) {
		struct vhdx_log_header h;
		uint32_t pos = vhdx_log_wrap(l, (uint64_t)s->first + at);
		if (pos == s->head.tail)
			return 1;
		if (io_pread(l->io, &h, sizeof(h), l->offset + pos, err) < 0)
			return -1;
		/* Valid when it was checked; a file that changes meanwhile must not stop us here. */
		at += max_u64(le32_get(h.entry_length), VHDX_LOG_SECTOR);
	}
	return 0;
}

/*
 * [MS-VHDX] 2.3.3. Where a sequence's tail is not within it, the specification looks on at the next
 * sector; the sequences that begin at its other entries end at the same head and fail alike, so the
 * search goes on behind it.
 */
int vhdx_log_find_active(
	const struct vhdx_log *l, struct vhdx_log_sequence *ret, struct error **err)
{
	struct vhdx_log_sequence active = {0};
	uint64_t pos = 0;
	while (pos < l->length) {
		struct vhdx_log_sequence s;
		int valid = 0;
		if (read_sequence(l, (uint32_t)pos, &s, err) < 0)
			return -1;
		if (s.length && (valid = has_tail(l, &s, err)) < 0)
			return -1;
		if (valid && s.head.sequence > active.head.sequence)
			active = s;
		pos += s.length ? s.length : VHDX_LOG_SECTOR;
	}
	if (!active.length)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"the log must be replayed and holds no complete sequence of entries");
	*ret = active;
	return 0;
}
