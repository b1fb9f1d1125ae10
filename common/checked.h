/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arithmetic on numbers that come from outside. The checked forms return false on overflow. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define KiB (UINT64_C(1) << 10)
#define MiB (UINT64_C(1) << 20)
#define GiB (UINT64_C(1) << 30)
#define TiB (UINT64_C(1) << 40)

static inline bool u64_add(uint64_t a, uint64_t b, uint64_t *ret)
{
	return !__builtin_add_overflow(a, b, ret);
}

static inline bool u64_mul(uint64_t a, uint64_t b, uint64_t *ret)
{
	return !__builtin_mul_overflow(a, b, ret);
}

/* Whether [offset, offset + length) lies within [0, limit). */
static inline bool u64_range_ok(uint64_t offset, uint64_t length, uint64_t limit)
{
	return offset <= limit && length <= limit - offset;
}

static inline bool is_power_of_2(uint64_t x)
{
	return x && (x & (x - 1)) == 0;
}

/* to: any number > 0; the caller knows that x + to does not overflow. */
static inline uint64_t round_up(uint64_t x, uint64_t to)
{
	return (x + to - 1) / to * to;
}

static inline uint64_t round_down(uint64_t x, uint64_t to)
{
	return x / to * to;
}

static inline uint64_t div_round_up(uint64_t x, uint64_t by)
{
	return x / by + (x % by != 0);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}
