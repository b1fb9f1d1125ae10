/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside the copy engine. The file is cut into slots of one buffer each, at multiples of the slot size.
 * A unit is a slot that holds more than zeros, on its way through the engine:
 *
 *   free -> planned and read (a reader) -> full -> written (a lane), hashed (each hash thread) -> free
 *
 * Units are numbered in the order of the file, which is the order of the disk. Unit s lives in
 * units[s % n]: whoever needs the units in order finds the next one without a queue.
 *
 * One lock guards all that is not marked otherwise; `changed` is signalled after every change. No thread
 * holds it while it reads, writes, hashes or reports.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "copy-record.h"
#include "copy.h"

/* Behind a unit's slot in its buffer: room to realign a read, and for what is read back. */
#define COPY_TAIL (512 * KiB)
/* Pieces nearer than this are read, and written, in one go: cheaper than one more request. */
#define COPY_JOIN	(256 * KiB)
#define COPY_MAX_HASHES 2

/* A DATA or META segment's part in a unit. */
struct piece {
	uint64_t disk_offset; /* DATA */
	uint32_t at, length;  /* in the slot, bytes */
	bool meta;
};

enum unit_state { UNIT_FREE, UNIT_READING, UNIT_FULL };

/* state, pending, seq: guarded. The rest is its reader's while READING, read-only while FULL. */
struct unit {
	enum unit_state state;
	unsigned pending; /* consumers that are not done with it */
	uint64_t seq;
	uint64_t slot;
	uint8_t *buf; /* of slot size, then COPY_TAIL: the lane's */
	struct piece *pieces;
	size_t n, cap;
	uint8_t digest[RECORD_DIGEST];
	bool recorded; /* the sink has these very bytes, its record says */
};

/* Pieces with gaps below COPY_JOIN between them; in the buffer, the gaps are zero. */
struct extent {
	size_t first, end;    /* pieces */
	uint32_t start, stop; /* in the slot, bytes */
};

struct copy {
	struct disk *src;
	const struct layout *layout;
	struct sink *sink; /* NULL: only hashing */
	const struct pool *pool;
	const struct copy_options *options;
	struct segment seal;
	uint32_t slot_size;
	bool fresh; /* what this run does not write reads as zero */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct unit *units;
	unsigned n_units, consumers;
	uint64_t next_slot;
	uint64_t planned, next_write; /* numbers of units */
	bool all_planned;
	uint64_t last_disk_end; /* of what was planned */
	unsigned running;	/* threads */
	struct error *err;	/* the first one */
	bool restart;		/* the record is wrong: all again, without it */
	struct record *record;	/* NULL: none is kept. record_digest() needs no lock */
	unsigned check_breaks;	/* while checking: of the sink, before it began */
	int64_t save_due_us;	/* the coordinator's */
	uint64_t reported;	/* likewise: progress does not go back */

	/* Outside of the lock. */
	atomic_bool stopped;
	_Atomic uint64_t hashed[COPY_MAX_HASHES]; /* bytes of the disk */
	_Atomic uint64_t retired;		  /* DATA bytes */
	_Atomic uint64_t bytes_read, bytes_written, bytes_resumed, zero_bytes;
};

/* ---- copy-unit.c ---- */

/* From *slot on, the first slot that holds more than zeros; false: there is none. */
bool copy_next_slot(const struct copy *c, uint64_t *slot);
/* Fills slot and pieces; the unit is the caller's. */
void copy_plan_unit(const struct copy *c, struct unit *u, uint64_t slot);
/* Begin with all zero; false: no more. */
bool unit_next_extent(const struct unit *u, struct extent *x);
/* Of the DATA pieces' parts in [start, stop). */
uint64_t unit_data_bytes(const struct unit *u, uint32_t start, uint32_t stop);
static inline uint64_t unit_offset(const struct copy *c, const struct unit *u)
{
	return u->slot * c->slot_size;
}

/* The three that wait return NULL at the end of the file, and on a stop. */
struct unit *copy_take_free(struct copy *c);		   /* planned */
struct unit *copy_take_write(struct copy *c);		   /* the next one that no lane has */
struct unit *copy_wait_full(struct copy *c, uint64_t seq); /* for a hash */
void copy_unit_full(struct copy *c, struct unit *u);
void copy_unit_release(struct copy *c, struct unit *u);
/* Takes the error over; the first one stays. Everything unwinds. */
void copy_fail(struct copy *c, struct error **err);
void copy_fail_restart(struct copy *c);

/* ---- what the threads do: until the end or a stop ---- */

int unit_read(struct copy *c, struct unit *u, struct error **err); /* copy-read.c */
void copy_read_all(struct copy *c);
void copy_write_all(struct copy *c, unsigned lane); /* copy-write.c */
/* Reads back what was written before the sink's last break; writes again what is not as it was. */
void copy_check_all(struct copy *c, unsigned lane);
/* copy-hash.c: h: its place in c->hashed. */
void copy_hash_all(struct copy *c, unsigned h, const char *algorithm, uint8_t *ret);

/* ---- copy-pass.c: called by the thread that owns the op ---- */

/* One pass over the disk. c->restart: it has to be done again. */
int copy_pass(struct copy *c, struct op *op, struct copy_result *r, struct error **err);
/* One over what is in doubt, see copy_check_all(). c->restart: all has to be done again. */
int copy_check_pass(struct copy *c, struct op *op, struct error **err);
/* What progress counts: bytes to hash, or else to copy. */
uint64_t copy_total(const struct copy *c);

/* ---- copy-resume.c ---- */

/* Digest and `recorded` of a unit that has been read. */
int unit_digest(struct copy *c, struct unit *u, struct error **err);
/* Reads the state; c->record is set where there is something to continue. */
int copy_load_record(struct copy *c, struct error **err);
/*
 * Reads back what a server that crashed would have lost: the newest and the suspect. Where a slot is not
 * as recorded, the record is cleared, on the sink too.
 */
int copy_verify_record(struct copy *c, struct op *op, struct error **err);
int copy_forget_record(struct copy *c, struct error **err);
/* Compares a planned unit on the sink with the record; its buffer holds what was read. */
int unit_read_back(
	struct copy *c, struct unit *u, unsigned lane, bool *ret_same, struct error **err);
/* Acknowledged by the sink; found there again. breaks: of the sink, before. */
void copy_unit_written(struct copy *c, const struct unit *u, unsigned breaks);
void copy_unit_seen(struct copy *c, const struct unit *u, unsigned breaks);
/* Where it is time to, or at once: flushes what has been acknowledged, then writes the state. */
void copy_save_record(struct copy *c, bool now, struct op *op);
