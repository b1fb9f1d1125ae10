/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "marvin32.h"

#include "le.h"

/* 82EF4D887A4E55C5 read as one number. */
#define SEED_LOW  0x7a4e55c5u
#define SEED_HIGH 0x82ef4d88u

struct state {
	uint32_t lo, hi;
};

static uint32_t rotl(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static void mix(struct state *s, uint32_t word)
{
	s->lo += word;
	s->hi ^= s->lo;
	s->lo = rotl(s->lo, 20) + s->hi;
	s->hi = rotl(s->hi, 9) ^ s->lo;
	s->lo = rotl(s->lo, 27) + s->hi;
	s->hi = rotl(s->hi, 19);
}

uint64_t marvin32_hive(const void *data, size_t len)
{
	const uint8_t *p = data;
	struct state s = {SEED_LOW, SEED_HIGH};
	for (; len >= 4; p += 4, len -= 4)
		mix(&s, le32_at(p));
	uint32_t tail = 0x80;
	while (len > 0)
		tail = tail << 8 | p[--len];
	mix(&s, tail);
	mix(&s, 0);
	return (uint64_t)s.hi << 32 | s.lo;
}
