/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A set of byte ranges: sorted, disjoint, not touching, half-open. Allocation maps are made of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"

struct range {
	uint64_t start, end; /* [start, end), start < end */
};

struct ranges {
	struct range *v;
	size_t n, cap;
};

/* All-zero is the empty set. */
void ranges_done(struct ranges *r);
void ranges_clear(struct ranges *r);
void ranges_copy(struct ranges *dst, const struct ranges *src);

/* Adds or removes [start, end); start >= end does nothing. Appending in order is O(1). */
void ranges_add(struct ranges *r, uint64_t start, uint64_t end);
void ranges_remove(struct ranges *r, uint64_t start, uint64_t end);

/* Each in one pass over both operands. */
void ranges_union(struct ranges *r, const struct ranges *other);
void ranges_subtract(struct ranges *r, const struct ranges *other);
void ranges_intersect(struct ranges *r, const struct ranges *other);
/* The bytes of [0, size) that are not in r. */
void ranges_complement(struct ranges *r, uint64_t size);

/* Widens each range to multiples of granularity (a power of two), cut at limit; joins neighbours. */
void ranges_align(struct ranges *r, uint64_t granularity, uint64_t limit);
/* Joins neighbours that are less than gap bytes apart. */
void ranges_close_gaps(struct ranges *r, uint64_t gap);
/*
 * Bounds the memory of a set that grows with what a disk says: above max ranges, *gap (> 0) doubles and
 * neighbours less than *gap apart are joined, until at most half of max remain.
 */
void ranges_limit(struct ranges *r, size_t max, uint64_t *gap);

/* Index of the first range that ends after offset; r->n where there is none. */
size_t ranges_find(const struct ranges *r, uint64_t offset);
bool ranges_contain(const struct ranges *r, uint64_t start, uint64_t end);    /* all of it */
bool ranges_intersects(const struct ranges *r, uint64_t start, uint64_t end); /* any of it */
uint64_t ranges_total(const struct ranges *r);
bool ranges_equal(const struct ranges *a, const struct ranges *b);

#define RANGES_FOREACH(p, r) for (const struct range *p = (r)->v; p && p < (r)->v + (r)->n; p++)
#define CLEANUP_RANGES	     CLEANUP(ranges_done)
