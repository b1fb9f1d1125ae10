/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Completing a commit that was interrupted. Nothing is written before it is certain that the journal is
 * whole and that the disk is the one it was made for, in the state it was made for: every sector holds what
 * the commit found there, or what it put there.
 */
#include "overlay-internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "mem.h"

/* How many sectors of the disk are as before, as after, or neither; those that do not differ count nowhere. */
struct sectors {
	uint64_t before, after, neither, first_neither; /* the last: offset on the disk */
};

static int not_ours(const char *path, const char *what, struct error **err)
{
	err_set(err, ERR_JOURNAL, "journal \"%s\" %s", path, what);
	return err_hint(err,
		"it is not touched: see docs/design/overlay.md, or name another with --journal");
}

static int check_disk(const struct journal_header *h, const char *path, uint64_t disk_size,
	const char *identity, struct error **err)
{
	char expected[64] = {0};
	snprintf(expected, sizeof(expected), "%s", identity);
	if (le32_get(h->block_size) != OVERLAY_BLOCK ||
		le64_get(h->blocks) > OVERLAY_CHANGES_MAX / OVERLAY_BLOCK)
		return not_ours(path, "was written by another version", err);
	if (le64_get(h->disk_size) != disk_size ||
		memcmp(h->identity, expected, sizeof(expected)) != 0)
		return err_set(err, ERR_JOURNAL,
			"journal \"%s\" belongs to another disk (%.64s, %" PRIu64 " bytes)", path,
			h->identity, le64_get(h->disk_size));
	return 0;
}

/* 1: sealed; 0: begun, and its process ended before the seal. Anything else is damaged, or somebody's file. */
static int read_header(const struct journal *j, struct journal_header *h, struct error **err)
{
	uint8_t digest[32];
	ssize_t n = pread_full(j->fd, h, sizeof(*h), 0);
	if (n < 0)
		return err_errno(err, ERR_JOURNAL, errno, "read journal \"%s\"", j->path);
	if (n == 0)
		return 0;
	journal_sha256(h, offsetof(struct journal_header, header_digest), digest);
	if ((size_t)n < sizeof(*h) || memcmp(h->magic, JOURNAL_MAGIC, sizeof(h->magic)) != 0 ||
		memcmp(digest, h->header_digest, sizeof(digest)) != 0)
		return not_ours(j->path, "is damaged, or is no journal", err);
	return le32_get(h->sealed) == 1;
}

static void count_sector(struct sectors *s, const uint8_t *now, const uint8_t *after,
	const uint8_t *before_digest, uint64_t offset)
{
	uint8_t digest[JOURNAL_SECTOR_DIGEST];
	bool is_after = memcmp(now, after, JOURNAL_SECTOR) == 0;
	journal_sector_digest(now, digest);
	bool is_before = memcmp(digest, before_digest, sizeof(digest)) == 0;
	if (is_before && !is_after)
		s->before++;
	else if (is_after && !is_before)
		s->after++;
	else if (!is_after && s->neither++ == 0)
		s->first_neither = offset;
}

static int count_sectors(const struct journal *j, struct disk *target, struct op *op,
	struct sectors *ret, struct error **err)
{
	uint8_t after[OVERLAY_BLOCK];
	struct journal_row row;
	for (uint64_t i = 0; i < j->blocks; i++) {
		uint8_t now[OVERLAY_BLOCK] = {0};
		if (journal_read_row(j, i, &row, after, err) < 0)
			return -1;
		uint64_t offset = le64_get(row.block) * OVERLAY_BLOCK;
		size_t n = (size_t)min_u64(OVERLAY_BLOCK, j->disk_size - offset);
		if (disk_pread(target, now, n, offset, err) < 0 || op_tick(op, i, err) < 0)
			return -1;
		for (size_t k = 0; k < JOURNAL_SECTORS; k++)
			count_sector(ret, now + k * JOURNAL_SECTOR, after + k * JOURNAL_SECTOR,
				row.before[k], offset + k * JOURNAL_SECTOR);
	}
	return 0;
}

