/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hive-log.h"

#include <inttypes.h>
#include <stdlib.h>

#include "checked.h"
#include "hive-format.h"
#include "marvin32.h"
#include "mem.h"

void hive_replay_report_done(struct hive_replay_report *r)
{
	free(r->stopped);
	r->stopped = NULL;
}

uint32_t hive_checksum(const uint8_t base_block[static 512])
{
	uint32_t x = 0;
	for (size_t i = 0; i < 508; i += 4)
		x ^= le32_at(base_block + i);
	return x == UINT32_MAX ? UINT32_MAX - 1 : x == 0 ? 1 : x;
}

static const struct hive_base_block *base_of(const void *data)
{
	return data;
}

static bool base_valid(const uint8_t *data, size_t size)
{
	return size >= HIVE_LOG_BASE_SIZE && memcmp(data, "regf", 4) == 0 &&
	       hive_checksum(data) == le32_get(base_of(data)->checksum);
}

/* ---- a hive being brought up to date ---- */

struct image {
	uint8_t *data; /* a copy: the caller's bytes change only when everything went well */
	size_t size;
};

/* The file grows with its hive bins; what is new reads as zero until pages fill it. */
static bool image_fit(struct image *im, uint32_t bins_size)
{
	size_t need = (size_t)HIVE_BASE_BLOCK_SIZE + bins_size;
	if (bins_size % HIVE_BIN_ALIGN || need > HIVE_SIZE_MAX)
		return false;
	if (need > im->size) {
		im->data = xrealloc_array(im->data, need, 1);
		memset(im->data + im->size, 0, need - im->size);
		im->size = need;
	}
	return true;
}

static void image_seal(struct image *im, uint32_t sequence, uint32_t bins_size)
{
	struct hive_base_block *b = (struct hive_base_block *)im->data;
	b->file_type = le32_make(HIVE_TYPE_PRIMARY);
	b->bins_size = le32_make(bins_size);
	b->primary_sequence = le32_make(sequence);
	b->secondary_sequence = le32_make(sequence);
	b->checksum = le32_make(hive_checksum(im->data));
}

/* Where the primary file's base block is torn, the log's copy of it takes its place. */
static void image_take_base(struct image *im, const struct hive_log *log)
{
	memcpy(im->data, log->data, HIVE_LOG_BASE_SIZE);
}

/* ---- the new format: HvLE entries ---- */

static bool log_is(const struct hive_log *log, uint32_t type)
{
	return log->data && base_valid(log->data, log->size) &&
	       le32_get(base_of(log->data)->file_type) == type;
}

/* The entry at offset, checked whole; NULL with *why set where it is none or not intact. */
static const struct hive_log_entry *entry_at(
	const struct hive_log *log, size_t offset, const char **why)
{
	*why = NULL;
	if (!u64_range_ok(offset, sizeof(struct hive_log_entry), log->size))
		return NULL;
	const struct hive_log_entry *e = (const void *)(log->data + offset);
	if (memcmp(e->signature, "HvLE", 4) != 0)
		return NULL;
	uint32_t size = le32_get(e->size);
	if (size < sizeof(*e) || size % HIVE_SECTOR || size > log->size - offset)
		*why = "its size is not possible";
	else if (marvin32_hive(e, 32) != le64_get(e->hash2))
		*why = "the hash of its header does not match";
	else if (marvin32_hive(e + 1, size - sizeof(*e)) != le64_get(e->hash1))
		*why = "the hash of its pages does not match";
	else if (le32_get(e->bins_size) % HIVE_BIN_ALIGN)
		*why = "its hive bins size is no multiple of 4096";
	return *why ? NULL : e;
}

/* Whether a log holds entries that follow the state of the primary file, and from which number. */
static bool log_usable(
	const struct hive_log *log, bool base_ok, uint32_t secondary, uint32_t *ret_first)
{
	const char *why;
	if (!log_is(log, HIVE_TYPE_LOG_NEW))
		return false;
	const struct hive_log_entry *e = entry_at(log, HIVE_LOG_BASE_SIZE, &why);
	if (!e || le32_get(e->sequence) != le32_get(base_of(log->data)->primary_sequence))
		return false;
	*ret_first = le32_get(e->sequence);
	return !base_ok || *ret_first >= secondary;
}

