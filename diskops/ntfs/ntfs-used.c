/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which clusters of a volume are in use, and which are a file's. */
#include "ntfs-private.h"

#include <assert.h>
#include <inttypes.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/runlist.h>

#include "bit-runs.h"
#include "mem.h"

/* $Bitmap of 64 TiB of 4 KiB clusters has 2 GiB: it is read in pieces. */
#define BITMAP_PIECE MiB
/* What every volume begins with: boot sector and boot loader, 16 sectors. */
#define BOOT_SECTORS 16u
/* A file in more pieces than this has other troubles. */
#define RUNS_MAX 1000000u

static uint64_t cluster_offset(const struct ntfs_volume *v, uint64_t cluster)
{
	return v->source.offset + cluster * v->facts.cluster_size;
}

/* ---- $Bitmap ---- */

/* libntfs-3g reads what is not initialised, a hole or encoded as something else than the bytes on the
 * disk: a $Bitmap has none of that. */
static int check_bitmap(struct ntfs_volume *v, struct error **err)
{
	ntfs_attr *na = v->vol->lcnbmp_na;
	uint64_t need = div_round_up(v->facts.clusters, 8);
	if (NAttrCompressed(na) || NAttrEncrypted(na) || NAttrSparse(na))
		return err_set(err, ERR_NTFS_DAMAGED, "$Bitmap is compressed, encrypted or sparse");
	if (na->data_size < 0 || (uint64_t)na->data_size < need || na->initialized_size < 0 ||
		(uint64_t)na->initialized_size < need)
		return err_set(err, ERR_NTFS_DAMAGED,
			"$Bitmap has %" PRId64 " bytes, %" PRId64 " of them initialized (%" PRIu64
			" expected for %" PRIu64 " clusters)",
			(int64_t)na->data_size, (int64_t)na->initialized_size, need,
			v->facts.clusters);
	return 0;
}

static int read_bitmap(
	struct ntfs_volume *v, uint64_t at, uint8_t *buf, size_t len, struct error **err)
{
	ntfs_begin(v);
	errno = 0;
	s64 n = ntfs_attr_pread(v->vol->lcnbmp_na, (s64)at, (s64)len, buf);
	return n == (s64)len && !v->source.error ? 0 : ntfs_failure(v, err, "reading $Bitmap");
}

static int scan_bitmap(struct ntfs_volume *v, struct ranges *ret, struct op *op, struct error **err)
{
	struct bit_runs runs;
	CLEANUP_FREE uint8_t *buf = xmalloc(BITMAP_PIECE);
	bit_runs_init(&runs, ret, v->source.offset, v->facts.cluster_size);
	for (uint64_t bit = 0; bit < v->facts.clusters; bit += BITMAP_PIECE * 8) {
		uint64_t bits = min_u64(v->facts.clusters - bit, BITMAP_PIECE * 8);
		if (read_bitmap(v, bit / 8, buf, div_round_up(bits, 8), err) < 0 ||
			op_tick(op, op->done, err) < 0)
			return -1;
		bit_runs_feed(&runs, buf, bits);
	}
	bit_runs_end(&runs);
	v->facts.free_clusters = v->facts.clusters - runs.set;
	return 0;
}

static bool bits_are_set(const uint8_t *bytes, uint64_t first, uint64_t n)
{
	for (uint64_t i = first; i < first + n; i++) {
		if (i % 8 == 0 && i + 8 <= first + n && bytes[i / 8] == 0xff)
			i += 7;
		else if (!(bytes[i / 8] & 1 << i % 8))
			return false;
	}
	return true;
}

