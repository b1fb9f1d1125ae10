/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commit of an overlay: seal the journal, apply it, and complete what was interrupted. */
#include "overlay-internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "mem.h"

#define PIECE (1u << 20)

/* An open journal that is to be sealed or applied. */
struct journal {
	int fd;
	const char *path;
	uint64_t blocks, disk_size;
};

static void sha256(const void *data, size_t len, uint8_t ret[32])
{
	EVP_Digest(data, len, ret, NULL, EVP_sha256(), NULL);
}

/* Digest of the data blocks and the table, read back from the file as a recovery would read it. */
static int journal_digest(
	const struct journal *j, struct op *op, uint8_t ret[32], struct error **err)
{
	uint64_t end = journal_offset(j->blocks) + j->blocks * sizeof(le64);
	CLEANUP_FREE char *buf = xmalloc(PIECE);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	int rc = 0;
	for (uint64_t at = OVERLAY_BLOCK; rc == 0 && at < end;) {
		size_t n = (size_t)min_u64(PIECE, end - at);
		ssize_t got = pread_full(j->fd, buf, n, at);
		if (got != (ssize_t)n)
			rc = err_set(err, ERR_JOURNAL, "journal \"%s\" ends before 0x%" PRIx64,
				j->path, at + n);
		else
			EVP_DigestUpdate(md, buf, n);
		at += n;
		if (rc == 0)
			rc = op_tick(op, at, err);
	}
	EVP_DigestFinal_ex(md, ret, NULL);
	EVP_MD_CTX_free(md);
	return rc;
}

static int write_table(const struct overlay *o, struct error **err)
{
	le64 piece[512];
	uint64_t at = journal_offset(o->n);
	for (uint64_t i = 0; i < o->n;) {
		size_t k = 0;
		while (k < ARRAY_SIZE(piece) && i < o->n)
			piece[k++] = le64_make(o->table[i++]);
		if (pwrite_full(o->fd, piece, k * sizeof(le64), at) < 0)
			return err_errno(err, ERR_WRITE, errno, "journal \"%s\"", o->path);
		at += k * sizeof(le64);
	}
	return 0;
}

static int write_header(const struct overlay *o, const uint8_t digest[32], struct error **err)
{
	struct journal_header h = {.block_size = le32_make(OVERLAY_BLOCK),
		.sealed = le32_make(1),
		.disk_size = le64_make(o->disk.size),
		.blocks = le64_make(o->n)};
	memcpy(h.magic, JOURNAL_MAGIC, sizeof(h.magic));
	memcpy(h.digest, digest, sizeof(h.digest));
	memcpy(h.identity, o->identity, sizeof(h.identity));
	sha256(&h, offsetof(struct journal_header, header_digest), h.header_digest);
	if (pwrite_full(o->fd, &h, sizeof(h), 0) < 0 || fsync(o->fd) < 0)
		return err_errno(err, ERR_WRITE, errno, "sealing journal \"%s\"", o->path);
	return 0;
}

/* Everything durable first, the header last: a journal is sealed or it is nothing. */
static int seal(struct overlay *o, struct op *op, struct error **err)
{
	struct journal j = {.fd = o->fd, .path = o->path, .blocks = o->n};
	uint8_t digest[32];
	if (write_table(o, err) < 0)
		return -1;
	if (fsync(o->fd) < 0)
		return err_errno(err, ERR_WRITE, errno, "fsync journal \"%s\"", o->path);
	if (journal_digest(&j, op, digest, err) < 0 || write_header(o, digest, err) < 0)
		return -1;
	o->sealed = true;
	return 0;
}

/* Redo: every block to its place. The digest was checked, so the table is ours, yet ranges are not trusted. */
static int apply(const struct journal *j, struct disk *target, struct op *op, struct error **err)
{
	uint8_t block[OVERLAY_BLOCK];
	for (uint64_t i = 0; i < j->blocks; i++) {
		le64 number;
		if (pread_full(j->fd, &number, sizeof(number),
			    journal_offset(j->blocks) + i * sizeof(number)) != sizeof(number) ||
			pread_full(j->fd, block, sizeof(block), journal_offset(i)) != sizeof(block))
			return err_set(err, ERR_JOURNAL,
				"journal \"%s\": block %" PRIu64 " cannot be read", j->path, i);
		uint64_t offset;
		if (!u64_mul(le64_get(number), OVERLAY_BLOCK, &offset) || offset >= target->size)
			return err_set(err, ERR_JOURNAL,
				"journal \"%s\": block %" PRIu64 " lies past the disk", j->path, i);
		size_t n = (size_t)min_u64(OVERLAY_BLOCK, target->size - offset);
		if (disk_pwrite(target, block, n, offset, err) < 0 || op_tick(op, i + 1, err) < 0)
			return -1;
	}
	return disk_flush(target, err);
}

