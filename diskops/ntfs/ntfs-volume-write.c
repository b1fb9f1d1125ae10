/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A volume open for changes: when it may be, and how much room it has. */
#include "ntfs-private.h"

#include <inttypes.h>
#include <string.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>

#include "mem.h"

#define BITMAP_PIECE	(256 * KiB)
#define HIBERNATED_FILE "\\hiberfil.sys"
#define TEST_FILE	"\\{4d1c2b7e-0f6a-4c0b-9c55-6b1de1f0a3c8}.tmp"

/* ---- changes ---- */

int ntfs_change_begin(struct ntfs_volume *v, struct error **err)
{
	if (v->broken) {
		*err = err_copy(v->broken);
		return err_prefix(err, "after an earlier failure");
	}
	if (!v->source.writable)
		return err_set(err, ERR_INVALID_ARGUMENT, "the volume is open for reading only");
	ntfs_begin(v);
	v->vol->full_zones = 0; /* libntfs-3g's guess, too often wrong */
	return 0;
}

int ntfs_change_failed(struct ntfs_volume *v, struct error **err)
{
	CLEANUP_ERR struct error *ignored = NULL;
	uint64_t left;
	/* a hint: it was not this volume that is full */
	if ((*err)->code == ERR_NO_SPACE && !(*err)->hint &&
		ntfs_volume_free_bytes(v, UINT64_MAX, &left, &ignored) == 0)
		err_detail(err, "%" PRIu64 " bytes are left on the volume", left);
	if (!v->broken)
		v->broken = err_copy(*err);
	return -1;
}

/* ---- room ---- */

static unsigned count_zeros(const uint8_t *bits, uint64_t n)
{
	unsigned zeros = 0;
	for (uint64_t i = 0; i < n / 8; i++)
		zeros += 8 - (unsigned)__builtin_popcount(bits[i]);
	for (uint64_t i = n / 8 * 8; i < n; i++)
		zeros += !(bits[i / 8] >> i % 8 & 1);
	return zeros;
}

/* Free clusters of one piece of $Bitmap. */
static int count_piece(
	struct ntfs_volume *v, uint64_t piece, uint8_t *buf, uint64_t *ret, struct error **err)
{
	uint64_t first = piece * BITMAP_PIECE * 8;
	uint64_t bits = min_u64(BITMAP_PIECE * 8, v->facts.clusters - first);
	s64 len = (s64)div_round_up(bits, 8);
	errno = 0;
	s64 n = ntfs_attr_pread(v->vol->lcnbmp_na, (s64)(piece * BITMAP_PIECE), len, buf);
	if (n != len || v->source.error)
		return ntfs_failure(v, err, "reading $Bitmap");
	*ret = count_zeros(buf, bits);
	return 0;
}

/* Begins where it found enough the last time, so that it need not look at what is full again. */
static int free_bytes(struct ntfs_volume *v, uint64_t enough, uint64_t *ret, struct error **err)
{
	CLEANUP_FREE uint8_t *buf = xmalloc(BITMAP_PIECE);
	uint64_t pieces = div_round_up(v->facts.clusters, BITMAP_PIECE * 8), total = 0, n = 0;
	for (uint64_t i = 0; i < pieces && total < enough; i++) {
		uint64_t piece = (v->free_from + i) % pieces;
		if (count_piece(v, piece, buf, &n, err) < 0)
			return -1;
		total += n * v->facts.cluster_size;
		if (total >= enough)
			v->free_from = piece;
	}
	*ret = total;
	return 0;
}

int ntfs_volume_free_bytes(
	struct ntfs_volume *v, uint64_t enough, uint64_t *ret, struct error **err)
{
	ntfs_begin(v);
	return free_bytes(v, enough, ret, err) < 0 ? ntfs_prefix(v, err) : 0;
}

/* ---- open ---- */

