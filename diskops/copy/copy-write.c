/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lanes: a unit's bytes to the sink, less the zeros that need not be written. */
#include <string.h>
#include <sys/random.h>

#include "copy-internal.h"
#include "mem.h"

/* Zeros are looked for in blocks of this size, at multiples of it in the file. */
#define ZERO_BLOCK 4096u
/* Of every unit that is not written again, so much is read back; where an extent has less, all of it. */
#define SAMPLE (64 * KiB)

static uint32_t block_end(uint32_t at, uint32_t stop)
{
	return (uint32_t)min_u64(round_down(at, ZERO_BLOCK) + ZERO_BLOCK, stop);
}

static bool block_is_zero(const struct unit *u, uint32_t at, uint32_t stop)
{
	return mem_is_zero(u->buf + at, block_end(at, stop) - at);
}

static uint32_t zeros_end(const struct unit *u, uint32_t at, uint32_t stop)
{
	while (at < stop && block_is_zero(u, at, stop))
		at = block_end(at, stop);
	return at;
}

/* From at, which is not zero, up to a run of zeros that is worth a hole. */
static uint32_t data_end(const struct unit *u, uint32_t at, uint32_t stop, uint32_t min_hole)
{
	for (;;) {
		while (at < stop && !block_is_zero(u, at, stop))
			at = block_end(at, stop);
		uint32_t next = zeros_end(u, at, stop);
		if (next == stop || next - at >= min_hole)
			return at;
		at = next;
	}
}

static int write_run(struct copy *c, unsigned lane, const struct unit *u, uint32_t start,
	uint32_t stop, struct error **err)
{
	if (sink_pwrite(c->sink, lane, u->buf + start, stop - start, unit_offset(c, u) + start,
		    err) < 0)
		return -1;
	c->bytes_written += stop - start;
	return 0;
}

/* What an earlier run left there may not be zero: then zeros are written too. */
static int write_extent(struct copy *c, unsigned lane, const struct unit *u, const struct extent *x,
	struct error **err)
{
	if (!c->fresh)
		return write_run(c, lane, u, x->start, x->stop, err);
	uint32_t start, at = x->start;
	while ((start = zeros_end(u, at, x->stop)) < x->stop) {
		c->zero_bytes += unit_data_bytes(u, at, start);
		at = data_end(u, start, x->stop, c->sink->min_hole);
		if (write_run(c, lane, u, start, at, err) < 0)
			return -1;
	}
	c->zero_bytes += unit_data_bytes(u, at, x->stop);
	return 0;
}

static int write_unit(struct copy *c, unsigned lane, const struct unit *u, struct error **err)
{
	unsigned breaks = c->sink->breaks;
	struct extent x = {0};
	while (unit_next_extent(u, &x))
		if (write_extent(c, lane, u, &x, err) < 0)
			return -1;
	copy_unit_written(c, u, breaks);
	return 0;
}

static uint64_t random_below(uint64_t limit)
{
	uint64_t x = 0;
	/* Only where to look: a kernel without random numbers looks at the beginning. */
	if (getrandom(&x, sizeof(x), 0) < 0)
		x = 0;
	return x % limit;
}

/* An extent of the unit, each as likely as it is long, and a place in it. */
static uint32_t sample_place(const struct unit *u, struct extent *ret)
{
	struct extent x = {0};
	uint64_t total = 0;
	while (unit_next_extent(u, &x))
		total += x.stop - x.start;
	uint64_t at = random_below(total);
	for (x = (struct extent){0}; unit_next_extent(u, &x); at -= x.stop - x.start)
		if (at < x.stop - x.start)
			break;
	*ret = x;
	return x.start + (uint32_t)at;
}

/*
 * The record says that the sink has the unit. A server that lost power since may have lost it: what is
 * read back is compared, at most so much at a time as the tail holds. Returns 0 where it differs.
 */
static int check_part(struct copy *c, unsigned lane, const struct unit *u, uint32_t at,
	uint64_t len, struct error **err)
{
	uint8_t *back = u->buf + c->slot_size;
	if (sink_pread(c->sink, lane, back, (size_t)len, unit_offset(c, u) + at, err) < 0)
		return -1;
	return memcmp(back, u->buf + at, (size_t)len) == 0;
}

static int check_sample(struct copy *c, unsigned lane, const struct unit *u, struct error **err)
{
	struct extent x;
	uint32_t at = (uint32_t)round_down(sample_place(u, &x), ZERO_BLOCK);
	uint32_t last = x.stop - x.start > SAMPLE ? x.stop - SAMPLE : x.start;
	at = at < x.start ? x.start : at > last ? last : at;
	return check_part(c, lane, u, at, min_u64(x.stop - at, SAMPLE), err);
}

/* Where hashes are asked for they must be those of the file: every byte is compared. */
static int check_whole(struct copy *c, unsigned lane, const struct unit *u, struct error **err)
{
	int same = 1;
	struct extent x = {0};
	while (same == 1 && unit_next_extent(u, &x))
		for (uint32_t at = x.start; same == 1 && at < x.stop; at += COPY_TAIL)
			same = check_part(c, lane, u, at, min_u64(x.stop - at, COPY_TAIL), err);
	return same;
}

static int keep_unit(struct copy *c, unsigned lane, const struct unit *u, struct error **err)
{
	unsigned breaks = c->sink->breaks;
	bool hashing = c->options->md5 || c->options->sha256;
	int same = hashing ? check_whole(c, lane, u, err) : check_sample(c, lane, u, err);
	if (same < 0)
		return -1;
	if (!same)
		copy_fail_restart(c);
	else
		copy_unit_seen(c, u, breaks);
	struct extent x = {0};
	while (unit_next_extent(u, &x))
		c->bytes_resumed += x.stop - x.start;
	return 0;
}

void copy_write_all(struct copy *c, unsigned lane)
{
	struct error *err = NULL;
	struct unit *u;
	while ((u = copy_take_write(c))) {
		int rc = u->recorded ? keep_unit(c, lane, u, &err) : write_unit(c, lane, u, &err);
		if (rc < 0) {
			copy_fail(c, &err);
			return;
		}
		copy_unit_release(c, u);
	}
}

/* The unit that a lane checks next; its own. NULL: no more. */
static struct unit *take_check(struct copy *c, unsigned lane)
{
	struct unit *u = NULL;
	pthread_mutex_lock(&c->lock);
	while (!u && !c->stopped && copy_next_slot(c, &c->next_slot)) {
		uint64_t slot = c->next_slot++;
		/* Not recorded: nobody knows. */
		if (!c->record || !record_get(c->record, slot) ||
			record_is_suspect(c->record, slot, c->check_breaks)) {
			u = &c->units[lane];
			copy_plan_unit(c, u, slot);
		}
	}
	pthread_mutex_unlock(&c->lock);
	return u;
}

/* What is not on the sink as it was written is written again. */
static int check_unit(struct copy *c, unsigned lane, struct unit *u, struct error **err)
{
	bool same = false;
	if (c->record && unit_read_back(c, u, lane, &same, err) < 0)
		return -1;
	if (same) {
		copy_unit_seen(c, u, c->check_breaks);
		return 0;
	}
	return unit_read(c, u, err) < 0 || unit_digest(c, u, err) < 0 ? -1
								      : write_unit(c, lane, u, err);
}

void copy_check_all(struct copy *c, unsigned lane)
{
	struct error *err = NULL;
	struct unit *u;
	while ((u = take_check(c, lane)))
		if (check_unit(c, lane, u, &err) < 0) {
			copy_fail(c, &err);
			return;
		}
}
