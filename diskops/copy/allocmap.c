/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "allocmap.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>

#include "le.h"
#include "mem.h"

/* The map's memory: 16 bytes a range. Above, close neighbours are joined. */
#define MAP_RANGES_MAX 1000000u

/* What Windows makes anew at boot, whatever it held. */
static const char *const excluded_files[] = {"\\pagefile.sys", "\\swapfile.sys", "\\hiberfil.sys"};

struct map_builder {
	struct allocmap *map;
	struct disk *disk;
	const struct partition_table *table;
	const struct allocmap_options *options;
	struct op *op;
	uint64_t gap; /* of ranges_limit() */
};

static struct allocmap_part *add_part(struct map_builder *b, unsigned number, enum allocmap_how how,
	uint64_t start, uint64_t size)
{
	struct allocmap *m = b->map;
	m->v = xrealloc_array(m->v, m->n + 1, sizeof(*m->v));
	m->v[m->n] = (struct allocmap_part){
		.partition = number, .how = how, .start = start, .size = size};
	return &m->v[m->n++];
}

static void keep(struct map_builder *b, const struct ranges *r)
{
	ranges_union(&b->map->keep, r);
	ranges_limit(&b->map->keep, MAP_RANGES_MAX, &b->gap);
}

static void keep_range(struct map_builder *b, uint64_t start, uint64_t end)
{
	ranges_add(&b->map->keep, start, end);
}

/* ---- NTFS ---- */

/* Why the clusters that are free on the disk cannot be left out; NULL: they can. */
static const char *reason_against(const struct ntfs_volume_facts *f, const char **ret_code)
{
	*ret_code = f->hibernated ? "ntfs-hibernated" : "ntfs-dirty";
	/* The session's idea of what is free is in memory, and its memory in these very files. */
	if (f->hibernated)
		return "Windows is hibernated on it";
	if (f->dirty)
		return "it is marked dirty: chkdsk is due";
	if (f->journal_unclean)
		return "it was not shut down cleanly: its journal holds changes, or Windows' fast "
		       "startup does";
	return NULL;
}

static void fall_back(
	struct map_builder *b, struct allocmap_part *part, const char *code, const char *reason)
{
	part->how = MAP_NTFS_FALLBACK;
	part->reason = xstrdup(reason);
	op_warn(b->op, code, "partition %u is copied whole: %s", part->partition, reason);
	keep_range(b, part->start, part->start + part->size);
}

static int find_excluded(
	struct map_builder *b, struct ntfs_volume *v, struct ranges *ret, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(excluded_files) && !b->options->keep_excluded; i++)
		if (ntfs_volume_file_runs(v, excluded_files[i], ret, err) < 0)
			return -1;
	return 0;
}

/* *ret_reason set: the volume is sound as far as it goes, but must be copied whole. */
static int map_volume(struct map_builder *b, struct allocmap_part *part, struct ranges *used,
	const char **ret_reason, const char **ret_code, struct error **err)
{
	CLEANUP(ntfs_volume_close_p) struct ntfs_volume *v = NULL;
	CLEANUP_RANGES struct ranges excluded = {0};
	if (ntfs_volume_open(&v, b->disk, part->start, part->size, err) < 0)
		return -1;
	part->ntfs = *ntfs_volume_facts(v);
	*ret_reason = reason_against(&part->ntfs, ret_code);
	if (*ret_reason)
		return 0;
	if (ntfs_volume_used(v, used, b->op, err) < 0 || find_excluded(b, v, &excluded, err) < 0)
		return -1;
	part->ntfs = *ntfs_volume_facts(v);
	part->excluded = ranges_total(&excluded);
	ranges_subtract(used, &excluded);
	if (part->ntfs.shadow_copies)
		op_note(b->op,
			"partition %u has shadow copies: what only they still hold is not kept",
			part->partition);
	return 0;
}

static int map_ntfs(struct map_builder *b, struct allocmap_part *part, struct error **err)
{
	CLEANUP_RANGES struct ranges used = {0};
	const char *reason = NULL, *code = NULL;
	struct error *failure = NULL;
	part->how = MAP_NTFS;
	if (map_volume(b, part, &used, &reason, &code, &failure) < 0) {
		if (failure->code != ERR_NTFS_DAMAGED) {
			err_move(err, &failure);
			return -1;
		}
		fall_back(b, part, "ntfs-damaged", failure->message);
		err_free(failure);
	} else if (reason) {
		fall_back(b, part, code, reason);
	} else {
		keep(b, &used);
	}
	return 0;
}

/* ---- the disk ---- */