static int check_state(const struct ntfs_volume *v, unsigned flags, struct error **err)
{
	const struct ntfs_volume_facts *f = &v->facts;
	bool discard = flags & NTFS_DISCARD_HIBERNATION;
	if (f->major < 3)
		return err_set(err, ERR_NTFS_DAMAGED, "NTFS version %u.%u (3.1 expected)", f->major,
			f->minor);
	if (f->hibernated && !discard)
		return err_set(err, ERR_HIBERNATED,
			"Windows is hibernated or shut down with Fast Startup");
	if ((f->dirty && !f->discarded) || v->vol->flags & VOLUME_CHKDSK_UNDERWAY)
		return err_set(err, ERR_NTFS_DIRTY, "Windows has marked the volume for chkdsk");
	if (f->journal_unclean && !f->hibernated)
		return err_set(err, ERR_NTFS_DIRTY,
			"the volume was not dismounted: its journal ($LogFile) holds changes");
	return 0;
}

static int forget_session(struct ntfs_volume *v, struct error **err)
{
	errno = 0;
	if (ntfs_logfile_reset(v->vol) < 0)
		return ntfs_failure(v, err, "emptying $LogFile");
	if (ntfs_volume_write_flags(v->vol, v->vol->flags | VOLUME_IS_DIRTY) < 0)
		return ntfs_failure(v, err, "$Volume");
	v->facts.dirty = true;
	v->facts.journal_unclean = v->facts.hibernated = false;
	return 0;
}

static int discard_hibernation(struct ntfs_volume *v, struct error **err)
{
	struct op op = {0};
	if (forget_session(v, err) < 0)
		return ntfs_prefix(v, err);
	if (ntfs_file_delete(v, HIBERNATED_FILE, &op, err) < 0)
		return -1;
	v->facts.discarded = true;
	return ntfs_discarded_say(v, err);
}

static int compare_test_file(
	struct ntfs_volume *v, const uint8_t *want, size_t len, struct error **err)
{
	CLEANUP_FREE uint8_t *have = NULL;
	size_t n;
	if (ntfs_file_read(v, TEST_FILE, len, &have, &n, err) < 0)
		return -1;
	if (n != len || memcmp(have, want, len) != 0)
		return err_set(err, ERR_NTFS_DAMAGED, "a file reads other than it was written");
	return 0;
}

static int write_test(struct ntfs_volume *v, struct error **err)
{
	struct op op = {0};
	uint8_t bytes[5000]; /* not within an MFT record */
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	if (ntfs_file_put(v, TEST_FILE, bytes, sizeof(bytes), err) < 0 ||
		compare_test_file(v, bytes, sizeof(bytes), err) < 0 ||
		ntfs_file_delete(v, TEST_FILE, &op, err) < 0 || ntfs_volume_sync(v, err) < 0)
		return err_prefix(err, "write test");
	return 0;
}

int ntfs_volume_open_write(struct ntfs_volume **ret, struct disk *d, uint64_t offset, uint64_t size,
	unsigned flags, struct error **err)
{
	CLEANUP(ntfs_volume_close_p) struct ntfs_volume *v = NULL;
	if (ntfs_volume_mount(&v, d, offset, size, true, err) < 0)
		return -1;
	if (check_state(v, flags, err) < 0)
		return ntfs_prefix(v, err);
	if (v->facts.hibernated && discard_hibernation(v, err) < 0)
		return -1;
	/* Windows has checked it since. */
	if (!v->facts.dirty && ntfs_discarded_forget(v, err) < 0)
		return -1;
	if (write_test(v, err) < 0)
		return -1;
	*ret = TAKE_PTR(v);
	return 0;
}

/* ---- sync ---- */

static int sync_own_files(struct ntfs_volume *v, struct error **err)
{
	ntfs_inode *const own[] = {v->vol->secure_ni, v->vol->vol_ni, v->vol->lcnbmp_ni,
		v->vol->mft_ni, v->vol->mftmirr_ni};
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		errno = 0;
		if (own[i] && NInoDirty(own[i]) && ntfs_inode_sync(own[i]) < 0)
			return ntfs_failure(v, err, "the volume's own files");
	}
	/* Also of an access whose failure libntfs-3g kept to itself. */
	return v->source.error ? ntfs_failure(v, err, "the volume") : 0;
}

static int sync_volume(struct ntfs_volume *v, struct error **err)
{
	if (ntfs_change_begin(v, err) < 0)
		return -1;
	if (sync_own_files(v, err) < 0)
		return ntfs_change_failed(v, err);
	return disk_flush(v->source.disk, err);
}

int ntfs_volume_sync(struct ntfs_volume *v, struct error **err)
{
	return sync_volume(v, err) < 0 ? ntfs_prefix(v, err) : 0;
}