int overlay_commit(struct overlay *o, struct disk *target, struct op *op, struct error **err)
{
	if (target->size != o->disk.size)
		return err_set(err, ERR_JOURNAL,
			"\"%s\" has %" PRIu64 " bytes (%" PRIu64 " expected)", target->name,
			target->size, o->disk.size);
	op_begin(op, "commit", 0, 5);
	if (seal(o, op, err) < 0)
		return err_prefix(err, "the disk is untouched");
	OP_COMMIT_SCOPE(op);
	op_wrote(op);
	struct journal j = {
		.fd = o->fd, .path = o->path, .blocks = o->n, .disk_size = o->disk.size};
	if (apply(&j, target, op, err) < 0) {
		err_prefix(err, "the disk is partly written");
		return err_hint(err,
			"run the same job again, or `cectl local recover`: \"%s\" completes it",
			o->path);
	}
	/* At once: a journal that outlived its commit would undo what the guest does next. */
	if (unlink(o->path) < 0)
		return err_errno(err, ERR_JOURNAL, errno,
			"the disk is complete, but its journal \"%s\" cannot be removed", o->path);
	o->n = 0;
	memset(o->slots, 0, o->n_slots * sizeof(*o->slots));
	return 0;
}

/* 1: sealed and whole; 0: never sealed. */
static int check_header(const struct journal_header *h, const char *path, uint64_t disk_size,
	const char *identity, struct error **err)
{
	uint8_t digest[32];
	char expected[64] = {0};
	snprintf(expected, sizeof(expected), "%s", identity);
	sha256(h, offsetof(struct journal_header, header_digest), digest);
	if (memcmp(h->magic, JOURNAL_MAGIC, sizeof(h->magic)) != 0 || le32_get(h->sealed) != 1 ||
		memcmp(digest, h->header_digest, sizeof(digest)) != 0)
		return 0;
	if (le32_get(h->block_size) != OVERLAY_BLOCK ||
		le64_get(h->blocks) > OVERLAY_CHANGES_MAX / OVERLAY_BLOCK)
		return err_set(
			err, ERR_JOURNAL, "journal \"%s\" was written by another version", path);
	if (le64_get(h->disk_size) != disk_size ||
		memcmp(h->identity, expected, sizeof(expected)) != 0)
		return err_set(err, ERR_JOURNAL,
			"journal \"%s\" belongs to another disk (%.64s, %" PRIu64 " bytes)", path,
			h->identity, le64_get(h->disk_size));
	return 1;
}

static int recover_sealed(struct journal *j, const struct journal_header *h, struct disk *target,
	struct op *op, struct error **err)
{
	uint8_t digest[32];
	j->blocks = le64_get(h->blocks);
	if (journal_digest(j, op, digest, err) < 0)
		return -1;
	if (memcmp(digest, h->digest, sizeof(digest)) != 0)
		return err_set(err, ERR_JOURNAL,
			"journal \"%s\" is damaged: its digest does not match", j->path);
	OP_COMMIT_SCOPE(op);
	op_wrote(op);
	return apply(j, target, op, err);
}

int overlay_recover(const char *journal, struct disk *target, const char *identity, struct op *op,
	struct error **err)
{
	CLEANUP_CLOSE int fd = open(journal, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_errno(err, ERR_JOURNAL, errno, "open journal \"%s\"", journal);
	struct journal_header h = {0};
	struct journal j = {.fd = fd, .path = journal, .disk_size = target->size};
	struct stat st;
	if (overlay_lock(fd, journal, err) < 0)
		return -1;
	/* Whoever had it has ended well in the meantime. */
	if (fstat(fd, &st) == 0 && st.st_nlink == 0)
		return 0;
	op_begin(op, "recover", 0, 5);
	if (pread_full(fd, &h, sizeof(h), 0) < 0)
		return err_errno(err, ERR_JOURNAL, errno, "read journal \"%s\"", journal);
	int sealed = check_header(&h, journal, target->size, identity, err);
	if (sealed == 1 && target->read_only) {
		err_set(err, ERR_JOURNAL,
			"journal \"%s\" holds an interrupted commit, and \"%s\" is open for reading only",
			journal, target->name);
		return err_hint(err,
			"complete it first: `cectl local recover`, or the same job again (no dry run)");
	}
	if (sealed < 0 || (sealed && recover_sealed(&j, &h, target, op, err) < 0))
		return -1;
	if (unlink(journal) < 0)
		return err_errno(err, ERR_JOURNAL, errno, "remove journal \"%s\"", journal);
	return sealed;
}
