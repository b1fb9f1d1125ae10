/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transaction log replay. A hive that Windows did not close cleanly has its newest changes in .LOG1
 * and .LOG2 only; hivex neither replays nor refuses it, and writing through it makes the logs stale: the
 * changes are lost without a word. So every hive goes through hive_replay() before anything reads it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "errors.h"

struct hive_log {
	const char *name;    /* for messages: ".LOG1" */
	const uint8_t *data; /* NULL: there is no such file */
	size_t size;
};

struct hive_replay_report {
	bool dirty;	  /* the hive was not closed cleanly */
	unsigned entries; /* log entries applied (old format: 1) */
	uint32_t last_sequence;
	uint64_t bytes;	     /* of pages written */
	bool base_recovered; /* the base block came from a log */
	/* Why replay stopped before the log's end, in words; NULL: everything was applied. */
	char *stopped;
};
void hive_replay_report_done(struct hive_replay_report *r);

/* The base block's checksum as Windows computes it. */
uint32_t hive_checksum(const uint8_t base_block[static 512]);

/*
 * Brings a primary file's bytes (*data, *size: malloc()ed, may be reallocated and grow) to the state
 * that Windows would load. logs: LOG1 and LOG2, old or new format. A clean hive is left alone: its
 * logs, whatever they hold, are ignored, as Windows ignores them.
 *
 * A torn entry at the end of what was logged is where a power cut happened: replay ends before it, as
 * Windows does, and the report says so. ERR_HIVE_DIRTY where the hive is dirty and no log brings it to a
 * consistent state; ERR_HIVE_DAMAGED where it is no hive at all. On failure *data is as it was.
 */
int hive_replay(uint8_t **data, size_t *size, const struct hive_log logs[static 2],
	struct hive_replay_report *ret, struct error **err);
