/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bit-runs.h"

#include "checked.h"
#include "le.h"

/* So many runs are looked at one by one; of more, only words of 64 bits. */
#define FINE_RUNS 16000000u

void bit_runs_init(struct bit_runs *r, struct ranges *out, uint64_t base, uint64_t unit)
{
	*r = (struct bit_runs){.out = out, .base = base, .unit = unit, .gap = unit};
}

static void add_run(struct bit_runs *r, uint64_t start_bit, uint64_t end_bit)
{
	uint64_t start = r->base + start_bit * r->unit, end = r->base + end_bit * r->unit;
	struct range *last = r->out->n ? &r->out->v[r->out->n - 1] : NULL;
	if (++r->runs == FINE_RUNS)
		r->gap = max_u64(r->gap, 64 * r->unit);
	if (last && start - last->end < r->gap) {
		last->end = end;
		return;
	}
	ranges_add(r->out, start, end);
	ranges_limit(r->out, BIT_RUNS_MAX, &r->gap);
}

/* From bit on, the bits are set, or not. */
static void turn(struct bit_runs *r, uint64_t bit, bool set)
{
	if (r->in_run && !set)
		add_run(r, r->run_start, bit);
	if (!r->in_run && set)
		r->run_start = bit;
	r->in_run = set;
}

/* n bits of a word. */
static void feed_word(struct bit_runs *r, uint64_t word, unsigned n)
{
	unsigned at = 0;
	while (at < n) {
		uint64_t rest = word >> at;
		bool set = rest & 1;
		uint64_t other = set ? ~rest : rest;
		unsigned len = other ? (unsigned)__builtin_ctzll(other) : 64;
		turn(r, r->bit + at, set);
		at += len < n - at ? len : n - at;
	}
}

/* Where gaps of a whole word are joined anyway, one look at its ends is enough. */
static void feed_word_coarsely(struct bit_runs *r, uint64_t word)
{
	unsigned first = (unsigned)__builtin_ctzll(word),
		 last = 63 - (unsigned)__builtin_clzll(word);
	if (first)
		turn(r, r->bit, false);
	turn(r, r->bit + first, true);
	if (last < 63)
		turn(r, r->bit + last + 1, false);
}

void bit_runs_feed(struct bit_runs *r, const uint8_t *bytes, uint64_t n)
{
	for (; n >= 64; n -= 64, bytes += 8, r->bit += 64) {
		uint64_t word = le64_at(bytes);
		r->set += (unsigned)__builtin_popcountll(word);
		if (word == 0 || word == UINT64_MAX)
			turn(r, r->bit, word);
		else if (r->gap / 64 >= r->unit)
			feed_word_coarsely(r, word);
		else
			feed_word(r, word, 64);
	}
	if (n) {
		uint64_t word = 0;
		for (unsigned i = 0; i < (n + 7) / 8; i++)
			word |= (uint64_t)bytes[i] << 8 * i;
		r->set += (unsigned)__builtin_popcountll(word & (UINT64_MAX >> (64 - n)));
		feed_word(r, word, (unsigned)n);
		r->bit += n;
	}
}

void bit_runs_end(struct bit_runs *r)
{
	turn(r, r->bit, false);
}
