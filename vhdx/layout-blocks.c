/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which blocks of a dynamic image exist, and in which order they stand in the file. */
#include <assert.h>

#include "layout-internal.h"
#include "mem.h"

/* Appends blocks [first, end), none of them before the last run's end; neighbours are joined. */
static void append(struct block_runs *b, size_t *cap, uint64_t first, uint64_t end)
{
	if (first >= end)
		return;
	assert(end <= UINT32_MAX);
	if (b->n + 2 > *cap) {
		*cap = *cap ? *cap + *cap / 2 : 16;
		b->v = xrealloc_array(b->v, *cap, sizeof(*b->v));
	}
	/* total is the rank after the last run as well as the rank of a new one. */
	if (b->n == 0 || first > b->v[b->n - 1].first + (uint64_t)(b->total - b->v[b->n - 1].rank))
		b->v[b->n++] = (struct block_run){(uint32_t)first, b->total};
	b->total += (uint32_t)(end - first);
}

static void finish(struct block_runs *b)
{
	b->v = xrealloc_array(b->v, b->n + 1, sizeof(*b->v));
	b->v[b->n] = (struct block_run){UINT32_MAX, b->total};
}

void block_runs_init(struct block_runs *b, const struct ranges *map, uint32_t block_size)
{
	*b = (struct block_runs){0};
	size_t cap = 0;
	uint64_t done = 0; /* blocks before it are in b or not in the map */
	RANGES_FOREACH (r, map) {
		uint64_t end = div_round_up(r->end, block_size);
		append(b, &cap, max_u64(r->start / block_size, done), end);
		done = end;
	}
	finish(b);
}

void block_runs_init_all(struct block_runs *b, uint32_t blocks)
{
	*b = (struct block_runs){0};
	size_t cap = 0;
	append(b, &cap, 0, blocks);
	finish(b);
}

void block_runs_done(struct block_runs *b)
{
	free(b->v);
	*b = (struct block_runs){0};
}

size_t block_runs_by_rank(const struct block_runs *b, uint32_t rank)
{
	assert(rank < b->total);
	size_t lo = 0, hi = b->n; /* v[lo].rank <= rank < v[hi].rank */
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		if (b->v[mid].rank <= rank)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

size_t block_runs_by_block(const struct block_runs *b, uint64_t block)
{
	size_t lo = 0, hi = b->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (block_run_end(b, mid) > block)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}
