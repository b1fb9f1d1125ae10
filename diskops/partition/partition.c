/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "partition.h"

#include <inttypes.h>
#include <string.h>

#include "mem.h"
#include "partition-probe.h"
#include "partition-scan.h"
#include "partition-types.h"
#include "partition-window.h"

/* Boot loaders other than Windows' lie between the MBR and the first partition. */
#define BOOT_GAP_MAX MiB
/* Dynamic disks keep their database at the end of an MBR disk. */
#define LDM_DATABASE MiB
#define BLKID_UNIT   512u

/* False: a partition of a table inside a partition (BSD, Solaris), which is its container's content. */
static bool partition_from_blkid(
	struct partition *p, enum table_kind kind, blkid_parttable table, blkid_partition from)
{
	if (blkid_partition_get_table(from) != table)
		return false;
	*p = (struct partition){
		.number = (unsigned)blkid_partition_get_partno(from),
		.start = (uint64_t)blkid_partition_get_start(from) * BLKID_UNIT,
		.size = (uint64_t)blkid_partition_get_size(from) * BLKID_UNIT,
	};
	if (kind == TABLE_GPT) {
		const char *type = blkid_partition_get_type_string(from);
		const char *id = blkid_partition_get_uuid(from);
		if (type)
			guid_parse(type, &p->type);
		if (id)
			guid_parse(id, &p->id);
		p->attributes = blkid_partition_get_flags(from);
		partition_copy_text(p->name, sizeof(p->name), blkid_partition_get_name(from));
		p->role = partition_role_of_gpt(&p->type);
	} else {
		p->mbr_type = (uint8_t)blkid_partition_get_type(from);
		p->active = blkid_partition_get_flags(from) & 0x80;
		p->role = partition_role_of_mbr(p->mbr_type);
	}
	return true;
}

/* What libblkid sees; false: no table of a kind that is known here, *ret_type says which, or NULL. */
static bool list_partitions(struct partition_table *t, blkid_probe pr, const char **ret_type)
{
	blkid_partlist list = blkid_probe_get_partitions(pr);
	blkid_parttable table = list ? blkid_partlist_get_table(list) : NULL;
	*ret_type = table ? blkid_parttable_get_type(table) : NULL;
	if (!*ret_type)
		return false;
	t->kind = strcmp(*ret_type, "gpt") == 0	  ? TABLE_GPT
		  : strcmp(*ret_type, "dos") == 0 ? TABLE_MBR
						  : TABLE_NONE;
	if (t->kind == TABLE_NONE)
		return false;
	partition_copy_text(t->id, sizeof(t->id), blkid_parttable_get_id(table));
	int n = blkid_partlist_numof_partitions(list);
	t->v = xcalloc(n > 0 ? (size_t)n : 0, sizeof(*t->v));
	for (int i = 0; i < n; i++)
		if (partition_from_blkid(
			    &t->v[t->n], t->kind, table, blkid_partlist_get_partition(list, i)))
			t->n++;
	return true;
}

static bool has_slot(const struct table_scan *s, const struct partition *p)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].start == p->start && s->v[i].size == p->size)
			return true;
	return false;
}

/* Both readers found the same partitions, not one more or less. */
static bool agrees(const struct partition_table *t, const struct table_scan *s)
{
	if (t->kind != s->kind || t->n != s->n)
		return false;
	for (size_t i = 0; i < t->n; i++)
		if (!has_slot(s, &t->v[i]))
			return false;
	return true;
}

static int compare_start(const void *a, const void *b)
{
	const struct partition *x = a, *y = b;
	return x->start != y->start ? (x->start < y->start ? -1 : 1)
				    : (x->number > y->number) - (x->number < y->number);
}

/* In the order of the disk, extended ones not counted; v is sorted. */
static void find_overlaps(struct partition_table *t)
{
	struct partition *widest = NULL;
	for (size_t i = 0; i < t->n; i++) {
		struct partition *p = &t->v[i];
		if (p->role == ROLE_EXTENDED)
			continue;
		if (widest && p->start < widest->start + widest->size) {
			p->overlaps = widest->overlaps = true;
			if (!t->problem)
				t->problem = xasprintf("partitions %u and %u overlap at 0x%" PRIx64,
					widest->number, p->number, p->start);
		}
		if (!widest || p->start + p->size > widest->start + widest->size)
			widest = p;
	}
}

static void find_structures(struct partition_table *t, const struct disk *d)
{
	uint64_t first = min_u64(BOOT_GAP_MAX, d->size);
	bool ldm = false;
	for (size_t i = 0; i < t->n; i++) {
		first = min_u64(first, t->v[i].start);
		ldm = ldm || t->v[i].role == ROLE_LDM || t->v[i].role == ROLE_STORAGE_POOL;
	}
	ranges_add(&t->structures, 0, first);
	if (ldm)
		ranges_add(&t->structures, d->size - min_u64(LDM_DATABASE, d->size), d->size);
}

