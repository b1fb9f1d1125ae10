/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bitmap read piece by piece, turned into ranges: bit n set adds [base + n * unit, … + unit).
 * Memory and time are bounded whatever the bits say: above BIT_RUNS_MAX ranges, neighbours that lie
 * close are joined, in steps of doubling distance; and after 16 million runs those less than 64 bits
 * apart. The set only ever grows by that.
 */
#pragma once

#include <stdint.h>

#include "ranges.h"

#define BIT_RUNS_MAX 1000000u

struct bit_runs {
	struct ranges *out;  /* all in order: nothing else adds to it meanwhile */
	uint64_t base, unit; /* bytes; base + number of bits * unit fits in 64 bits */
	uint64_t set;	     /* bits found set so far */
	/* private */
	uint64_t bit, run_start, gap, runs;
	bool in_run;
};

void bit_runs_init(struct bit_runs *r, struct ranges *out, uint64_t base, uint64_t unit);
/* The next n bits, lowest bit of each byte first; only the last call's n may be no multiple of 64. */
void bit_runs_feed(struct bit_runs *r, const uint8_t *bytes, uint64_t n);
void bit_runs_end(struct bit_runs *r);
