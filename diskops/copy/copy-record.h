/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The record of which slots of an image are known to be on the sink, and its text form, the state
 * file. A slot's digest is a GMAC (AES-128) under a key that is drawn for each export, so that no
 * content of a disk can be made to collide beforehand, at several GB/s and 128 bits.
 *
 *   {"version":1, "sourceId":"hex", "format":…, "type":…, "blockSize":…, "logicalSector":…,
 *    "physicalSector":…, "fileId":…, "dataId":…, "diskId":…, "timestamp":…, "diskSize":…,
 *    "length":…, "slotSize":…, "key":"base64",
 *    "slots":[first, count, first, count, …], "digests":"base64, 16 bytes a slot",
 *    "newest":[slot, …], "suspect":[first, count, …]}
 *
 * Suspect is a slot that was last seen on the sink before a connection broke: a server that crashed
 * then may have lost it. breaks below is how often one has (struct sink).
 *
 * Bounded: slots past RECORD_SLOTS_MAX (2 TiB of file at 8 MiB a slot) are not recorded, and a resume
 * writes them again. Nothing here is thread-safe but record_digest().
 */
#pragma once

#include "image.h"

#define RECORD_DIGEST	 16
#define RECORD_SLOTS_MAX (1u << 18)
/* So many slots, the last ones added, are named in the state: a resume reads them back (256 MiB). */
#define RECORD_NEWEST 32

/* What a state belongs to: where anything of it differs, the state is another export's. */
struct record_binding {
	uint8_t source_id[32];
	struct image_options options; /* completed */
	uint64_t disk_size, length;   /* of the source, of the file */
	uint32_t slot_size;
};

struct record;

/* With a fresh key, nothing recorded. */
int record_new(struct record **ret, const struct record_binding *b, struct error **err);
/* NULL: damaged, or of another binding. */
struct record *record_parse(const char *text, const struct record_binding *b);
/* As record_parse(), but the binding's ids and time, sizes and slots do not matter: they come from it. */
bool record_parse_ids(const char *text, const uint8_t source_id[32], struct image_options *options);
char *record_format(const struct record *r, unsigned breaks);
void record_free(struct record *r);
DEFINE_CLEANUP(struct record *, record_free);

struct record_part {
	const void *buf;
	size_t len;
};
/* Over the parts of a slot, in order. */
int record_digest(const struct record *r, uint64_t slot, const struct record_part *parts, size_t n,
	uint8_t ret[static RECORD_DIGEST], struct error **err);

/* NULL: not recorded. */
const uint8_t *record_get(const struct record *r, uint64_t slot);
/* breaks: before it was written. */
void record_add(struct record *r, uint64_t slot, const uint8_t digest[static RECORD_DIGEST],
	unsigned breaks);
/* Read back and found as recorded; breaks: before it was read. */
void record_seen(struct record *r, uint64_t slot, unsigned breaks);
bool record_is_suspect(const struct record *r, uint64_t slot, unsigned breaks);
/* Forgets every slot; the key stays. */
void record_clear(struct record *r);
size_t record_count(const struct record *r);
/* From slot on, the first that is recorded; false: there is none. */
bool record_next(const struct record *r, uint64_t *slot);
/* The last slots added, oldest first; at most RECORD_NEWEST. */
size_t record_newest(const struct record *r, uint64_t ret[static RECORD_NEWEST]);