/* Whether $Bitmap has all clusters of a run marked in use. */
static int run_is_used(
	struct ntfs_volume *v, uint64_t lcn, uint64_t length, bool *ret, struct error **err)
{
	uint8_t buf[4096];
	while (length) {
		uint64_t first = lcn % 8;
		uint64_t n = min_u64(length, sizeof(buf) * 8 - first);
		if (read_bitmap(v, lcn / 8, buf, div_round_up(first + n, 8), err) < 0)
			return -1;
		*ret = bits_are_set(buf, first, n);
		if (!*ret)
			return 0;
		lcn += n;
		length -= n;
	}
	*ret = true;
	return 0;
}

/* ---- runs ---- */

/* Runs in the order of a file; sorted all at once, so that a hostile order costs no more. */
struct run_list {
	struct range *v; /* disk offsets */
	size_t n, cap;
};

static void run_list_done(struct run_list *l)
{
	free(l->v);
}

static int add_run(struct run_list *l, struct range r, const char *what, struct error **err)
{
	if (l->n == RUNS_MAX)
		return err_set(err, ERR_NTFS_DAMAGED, "%s has more than %u runs", what, RUNS_MAX);
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->v = xrealloc_array(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = r;
	return 0;
}

static int compare_runs(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

static void run_list_to_ranges(struct run_list *l, struct ranges *ret)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), compare_runs);
	for (size_t i = 0; i < l->n; i++)
		ranges_add(ret, l->v[i].start, l->v[i].end);
}

/* Checks a run list against volume and $Bitmap and adds its clusters. */
static int add_runs(struct ntfs_volume *v, const runlist_element *rl, const char *what,
	struct run_list *ret, struct error **err)
{
	for (; rl->length; rl++) {
		uint64_t lcn = (uint64_t)rl->lcn, length = (uint64_t)rl->length;
		bool used;
		if (rl->lcn < 0)
			continue; /* a hole, or the part before an extent */
		if (!u64_range_ok(lcn, length, v->facts.clusters))
			return err_set(err, ERR_NTFS_DAMAGED,
				"%s has clusters 0x%" PRIx64 " + 0x%" PRIx64
				" (the volume ends at 0x%" PRIx64 ")",
				what, lcn, length, v->facts.clusters);
		if (run_is_used(v, lcn, length, &used, err) < 0)
			return -1;
		if (!used)
			return err_set(err, ERR_NTFS_DAMAGED,
				"%s has clusters 0x%" PRIx64 " + 0x%" PRIx64
				", which $Bitmap says are free",
				what, lcn, length);
		struct range r = {cluster_offset(v, lcn), cluster_offset(v, lcn + length)};
		if (add_run(ret, r, what, err) < 0)
			return -1;
	}
	return 0;
}

static void free_search(ntfs_attr_search_ctx **ctx)
{
	if (*ctx)
		ntfs_attr_put_search_ctx(*ctx);
}

/* All runs of all attributes of one of the volume's own files. */
static int add_inode_runs(struct ntfs_volume *v, unsigned number, struct run_list *ret,
	struct op *op, struct error **err)
{
	CLEANUP_FREE char *what = xasprintf("file 0x%x", number);
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = ntfs_inode_open(v->vol, number);
	if (!ni && errno == ENOENT && number > FILE_UpCase)
		return 0; /* before NTFS 3.0 there was no $Extend */
	CLEANUP(free_search)
	ntfs_attr_search_ctx *ctx = ni ? ntfs_attr_get_search_ctx(ni, NULL) : NULL;
	if (!ctx)
		return ntfs_failure(v, err, what);
	while (errno = 0, ntfs_attrs_walk(ctx) == 0) {
		if (!ctx->attr->non_resident)
			continue;
		CLEANUP_FREE runlist_element *rl =
			ntfs_mapping_pairs_decompress(v->vol, ctx->attr, NULL);
		if (!rl)
			return ntfs_failure(v, err, what);
		if (add_runs(v, rl, what, ret, err) < 0 || op_tick(op, op->done, err) < 0)
			return -1;
	}
	return errno == ENOENT && !v->source.error ? 0 : ntfs_failure(v, err, what);
}

