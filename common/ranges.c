/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ranges.h"

#include <assert.h>
#include <string.h>

#include "mem.h"

void ranges_done(struct ranges *r)
{
	free(r->v);
	*r = (struct ranges){0};
}

void ranges_clear(struct ranges *r)
{
	r->n = 0;
}

void ranges_copy(struct ranges *dst, const struct ranges *src)
{
	struct range *v = xmemdup(src->v, src->n * sizeof(*v));
	free(dst->v);
	*dst = (struct ranges){.v = v, .n = src->n, .cap = src->n};
}

static void reserve(struct ranges *r, size_t n)
{
	if (n <= r->cap)
		return;
	size_t cap = r->cap ? r->cap + r->cap / 2 : 16;
	if (cap < n)
		cap = n;
	r->v = xrealloc_array(r->v, cap, sizeof(*r->v));
	r->cap = cap;
}

/* Appends a range that begins at or after the start of the last one. */
static void append(struct ranges *r, uint64_t start, uint64_t end)
{
	if (start >= end)
		return;
	if (r->n && start <= r->v[r->n - 1].end) {
		if (end > r->v[r->n - 1].end)
			r->v[r->n - 1].end = end;
		return;
	}
	reserve(r, r->n + 1);
	r->v[r->n++] = (struct range){start, end};
}

size_t ranges_find(const struct ranges *r, uint64_t offset)
{
	size_t lo = 0, hi = r->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (r->v[mid].end > offset)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Replaces v[i..j) by one range (or by none where start == end). */
static void splice(struct ranges *r, size_t i, size_t j, const struct range *with, size_t n)
{
	size_t tail = r->n - j;
	reserve(r, i + n + tail);
	if (tail)
		memmove(r->v + i + n, r->v + j, tail * sizeof(*r->v));
	if (n)
		memcpy(r->v + i, with, n * sizeof(*with));
	r->n = i + n + tail;
}

void ranges_add(struct ranges *r, uint64_t start, uint64_t end)
{
	if (start >= end)
		return;
	if (!r->n || start >= r->v[r->n - 1].start) {
		append(r, start, end);
		return;
	}
	/* First range that touches or follows; a range ending exactly at start touches. */
	size_t i = ranges_find(r, start ? start - 1 : 0), j = i;
	struct range merged = {start, end};
	while (j < r->n && r->v[j].start <= end) {
		if (r->v[j].start < merged.start)
			merged.start = r->v[j].start;
		if (r->v[j].end > merged.end)
			merged.end = r->v[j].end;
		j++;
	}
	splice(r, i, j, &merged, 1);
}

void ranges_remove(struct ranges *r, uint64_t start, uint64_t end)
{
	if (start >= end)
		return;
	size_t i = ranges_find(r, start), j = i;
	struct range keep[2];
	size_t n = 0;
	while (j < r->n && r->v[j].start < end)
		j++;
	if (i == j)
		return;
	if (r->v[i].start < start)
		keep[n++] = (struct range){r->v[i].start, start};
	if (r->v[j - 1].end > end)
		keep[n++] = (struct range){end, r->v[j - 1].end};
	splice(r, i, j, keep, n);
}

void ranges_union(struct ranges *r, const struct ranges *other)
{
	struct ranges out = {0};
	size_t i = 0, j = 0;
	while (i < r->n || j < other->n) {
		const struct range *next;
		if (j == other->n || (i < r->n && r->v[i].start <= other->v[j].start))
			next = &r->v[i++];
		else
			next = &other->v[j++];
		append(&out, next->start, next->end);
	}
	ranges_done(r);
	*r = out;
}

void ranges_subtract(struct ranges *r, const struct ranges *other)
{
	struct ranges out = {0};
	size_t j = 0;
	RANGES_FOREACH (a, r) {
		uint64_t start = a->start;
		while (j < other->n && other->v[j].end <= start)
			j++;
		for (size_t k = j; k < other->n && other->v[k].start < a->end; k++) {
			append(&out, start, other->v[k].start);
			start = other->v[k].end;
		}
		append(&out, start, a->end);
	}
	ranges_done(r);
	*r = out;
}

void ranges_intersect(struct ranges *r, const struct ranges *other)
{
	struct ranges out = {0};
	size_t i = 0, j = 0;
	while (i < r->n && j < other->n) {
		const struct range *a = &r->v[i], *b = &other->v[j];
		uint64_t start = a->start > b->start ? a->start : b->start;
		uint64_t end = a->end < b->end ? a->end : b->end;
		append(&out, start, end);
		if (a->end <= b->end)
			i++;
		else
			j++;
	}
	ranges_done(r);
	*r = out;
}

void ranges_complement(struct ranges *r, uint64_t size)
{
	struct ranges all = {0};
	ranges_add(&all, 0, size);
	ranges_subtract(&all, r);
	ranges_done(r);
	*r = all;
}

void ranges_align(struct ranges *r, uint64_t granularity, uint64_t limit)
{
	assert(granularity && (granularity & (granularity - 1)) == 0);
	uint64_t mask = granularity - 1;
	struct ranges out = {0};
	RANGES_FOREACH (p, r) {
		uint64_t end = p->end > UINT64_MAX - mask ? limit : (p->end + mask) & ~mask;
		append(&out, p->start & ~mask, end < limit ? end : limit);
	}
	ranges_done(r);
	*r = out;
}

void ranges_close_gaps(struct ranges *r, uint64_t gap)
{
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++) {
		if (n && r->v[i].start - r->v[n - 1].end < gap)
			r->v[n - 1].end = r->v[i].end;
		else
			r->v[n++] = r->v[i];
	}
	r->n = n;
}

void ranges_limit(struct ranges *r, size_t max, uint64_t *gap)
{
	if (r->n <= max)
		return;
	while (r->n > max / 2 && r->n > 1) {
		*gap = *gap > UINT64_MAX / 2 ? UINT64_MAX : *gap * 2;
		ranges_close_gaps(r, *gap);
	}
}

bool ranges_contain(const struct ranges *r, uint64_t start, uint64_t end)
{
	if (start >= end)
		return true;
	size_t i = ranges_find(r, start);
	return i < r->n && r->v[i].start <= start && end <= r->v[i].end;
}

bool ranges_intersects(const struct ranges *r, uint64_t start, uint64_t end)
{
	if (start >= end)
		return false;
	size_t i = ranges_find(r, start);
	return i < r->n && r->v[i].start < end;
}

uint64_t ranges_total(const struct ranges *r)
{
	uint64_t total = 0;
	RANGES_FOREACH (p, r)
		total += p->end - p->start;
	return total;
}

bool ranges_equal(const struct ranges *a, const struct ranges *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->v, b->v, a->n * sizeof(*a->v)) == 0);
}