static const char *entry_apply(
	struct image *im, const struct hive_log_entry *e, struct hive_replay_report *r)
{
	uint32_t count = le32_get(e->page_count), size = le32_get(e->size);
	uint32_t bins = le32_get(e->bins_size);
	const struct hive_log_page *ref = (const void *)(e + 1);
	if (count > (size - sizeof(*e)) / sizeof(*ref))
		return "its page count is not possible";
	uint64_t at = sizeof(*e) + (uint64_t)count * sizeof(*ref);
	for (uint32_t i = 0; i < count; i++) {
		if (!u64_range_ok(le32_get(ref[i].offset), le32_get(ref[i].size), bins) ||
			!u64_range_ok(at, le32_get(ref[i].size), size))
			return "a page lies outside of the hive";
		at += le32_get(ref[i].size);
	}
	if (!image_fit(im, bins))
		return "its hive bins size is not possible";
	at = sizeof(*e) + (uint64_t)count * sizeof(*ref);
	for (uint32_t i = 0; i < count; i++) {
		memcpy(im->data + HIVE_BASE_BLOCK_SIZE + le32_get(ref[i].offset),
			(const uint8_t *)e + at, le32_get(ref[i].size));
		at += le32_get(ref[i].size);
		r->bytes += le32_get(ref[i].size);
	}
	struct hive_base_block *b = (struct hive_base_block *)im->data;
	b->flags = le32_make((le32_get(b->flags) & ~1u) | (le32_get(e->flags) & 1));
	b->bins_size = e->bins_size;
	r->last_sequence = le32_get(e->sequence);
	r->entries++;
	return NULL;
}

/* Applies a log's entries from its first one on, as long as their numbers go up by one. */
static void log_apply(struct image *im, const struct hive_log *log, struct hive_replay_report *r)
{
	size_t offset = HIVE_LOG_BASE_SIZE;
	for (;;) {
		const char *why;
		const struct hive_log_entry *e = entry_at(log, offset, &why);
		/* An older number is the remnant of an earlier round, no defect. */
		if (e && r->entries && le32_get(e->sequence) != r->last_sequence + 1)
			return;
		if (e)
			why = entry_apply(im, e, r);
		if (why) {
			free(r->stopped);
			r->stopped = xasprintf("%s: entry at 0x%zx: %s", log->name, offset, why);
		}
		if (!e || why)
			return;
		offset += le32_get(e->size);
	}
}

static bool replay_new(struct image *im, bool base_ok, const struct hive_log logs[static 2],
	struct hive_replay_report *r)
{
	uint32_t secondary = base_ok ? le32_get(base_of(im->data)->secondary_sequence) : 0;
	uint32_t first[2] = {0};
	bool usable[2];
	for (int i = 0; i < 2; i++)
		usable[i] = log_usable(&logs[i], base_ok, secondary, &first[i]);
	if (!usable[0] && !usable[1])
		return false;
	int order[2] = {0, 1};
	if (usable[0] && usable[1] && first[1] < first[0])
		order[0] = 1, order[1] = 0;
	if (!base_ok) {
		/* Only the log with the latest entries, and its base block. */
		int last = usable[order[1]] ? order[1] : order[0];
		image_take_base(im, &logs[last]);
		r->base_recovered = true;
		log_apply(im, &logs[last], r);
	} else {
		for (int i = 0; i < 2; i++)
			if (usable[order[i]] &&
				(!r->entries || first[order[i]] == r->last_sequence + 1))
				log_apply(im, &logs[order[i]], r);
	}
	if (!r->entries)
		return false;
	image_seal(im, r->last_sequence + 1, le32_get(base_of(im->data)->bins_size));
	return true;
}

/* ---- the old format: one bitmap of 512-byte pages ---- */

static bool old_log_fits(const struct image *im, bool base_ok, const struct hive_log *log)
{
	if (!log_is(log, HIVE_TYPE_LOG_OLD) && !log_is(log, HIVE_TYPE_LOG_NT5))
		return false;
	const struct hive_base_block *l = base_of(log->data), *p = base_of(im->data);
	if (le32_get(l->primary_sequence) != le32_get(l->secondary_sequence))
		return false;
	/* A torn base block's time is not to be trusted: the first hive bin repeats it at 20. */
	uint64_t written = base_ok ? le64_get(p->last_written)
			   : im->size >= HIVE_BASE_BLOCK_SIZE + 32
				   ? le64_at(im->data + HIVE_BASE_BLOCK_SIZE + 20)
				   : 0;
	return written == le64_get(l->last_written);
}