/* $MFT, $MFTMirr, $LogFile, $Volume, $AttrDef, the root, $Bitmap, $Boot, $BadClus, $Secure, $UpCase,
 * $Extend: MFT records 0 to 11. */
static int find_metadata(struct ntfs_volume *v, struct op *op, struct error **err)
{
	CLEANUP(run_list_done) struct run_list runs = {0};
	for (unsigned i = FILE_MFT; i <= FILE_Extend; i++)
		if (add_inode_runs(v, i, &runs, op, err) < 0)
			return -1;
	ranges_clear(&v->metadata);
	run_list_to_ranges(&runs, &v->metadata);
	return 0;
}

static int volume_used(struct ntfs_volume *v, struct ranges *ret, struct op *op, struct error **err)
{
	uint64_t start = v->source.offset, end = start + v->source.size;
	ntfs_begin(v);
	if (check_bitmap(v, err) < 0 || find_metadata(v, op, err) < 0 ||
		scan_bitmap(v, ret, op, err) < 0)
		return -1;
	ranges_add(ret, start, start + min_u64(v->source.size, BOOT_SECTORS * v->vol->sector_size));
	ranges_add(ret, cluster_offset(v, v->facts.clusters), end);
	return 0;
}

int ntfs_volume_used(struct ntfs_volume *v, struct ranges *ret, struct op *op, struct error **err)
{
	CLEANUP_RANGES struct ranges found = {0};
	if (volume_used(v, &found, op, err) < 0)
		return ntfs_prefix(v, err);
	ranges_union(ret, &found);
	return 0;
}

/* ---- a file's ---- */

/* Whether all a file holds are its unnamed data's clusters, and they hold it as it is. */
static bool is_plain(ntfs_inode *ni)
{
	return !(ni->mrec->flags & MFT_RECORD_IS_DIRECTORY) &&
	       le16_to_cpu(ni->mrec->link_count) == 1 && !(ni->flags & FILE_ATTR_REPARSE_POINT);
}

static bool has_holes(const runlist_element *rl)
{
	for (; rl->length; rl++)
		if (rl->lcn < 0)
			return true;
	return false;
}

static int file_runs(
	struct ntfs_volume *v, const char *path, struct run_list *ret, struct error **err)
{
	CLEANUP_FREE char *what = xasprintf("\"%s\"", path);
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = NULL;
	if (ntfs_find_file(v, path, &ni, err) < 0)
		return -1;
	if (!ni || !is_plain(ni))
		return 0;
	CLEANUP(ntfs_free_attr) ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	if (!na)
		return errno == ENOENT && !v->source.error ? 0 : ntfs_failure(v, err, what);
	if (!NAttrNonResident(na) || NAttrCompressed(na) || NAttrEncrypted(na) || NAttrSparse(na))
		return 0;
	if (ntfs_attr_map_whole_runlist(na) < 0 || v->source.error)
		return ntfs_failure(v, err, what);
	return na->rl && !has_holes(na->rl) ? add_runs(v, na->rl, what, ret, err) : 0;
}

int ntfs_volume_file_runs(
	struct ntfs_volume *v, const char *path, struct ranges *ret, struct error **err)
{
	CLEANUP(run_list_done) struct run_list runs = {0};
	CLEANUP_RANGES struct ranges found = {0}, shared = {0};
	assert(v->metadata.n);
	if (file_runs(v, path, &runs, err) < 0)
		return ntfs_prefix(v, err);
	run_list_to_ranges(&runs, &found);
	ranges_copy(&shared, &found);
	ranges_intersect(&shared, &v->metadata);
	if (shared.n) {
		err_set(err, ERR_NTFS_DAMAGED,
			"\"%s\" has clusters of the volume's own files, at 0x%" PRIx64, path,
			shared.v[0].start);
		return ntfs_prefix(v, err);
	}
	ranges_union(ret, &found);
	return found.n > 0;
}
