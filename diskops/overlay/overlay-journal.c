/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commit of an overlay: seal the journal, apply it. */
#include "overlay-internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <string.h>

#include "mem.h"

#define PIECE (1u << 20)

void journal_sha256(const void *data, size_t len, uint8_t ret[static 32])
{
	EVP_Digest(data, len, ret, NULL, EVP_sha256(), NULL);
}

void journal_sector_digest(const void *sector, uint8_t ret[static JOURNAL_SECTOR_DIGEST])
{
	uint8_t digest[32];
	journal_sha256(sector, JOURNAL_SECTOR, digest);
	memcpy(ret, digest, JOURNAL_SECTOR_DIGEST);
}

int journal_digest(const struct journal *j, struct op *op, uint8_t ret[32], struct error **err)
{
	uint64_t end = journal_offset(j->blocks) + j->blocks * sizeof(struct journal_row);
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

/* What the disk holds now, sector by sector; it is not written before the seal. */
static int fill_row(
	const struct overlay *o, uint64_t i, struct journal_row *row, struct error **err)
{
	uint8_t block[OVERLAY_BLOCK] = {0};
	uint64_t offset = o->table[i] * OVERLAY_BLOCK;
	size_t n = (size_t)min_u64(OVERLAY_BLOCK, o->disk.size - offset);
	if (disk_pread(o->base, block, n, offset, err) < 0)
		return -1;
	row->block = le64_make(o->table[i]);
	for (size_t k = 0; k < JOURNAL_SECTORS; k++)
		journal_sector_digest(block + k * JOURNAL_SECTOR, row->before[k]);
	return 0;
}

static int write_table(const struct overlay *o, struct error **err)
{
	struct journal_row piece[64];
	uint64_t at = journal_offset(o->n);
	for (uint64_t i = 0; i < o->n;) {
		size_t k = 0;
		while (k < ARRAY_SIZE(piece) && i < o->n)
			if (fill_row(o, i++, &piece[k++], err) < 0)
				return -1;
		if (pwrite_full(o->fd, piece, k * sizeof(*piece), at) < 0)
			return err_errno(err, ERR_WRITE, errno, "journal \"%s\"", o->path);
		at += k * sizeof(*piece);
	}
	return 0;
}

static int put_header(
	const struct overlay *o, bool sealed, const uint8_t digest[32], struct error **err)
{
	struct journal_header h = {.block_size = le32_make(OVERLAY_BLOCK),
		.sealed = le32_make(sealed),
		.disk_size = le64_make(o->disk.size),
		.blocks = le64_make(o->n)};
	memcpy(h.magic, JOURNAL_MAGIC, sizeof(h.magic));
	memcpy(h.digest, digest, sizeof(h.digest));
	memcpy(h.identity, o->identity, sizeof(h.identity));
	journal_sha256(&h, offsetof(struct journal_header, header_digest), h.header_digest);
	if (pwrite_full(o->fd, &h, sizeof(h), 0) < 0 || fsync(o->fd) < 0)
		return err_errno(err, ERR_WRITE, errno, "header of journal \"%s\"", o->path);
	return 0;
}

int journal_begin(const struct overlay *o, struct error **err)
{
	return put_header(o, false, (const uint8_t[32]){0}, err);
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
	if (journal_digest(&j, op, digest, err) < 0 || put_header(o, true, digest, err) < 0)
		return -1;
	o->sealed = true;
	return 0;
}

int journal_read_row(const struct journal *j, uint64_t i, struct journal_row *ret_row,
	uint8_t ret_block[static OVERLAY_BLOCK], struct error **err)
{
	uint64_t at = journal_offset(j->blocks) + i * sizeof(*ret_row), offset;
	if (pread_full(j->fd, ret_row, sizeof(*ret_row), at) != sizeof(*ret_row) ||
		pread_full(j->fd, ret_block, OVERLAY_BLOCK, journal_offset(i)) != OVERLAY_BLOCK)
		return err_set(err, ERR_JOURNAL, "journal \"%s\": block %" PRIu64 " cannot be read",
			j->path, i);
	if (!u64_mul(le64_get(ret_row->block), OVERLAY_BLOCK, &offset) || offset >= j->disk_size)
		return err_set(err, ERR_JOURNAL,
			"journal \"%s\": block %" PRIu64 " lies past the disk", j->path, i);
	return 0;
}

/* After the first write failed: whether not one byte of it is there, and none can come later. */
static bool is_as_before(
	struct disk *target, uint64_t offset, size_t n, const struct journal_row *row)
{
	CLEANUP_ERR struct error *ignored = NULL;
	uint8_t now[OVERLAY_BLOCK] = {0}, digest[JOURNAL_SECTOR_DIGEST];
	if (disk_flush(target, &ignored) < 0 || disk_pread(target, now, n, offset, &ignored) < 0)
		return false;
	for (size_t k = 0; k < JOURNAL_SECTORS; k++) {
		journal_sector_digest(now + k * JOURNAL_SECTOR, digest);
		if (memcmp(digest, row->before[k], sizeof(digest)) != 0)
			return false;
	}
	return true;
}

/* The digest was checked, so the table is ours, yet ranges are not trusted. */
int journal_apply(const struct journal *j, struct disk *target, struct op *op, bool *ret_untouched,
	struct error **err)
{
	uint8_t block[OVERLAY_BLOCK];
	struct journal_row row;
	*ret_untouched = j->blocks > 0;
	for (uint64_t i = 0; i < j->blocks; i++) {
		if (journal_read_row(j, i, &row, block, err) < 0)
			return -1;
		uint64_t offset = le64_get(row.block) * OVERLAY_BLOCK;
		size_t n = (size_t)min_u64(OVERLAY_BLOCK, j->disk_size - offset);
		if (disk_pwrite(target, block, n, offset, err) < 0) {
			*ret_untouched = i == 0 && is_as_before(target, offset, n, &row);
			if (!*ret_untouched)
				op_wrote(op);
			return -1;
		}
		*ret_untouched = false;
		op_wrote(op);
		if (op_tick(op, i + 1, err) < 0)
			return -1;
	}
	return disk_flush(target, err);
}

/* Nothing of it was written: it must not be, the next time that this disk is looked at. */
static int drop_sealed(struct overlay *o, struct error **err)
{
	if (unlink(o->path) < 0) {
		err_prefix(err, "the disk is untouched, but its journal cannot be removed");
		return err_hint(err,
			"run the same job again, or `cectl local recover`: \"%s\" completes it",
			o->path);
	}
	o->sealed = false;
	*o->path = 0;
	return err_prefix(err, "the disk is untouched");
}

int overlay_commit(struct overlay *o, struct disk *target, struct op *op, struct error **err)
{
	if (target->size != o->disk.size)
		return err_set(err, ERR_JOURNAL,
			"\"%s\" has %" PRIu64 " bytes (%" PRIu64 " expected)", target->name,
			target->size, o->disk.size);
	if (!*o->path)
		return err_set(
			err, ERR_INTERNAL, "\"%s\": its overlay is in memory only", target->name);
	CLEANUP_RANGES struct ranges changed = {0};
	overlay_changed(o, &changed);
	op_begin(op, "commit", 0, 5);
	if (disk_reserve(target, &changed, err) < 0 || seal(o, op, err) < 0)
		return err_prefix(err, "the disk is untouched");
	OP_COMMIT_SCOPE(op);
	bool untouched;
	struct journal j = {
		.fd = o->fd, .path = o->path, .blocks = o->n, .disk_size = o->disk.size};
	if (journal_apply(&j, target, op, &untouched, err) < 0) {
		if (untouched)
			return drop_sealed(o, err);
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