static int fill_window(
	struct partition_window *w, struct disk *d, const struct table_scan *s, struct error **err)
{
	if (partition_window_copy_fs(w, d, 0, d->size, err) < 0)
		return -1;
	RANGES_FOREACH (p, &s->tables)
		if (partition_window_copy(w, d, p->start, p->end, err) < 0)
			return -1;
	for (size_t i = 0; i < s->n; i++)
		if (u64_range_ok(s->v[i].start, s->v[i].size, d->size) &&
			partition_window_copy_fs(w, d, s->v[i].start, s->v[i].size, err) < 0)
			return -1;
	return 0;
}

/* Nothing is known of what lies where. */
static void forget_partitions(struct partition_table *t, char *problem)
{
	free(t->v);
	t->v = NULL;
	t->n = 0;
	t->kind = TABLE_NONE;
	free(t->problem);
	t->problem = problem;
}

/* A file system on the whole disk, or nothing. */
static int read_bare(struct partition_table *t, struct disk *d, const struct partition_window *w,
	struct error **err)
{
	struct partition p = {.start = 0, .size = d->size, .role = ROLE_UNKNOWN};
	if (partition_probe_fs(&p, w, err) < 0)
		return -1;
	if (p.fs[0] || p.ambiguous) {
		t->v = xmemdup(&p, sizeof(p));
		t->n = 1;
	}
	return 0;
}

static int read_partitions(struct partition_table *t, struct disk *d, struct table_scan *s,
	const struct partition_window *w, struct error **err)
{
	if (s->too_small)
		return err_set(err, ERR_DISK_TRUNCATED, "\"%s\": %s", d->name, s->too_small);
	if (!agrees(t, s)) {
		forget_partitions(
			t, xasprintf("the partition table is read one way or another: %zu or %zu "
				     "partitions",
				   t->n, s->n));
		return 0;
	}
	if (t->n)
		qsort(t->v, t->n, sizeof(*t->v), compare_start);
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].role != ROLE_EXTENDED && partition_probe_fs(&t->v[i], w, err) < 0)
			return -1;
	t->problem = TAKE_PTR(s->problem);
	ranges_copy(&t->structures, &s->tables);
	find_structures(t, d);
	find_overlaps(t);
	return 0;
}

static int read_table(struct partition_table *t, struct disk *d, struct table_scan *s,
	const struct partition_window *w, struct error **err)
{
	CLEANUP(partition_probe_free) blkid_probe pr = partition_probe_new(w, 0, d->size, err);
	if (!pr)
		return -1;
	t->sector = s->sector;
	blkid_probe_set_sectorsize(pr, s->sector);
	blkid_probe_enable_partitions(pr, 1);
	const char *type;
	if (s->untrusted)
		forget_partitions(t, TAKE_PTR(s->untrusted));
	else if (list_partitions(t, pr, &type))
		return read_partitions(t, d, s, w, err);
	else if (type)
		forget_partitions(t, xasprintf("a partition table of type \"%s\"", type));
	else if (s->kind == TABLE_GPT)
		forget_partitions(t, xstrdup("a GPT that cannot be read"));
	else
		return read_bare(t, d, w, err);
	return 0;
}

static void report(const struct partition_table *t, bool grown, const struct disk *d, struct op *op)
{
	if (t->problem)
		op_warn(op, "partition-table", "\"%s\": %s", d->name, t->problem);
	if (grown && !t->problem)
		op_note(op, "\"%s\": the backup GPT does not stand at the disk's end", d->name);
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].ambiguous)
			op_note(op, "partition %u has the signatures of several file systems",
				t->v[i].number);
}

int partition_table_read(
	struct partition_table **ret, struct disk *d, struct op *op, struct error **err)
{
	CLEANUP(table_scan_done) struct table_scan s = {0};
	CLEANUP(partition_window_close) struct partition_window w = {.fd = -1};
	CLEANUP(partition_table_free_p) struct partition_table *t = xcalloc(1, sizeof(*t));
	t->sector = d->logical_sector;
	if (!d->size) {
		*ret = TAKE_PTR(t);
		return 0;
	}
	if (table_scan(&s, d, err) < 0 || partition_window_open(&w, d, err) < 0 ||
		fill_window(&w, d, &s, err) < 0 || read_table(t, d, &s, &w, err) < 0)
		return -1;
	report(t, s.grown, d, op);
	if (op_tick(op, op->done, err) < 0)
		return -1;
	*ret = TAKE_PTR(t);
	return 0;
}

void partition_table_free(struct partition_table *t)
{
	if (!t)
		return;
	free(t->v);
	free(t->problem);
	ranges_done(&t->structures);
	free(t);
}
