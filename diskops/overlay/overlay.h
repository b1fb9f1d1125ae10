/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copy-on-write: a disk whose writes go to a journal file and nowhere else. Whoever edits a guest edits
 * an overlay; when everything was applied and verified the overlay is committed to the disk itself, or
 * it is thrown away (a dry run).
 *
 * A commit is a redo log: the journal is completed and sealed with a digest, fsynced, then applied to
 * the disk, the disk is flushed, and the journal removed. Killed before the seal the disk is untouched;
 * killed after it, overlay_recover() with the same journal completes the work. Applying twice does what
 * applying once does.
 */
#pragma once

#include "disk.h"
#include "op.h"

#define OVERLAY_BLOCK	    4096u
#define OVERLAY_CHANGES_MAX (UINT64_C(16) << 30) /* bytes: a preparation changes some megabytes */

struct overlay; /* embeds struct disk first: overlay_disk() */

/*
 * base stays the caller's and is only read. journal: path of the file that takes the writes, made here
 * (mode 0600), ERR_TARGET_EXISTS where it exists: an interrupted commit may be in it; NULL: memory, for
 * what is only planned: such an overlay cannot be committed. identity: which
 * disk this is, compared by overlay_recover(); at most 64 bytes of text.
 */
int overlay_new(struct overlay **ret, struct disk *base, const char *journal, const char *identity,
	struct error **err);
struct disk *overlay_disk(struct overlay *o);
/* The parts of the disk that were written, in whole blocks. */
void overlay_changed(const struct overlay *o, struct ranges *ret);

/*
 * Puts what was written onto the disk (open for writing, of the base's size). Cancellation is looked at
 * before the seal, not after. On failure the message says whether the disk was touched (a first write that
 * leaves nothing behind does not count); if so, the journal stays for overlay_recover(). On success the journal is removed, and the overlay reads the
 * base and takes no more writes.
 */
int overlay_commit(struct overlay *o, struct disk *target, struct op *op, struct error **err);
/* Throws the writes and the journal away, unless a failed commit left it sealed. NULL is fine. */
void overlay_free(struct overlay *o);
DEFINE_CLEANUP(struct overlay *, overlay_free);

/*
 * Completes a commit that was interrupted. Returns 1 when it did, 0 when there was nothing to do: no
 * journal, or one that was never sealed (removed: the disk is untouched). ERR_JOURNAL where the journal
 * is sealed but belongs to another disk, is damaged, or target is open for reading only: then nothing is
 * written. ERR_DISK_BUSY where another process uses the journal.
 */
int overlay_recover(const char *journal, struct disk *target, const char *identity, struct op *op,
	struct error **err);

/* What a journal is to a disk; nothing is changed, errors read as OTHER. */
enum overlay_journal_state {
	OVERLAY_JOURNAL_NONE,  /* there is no such file */
	OVERLAY_JOURNAL_BEGUN, /* never sealed, and nobody works with it */
	OVERLAY_JOURNAL_UNTOUCHED, /* sealed; nothing of it is on the disk: this one's, or its clone's */
	OVERLAY_JOURNAL_TORN,	   /* sealed; some or all of it is on the disk, and the rest fits */
	OVERLAY_JOURNAL_OTHER	   /* in use, damaged, or another disk's */
};
enum overlay_journal_state overlay_journal_state(
	const char *journal, struct disk *target, const char *identity, struct op *op);