/* 1: this disk, to be completed; 0: another, or changed since (*err is not set). */
static int check_content(const struct journal *j, const struct journal_header *h,
	struct disk *target, struct op *op, struct sectors *ret, struct error **err)
{
	uint8_t digest[32];
	if (journal_digest(j, op, digest, err) < 0)
		return -1;
	if (memcmp(digest, h->digest, sizeof(digest)) != 0)
		return not_ours(j->path, "is damaged: its digest does not match", err);
	return count_sectors(j, target, op, ret, err) < 0 ? -1 : ret->neither == 0;
}

static int open_journal(
	const char *path, struct disk *target, struct journal *ret, struct error **err)
{
	struct stat st;
	*ret = (struct journal){.path = path, .disk_size = target->size};
	ret->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (ret->fd < 0 && errno == ENOENT)
		return 0;
	if (ret->fd < 0)
		return err_errno(err, ERR_JOURNAL, errno, "open journal \"%s\"", path);
	if (fstat(ret->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return not_ours(path, "is no regular file", err);
	if (overlay_lock(ret->fd, path, err) < 0)
		return -1;
	/* Whoever had it has ended well in the meantime. */
	return fstat(ret->fd, &st) == 0 && st.st_nlink == 0 ? 0 : 1;
}

static int complete(struct journal *j, const struct journal_header *h, struct disk *target,
	struct op *op, struct error **err)
{
	struct sectors s = {0};
	j->blocks = le64_get(h->blocks);
	int same = check_content(j, h, target, op, &s, err);
	if (same < 0)
		return -1;
	if (!same) {
		err_set(err, ERR_JOURNAL,
			"journal \"%s\" was made for another disk, or \"%s\" has changed since: "
			"%" PRIu64 " sectors, the first at 0x%" PRIx64
			", hold neither what was there before nor what was to be written",
			j->path, target->name, s.neither, s.first_neither);
		return err_hint(err,
			"nothing was written; take the disk that the interrupted job worked on, or "
			"move the journal away if this one is whole");
	}
	if (target->read_only) {
		err_set(err, ERR_JOURNAL,
			"journal \"%s\" holds an interrupted commit, and \"%s\" is open for reading only",
			j->path, target->name);
		return err_hint(err,
			"complete it first: `cectl local recover`, or the same job again (no dry run)");
	}
	OP_COMMIT_SCOPE(op);
	bool untouched;
	return journal_apply(j, target, op, &untouched, err);
}

int overlay_recover(const char *journal, struct disk *target, const char *identity, struct op *op,
	struct error **err)
{
	struct journal_header h = {0};
	struct journal j;
	int sealed = open_journal(journal, target, &j, err);
	CLEANUP_CLOSE int fd = j.fd;
	if (sealed <= 0)
		return sealed;
	op_begin(op, "recover", 0, 5);
	sealed = read_header(&j, &h, err);
	if (sealed == 1 && (check_disk(&h, journal, target->size, identity, err) < 0 ||
				   complete(&j, &h, target, op, err) < 0))
		return -1;
	if (sealed >= 0 && unlink(journal) < 0)
		return err_errno(err, ERR_JOURNAL, errno, "remove journal \"%s\"", journal);
	return sealed;
}

enum overlay_journal_state overlay_journal_state(
	const char *journal, struct disk *target, const char *identity, struct op *op)
{
	CLEANUP_ERR struct error *ignored = NULL;
	struct journal_header h = {0};
	struct journal j;
	struct sectors s = {0};
	int found = open_journal(journal, target, &j, &ignored);
	CLEANUP_CLOSE int fd = j.fd;
	if (found == 0)
		return OVERLAY_JOURNAL_NONE;
	if (found < 0 || read_header(&j, &h, &ignored) != 1)
		return found < 0 || ignored ? OVERLAY_JOURNAL_OTHER : OVERLAY_JOURNAL_BEGUN;
	if (check_disk(&h, journal, target->size, identity, &ignored) < 0)
		return OVERLAY_JOURNAL_OTHER;
	j.blocks = le64_get(h.blocks);
	if (check_content(&j, &h, target, op, &s, &ignored) != 1)
		return OVERLAY_JOURNAL_OTHER;
	return s.after ? OVERLAY_JOURNAL_TORN : OVERLAY_JOURNAL_UNTOUCHED;
}
