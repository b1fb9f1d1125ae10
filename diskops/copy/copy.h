/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The copy engine: readers, hashes and writers overlap over a bounded pool of buffers. It writes the
 * file that a layout describes to a sink, and in the same pass hashes the virtual disk as a reader of
 * the file sees it (what is not in the map is zero), up to the virtual size: where a format rounds the
 * size up, the zeros behind the source's end belong to it.
 *
 * Resume: every piece known to be on the sink is recorded with a keyed 128-bit digest in the sink's
 * state. A later run with the same source and options continues the same file (same ids): it reads the
 * source again, and writes only what is not recorded. docs/design/resume.md says when a record is
 * trusted.
 */
#pragma once

#include "disk.h"
#include "layout.h"
#include "op.h"
#include "sink.h"

struct copy_options {
	bool md5, sha256;
	bool resume_state; /* keep the record for a resume in the sink's state */
	/* 32 bytes that identify disk and map (allocmap id); resume_state needs it. */
	const uint8_t *source_id;
	unsigned readers; /* threads; 0: the default */
};

struct copy_result {
	bool have_md5, have_sha256;
	uint8_t md5[16], sha256[32];
	uint64_t bytes_read;	/* from the disk */
	uint64_t bytes_written; /* to the sink; zero blocks and holes are not counted */
	uint64_t bytes_resumed; /* found on the sink and not written again */
	uint64_t zero_bytes;	/* data that was all zero and left as a hole */
};

/* What the pool for a copy to a sink of this many lanes looks like; 0: as many as it has by default. */
void copy_pool_shape(unsigned lanes, unsigned *ret_n, size_t *ret_buf_size);

/*
 * Begins the sink, writes everything, seals the file last, commits. On failure or cancel the sink is
 * left uncommitted: the caller closes it, keeping what a resume needs.
 * pool: of the shape above. op: the step "copy" is begun here with the given share of the operation.
 */
int copy_run(struct disk *src, const struct layout *l, struct sink *sink, const struct pool *pool,
	const struct copy_options *o, double share, struct op *op, struct copy_result *ret,
	struct error **err);

/* Hashes of a disk's content through a map (NULL: all of it), without writing anything. */
int copy_hash(struct disk *src, const struct ranges *map, const struct copy_options *o,
	double share, struct op *op, struct copy_result *ret, struct error **err);

/*
 * The ids of an image that a resume continues: reads the sink's state; where it belongs to this source
 * and these options (completed; their ids and time do not matter), *o gets its ids and time, and true
 * is returned in *ret. Anything else there, damaged or foreign, is no error: *ret is false.
 */
int copy_resume_options(struct sink *sink, const uint8_t source_id[32], struct image_options *o,
	bool *ret, struct error **err);
