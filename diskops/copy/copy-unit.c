/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Units: what is in them, and how they pass from thread to thread. */
#include <assert.h>
#include <string.h>

#include "copy-internal.h"
#include "mem.h"

/* ---- what is in a slot ---- */

/* The seal is not part of any unit: it is written last. */
static struct segment segment_at(const struct copy *c, uint64_t offset)
{
	struct segment s = layout_segment(c->layout, offset);
	uint64_t seal_end = c->seal.offset + c->seal.length;
	if (offset < c->seal.offset) {
		s.length = min_u64(s.length, c->seal.offset - offset);
	} else if (offset < seal_end) {
		s.kind = SEGMENT_ZERO;
		s.length = seal_end - offset;
	}
	return s;
}

bool copy_next_slot(const struct copy *c, uint64_t *slot)
{
	uint64_t offset = *slot * c->slot_size, length = layout_length(c->layout);
	while (offset < length) {
		struct segment s = segment_at(c, offset);
		if (s.kind != SEGMENT_ZERO) {
			*slot = offset / c->slot_size;
			return true;
		}
		offset += s.length;
	}
	return false;
}

static void add_piece(struct unit *u, const struct segment *s, uint64_t base)
{
	if (u->n == u->cap) {
		u->cap = u->cap ? u->cap * 2 : 16;
		u->pieces = xrealloc_array(u->pieces, u->cap, sizeof(*u->pieces));
	}
	u->pieces[u->n++] = (struct piece){
		.disk_offset = s->disk_offset,
		.at = (uint32_t)(s->offset - base),
		.length = (uint32_t)s->length,
		.meta = s->kind == SEGMENT_META,
	};
}

void copy_plan_unit(const struct copy *c, struct unit *u, uint64_t slot)
{
	u->slot = slot;
	u->n = 0;
	u->recorded = false;
	uint64_t base = slot * c->slot_size;
	uint64_t end = min_u64(base + c->slot_size, layout_length(c->layout));
	for (uint64_t offset = base; offset < end;) {
		struct segment s = segment_at(c, offset);
		s.length = min_u64(s.length, end - offset);
		if (s.kind != SEGMENT_ZERO)
			add_piece(u, &s, base);
		offset += s.length;
	}
}

bool unit_next_extent(const struct unit *u, struct extent *x)
{
	size_t i = x->end;
	if (i == u->n)
		return false;
	x->first = i;
	x->start = u->pieces[i].at;
	x->stop = x->start;
	for (; i < u->n && u->pieces[i].at < x->stop + (i > x->first ? COPY_JOIN : 1); i++)
		x->stop = u->pieces[i].at + u->pieces[i].length;
	x->end = i;
	return true;
}

uint64_t unit_data_bytes(const struct unit *u, uint32_t start, uint32_t stop)
{
	uint64_t sum = 0;
	for (const struct piece *p = u->pieces; p < u->pieces + u->n && p->at < stop; p++) {
		uint64_t from = max_u64(p->at, start);
		uint64_t to = min_u64((uint64_t)p->at + p->length, stop);
		if (!p->meta && from < to)
			sum += to - from;
	}
	return sum;
}

/* ---- from thread to thread ---- */

/* Hashes take the units as they come: that is the order of the disk, or the layout is at fault. */
static int check_order(struct copy *c, const struct unit *u, struct error **err)
{
	for (const struct piece *p = u->pieces; p < u->pieces + u->n; p++) {
		if (p->meta)
			continue;
		if (p->disk_offset < c->last_disk_end)
			return err_set(err, ERR_INTERNAL, "the layout leaves the disk's order");
		c->last_disk_end = p->disk_offset + p->length;
	}
	return 0;
}

static void fail_locked(struct copy *c, struct error **err)
{
	if (!c->stopped)
		err_move(&c->err, err);
	err_free(TAKE_PTR(*err));
	c->stopped = true;
	if (c->sink)
		c->sink->abandon = true;
	pthread_cond_broadcast(&c->changed);
}

/* The next unit, planned into u, which is free. False: no more. */
static bool plan_next(struct copy *c, struct unit *u)
{
	struct error *err = NULL;
	if (!copy_next_slot(c, &c->next_slot)) {
		c->all_planned = true;
		pthread_cond_broadcast(&c->changed);
		return false;
	}
	copy_plan_unit(c, u, c->next_slot++);
	if (check_order(c, u, &err) < 0) {
		fail_locked(c, &err);
		return false;
	}
	u->seq = c->planned++;
	u->state = UNIT_READING;
	u->pending = c->consumers;
	return true;
}

struct unit *copy_take_free(struct copy *c)
{
	struct unit *u = NULL;
	pthread_mutex_lock(&c->lock);
	while (!c->stopped && !c->all_planned) {
		struct unit *next = &c->units[c->planned % c->n_units];
		if (next->state == UNIT_FREE) {
			u = plan_next(c, next) ? next : NULL;
			break;
		}
		pthread_cond_wait(&c->changed, &c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return u;
}

/* The unit, once it is full; NULL at the end. *seq is looked at anew after every wait. */
static struct unit *wait_full(struct copy *c, const uint64_t *seq)
{
	while (!c->stopped && !(c->all_planned && *seq >= c->planned)) {
		struct unit *u = &c->units[*seq % c->n_units];
		if (u->state == UNIT_FULL && u->seq == *seq)
			return u;
		pthread_cond_wait(&c->changed, &c->lock);
	}
	return NULL;
}

struct unit *copy_wait_full(struct copy *c, uint64_t seq)
{
	pthread_mutex_lock(&c->lock);
	struct unit *u = wait_full(c, &seq);
	pthread_mutex_unlock(&c->lock);
	return u;
}

struct unit *copy_take_write(struct copy *c)
{
	pthread_mutex_lock(&c->lock);
	struct unit *u = wait_full(c, &c->next_write);
	if (u)
		c->next_write++;
	pthread_mutex_unlock(&c->lock);
	return u;
}

void copy_unit_full(struct copy *c, struct unit *u)
{
	pthread_mutex_lock(&c->lock);
	u->state = UNIT_FULL;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

void copy_unit_release(struct copy *c, struct unit *u)
{
	pthread_mutex_lock(&c->lock);
	assert(u->state == UNIT_FULL && u->pending > 0);
	if (--u->pending == 0) {
		c->retired += unit_data_bytes(u, 0, c->slot_size);
		u->state = UNIT_FREE;
		pthread_cond_broadcast(&c->changed);
	}
	pthread_mutex_unlock(&c->lock);
}

void copy_fail(struct copy *c, struct error **err)
{
	pthread_mutex_lock(&c->lock);
	fail_locked(c, err);
	pthread_mutex_unlock(&c->lock);
}

void copy_fail_restart(struct copy *c)
{
	struct error *none = NULL;
	pthread_mutex_lock(&c->lock);
	c->restart = c->restart || !c->stopped;
	fail_locked(c, &none);
	pthread_mutex_unlock(&c->lock);
}
