/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk that fails on purpose: wraps another one and fails the reads it is told to. */
#pragma once

#include <stdatomic.h>

#include "disk.h"

struct disk_fault {
	struct disk disk;
	struct disk *under;
	/* Reads that touch [bad_start, bad_end) fail; empty: none. */
	_Atomic uint64_t bad_start, bad_end;
	/* That many reads succeed, every later one fails; UINT64_MAX: never. */
	_Atomic uint64_t reads_left;
	/* What happened so far. */
	_Atomic uint64_t reads, bytes, failures;
};

/* under: taken over. Never fails. disk_close() on the result closes both. */
struct disk_fault *disk_fault_new(struct disk *under);