static const char *old_log_apply(
	struct image *im, const struct hive_log *log, struct hive_replay_report *r)
{
	uint32_t bins = le32_get(base_of(log->data)->bins_size);
	size_t pages = bins / HIVE_SECTOR, bitmap = pages / 8;
	if (!u64_range_ok(HIVE_SECTOR, 4 + (uint64_t)bitmap, log->size) ||
		memcmp(log->data + HIVE_SECTOR, "DIRT", 4) != 0)
		return "it has no dirty vector";
	if (!image_fit(im, bins))
		return "its hive bins size is not possible";
	const uint8_t *bits = log->data + HIVE_SECTOR + 4;
	uint64_t at = HIVE_SECTOR + round_up(4 + bitmap, HIVE_SECTOR);
	for (size_t i = 0; i < pages; i++) {
		if (!(bits[i / 8] >> (i % 8) & 1))
			continue;
		if (!u64_range_ok(at, HIVE_SECTOR, log->size))
			return "it ends before its last dirty page";
		memcpy(im->data + HIVE_BASE_BLOCK_SIZE + i * HIVE_SECTOR, log->data + at,
			HIVE_SECTOR);
		at += HIVE_SECTOR;
		r->bytes += HIVE_SECTOR;
	}
	r->entries = 1;
	r->last_sequence = le32_get(base_of(log->data)->primary_sequence);
	image_seal(im, r->last_sequence + 1, bins);
	return NULL;
}

static bool replay_old(struct image *im, bool base_ok, const struct hive_log logs[static 2],
	struct hive_replay_report *r)
{
	for (int i = 0; i < 2; i++) {
		if (!old_log_fits(im, base_ok, &logs[i]))
			continue;
		if (!base_ok) {
			image_take_base(im, &logs[i]);
			r->base_recovered = true;
		}
		const char *why = old_log_apply(im, &logs[i], r);
		if (!why)
			return true;
		free(r->stopped);
		r->stopped = xasprintf("%s: %s", logs[i].name, why);
		return false;
	}
	return false;
}

/* ---- ---- */

/* Every hive bin, one after the other, says "hbin", where it lies and how long it is. */
static int check_bins(const struct image *im, struct error **err)
{
	uint32_t bins = le32_get(base_of(im->data)->bins_size);
	if (bins % HIVE_BIN_ALIGN || !u64_range_ok(HIVE_BASE_BLOCK_SIZE, bins, im->size))
		return err_set(err, ERR_HIVE_DAMAGED,
			"hive bins of %" PRIu32 " bytes do not fit a file of %zu", bins, im->size);
	for (uint32_t at = 0; at < bins;) {
		const uint8_t *bin = im->data + HIVE_BASE_BLOCK_SIZE + at;
		uint32_t size = le32_at(bin + 8);
		if (memcmp(bin, "hbin", 4) != 0 || le32_at(bin + 4) != at || size == 0 ||
			size % HIVE_BIN_ALIGN || size > bins - at)
			return err_set(err, ERR_HIVE_DAMAGED, "no valid hive bin at 0x%x",
				HIVE_BASE_BLOCK_SIZE + at);
		at += size;
	}
	return 0;
}

static int refuse(const struct hive_log logs[static 2], const struct hive_replay_report *r,
	struct error **err)
{
	if (r->stopped)
		return err_set(err, ERR_HIVE_DIRTY,
			"the hive was not closed cleanly and its log is damaged: %s", r->stopped);
	if (!logs[0].data && !logs[1].data)
		return err_set(err, ERR_HIVE_DIRTY,
			"the hive was not closed cleanly and its transaction logs are missing");
	return err_set(err, ERR_HIVE_DIRTY,
		"the hive was not closed cleanly and neither of its transaction logs belongs to its state");
}

int hive_replay(uint8_t **data, size_t *size, const struct hive_log logs[static 2],
	struct hive_replay_report *ret, struct error **err)
{
	if (*size < HIVE_BASE_BLOCK_SIZE || *size > HIVE_SIZE_MAX || memcmp(*data, "regf", 4) != 0)
		return err_set(err, ERR_HIVE_DAMAGED, "not a registry hive (%zu bytes)", *size);
	bool base_ok = base_valid(*data, *size);
	struct hive_replay_report r = {0};
	if (base_ok && le32_get(base_of(*data)->primary_sequence) ==
			       le32_get(base_of(*data)->secondary_sequence)) {
		*ret = r;
		return 0;
	}
	r.dirty = true;
	struct image im = {.data = xmemdup(*data, *size), .size = *size};
	bool done = replay_new(&im, base_ok, logs, &r) || replay_old(&im, base_ok, logs, &r);
	if (!done)
		refuse(logs, &r, err);
	else if (check_bins(&im, err) < 0)
		err_prefix(err, "after replaying %u log entries", r.entries);
	if (*err) {
		free(im.data);
		hive_replay_report_done(&r);
		return -1;
	}
	free(*data);
	*data = im.data;
	*size = im.size;
	*ret = r;
	return 0;
}