/* NTFS by content; but what only firmware and Windows' own tools write to is left as it is. */
static bool wants_ntfs_map(const struct partition *p)
{
	return (p->role == ROLE_BASIC || p->role == ROLE_UNKNOWN) && !p->overlaps &&
	       strcmp(p->fs, "ntfs") == 0;
}

static int map_partition(struct map_builder *b, const struct partition *p, struct error **err)
{
	if (p->role == ROLE_EXTENDED)
		return 0;
	struct allocmap_part *part = add_part(b, p->number, MAP_WHOLE, p->start, p->size);
	if (wants_ntfs_map(p))
		return map_ntfs(b, part, err);
	keep_range(b, p->start, p->start + p->size);
	return op_tick(b->op, b->op->done, err);
}

/* Tables and boot code; and everything between partitions where something is wrong with them. */
static void map_structures(struct map_builder *b)
{
	CLEANUP_RANGES struct ranges outside = {0};
	const struct partition_table *t = b->table;
	if (t->kind == TABLE_NONE)
		return;
	add_part(b, 0, MAP_STRUCTURES, 0, b->disk->size);
	keep(b, &t->structures);
	if (!t->problem)
		return;
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].role != ROLE_EXTENDED)
			ranges_add(&outside, t->v[i].start, t->v[i].start + t->v[i].size);
	ranges_complement(&outside, b->disk->size);
	keep(b, &outside);
}

static bool has_partitions(const struct partition_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].role != ROLE_EXTENDED)
			return true;
	return false;
}

static int map_disk(struct map_builder *b, struct error **err)
{
	if (b->options->whole_disk || !has_partitions(b->table)) {
		add_part(b, 0, MAP_WHOLE, 0, b->disk->size);
		keep_range(b, 0, b->disk->size);
		return 0;
	}
	map_structures(b);
	for (size_t i = 0; i < b->table->n; i++)
		if (map_partition(b, &b->table->v[i], err) < 0)
			return -1;
	return 0;
}

static int leave_out_holes(struct map_builder *b, struct error **err)
{
	CLEANUP_RANGES struct ranges data = {0};
	if (disk_data_ranges(b->disk, 0, b->disk->size, &data, err) < 0)
		return -1;
	ranges_intersect(&b->map->keep, &data);
	ranges_limit(&b->map->keep, MAP_RANGES_MAX, &b->gap);
	return 0;
}

/* ---- sums ---- */

static uint64_t bytes_within(const struct ranges *r, uint64_t start, uint64_t end)
{
	uint64_t total = 0;
	for (size_t i = ranges_find(r, start); i < r->n && r->v[i].start < end; i++)
		total += min_u64(r->v[i].end, end) - max_u64(r->v[i].start, start);
	return total;
}

/* Of the structures part: what no partition accounts for. */
static void count_bytes(struct allocmap *m)
{
	uint64_t partitions = 0;
	m->kept = ranges_total(&m->keep);
	for (size_t i = 0; i < m->n; i++) {
		struct allocmap_part *p = &m->v[i];
		m->excluded += p->excluded;
		if (p->how == MAP_STRUCTURES)
			continue;
		p->kept = bytes_within(&m->keep, p->start, p->start + p->size);
		partitions += p->kept;
	}
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].how == MAP_STRUCTURES)
			m->v[i].kept = m->kept > partitions ? m->kept - partitions : 0;
}

static int compute_id(struct allocmap *m, const struct disk *d, struct error **err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t head[12], pair[16];
	le64_put(head, d->size);
	le32_put(head + 8, d->logical_sector);
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
		  EVP_DigestUpdate(ctx, head, sizeof(head));
	for (size_t i = 0; i < m->keep.n && ok; i++) {
		le64_put(pair, m->keep.v[i].start);
		le64_put(pair + 8, m->keep.v[i].end);
		ok = EVP_DigestUpdate(ctx, pair, sizeof(pair));
	}
	ok = ok && EVP_DigestFinal_ex(ctx, m->id, NULL);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : err_set(err, ERR_INTERNAL, "SHA-256 of the allocation map");
}

int allocmap_build(struct allocmap **ret, struct disk *d, const struct partition_table *table,
	const struct allocmap_options *options, struct op *op, struct error **err)
{
	CLEANUP(allocmap_free_p) struct allocmap *m = xcalloc(1, sizeof(*m));
	struct map_builder b = {.map = m,
		.disk = d,
		.table = table,
		.options = options,
		.op = op,
		.gap = table->sector};
	if (map_disk(&b, err) < 0 || leave_out_holes(&b, err) < 0)
		return -1;
	count_bytes(m);
	if (compute_id(m, d, err) < 0)
		return -1;
	*ret = TAKE_PTR(m);
	return 0;
}

void allocmap_free(struct allocmap *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].reason);
	free(m->v);
	ranges_done(&m->keep);
	free(m);
}
