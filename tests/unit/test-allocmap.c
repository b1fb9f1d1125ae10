/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Allocation maps. What must be kept is told by libntfs-3g walking every file of a volume through a
 * device of its own, and by what remains when everything else is gone.
 */
#include "unit.h"

#include <fcntl.h>
#include <string.h>

#include "allocmap.h"
#include "bit-runs.h"
#include "disk-fault.h"
#include "jsonx.h"
#include "mem.h"
#include "ntfs-tool.h"

/* Names of files in this test's folder; each call's result lasts for four more. */
static const char *tmp(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", unit_tmp(), name);
	return path;
}

static char warning[500];
static unsigned notes;

static void watch(void *data, const struct op_event *ev)
{
	(void)data;
	if (ev->kind == OP_EVENT_WARNING)
		snprintf(warning, sizeof(warning), "%s: %s", ev->code, ev->message);
	notes += ev->kind == OP_EVENT_NOTE;
}

static int build_from(struct allocmap **ret, struct disk *d, const struct allocmap_options *options,
	const atomic_int *stop, struct error **err)
{
	static const struct allocmap_options defaults;
	struct partition_table *t = NULL;
	struct op op;
	warning[0] = '\0';
	notes = 0;
	op_init(&op, watch, NULL, NULL);
	if (partition_table_read(&t, d, &op, err) < 0)
		return -1;
	op.stop = stop;
	int result = allocmap_build(ret, d, t, options ? options : &defaults, &op, err);
	partition_table_free(t);
	return result;
}

static struct allocmap *build(const char *path, const struct allocmap_options *options)
{
	struct disk *d = NULL;
	struct allocmap *m = NULL;
	uint64_t parts = 0, excluded = 0;
	ck_ok(disk_open(&d, path, 0, &err));
	ck_ok(build_from(&m, d, options, NULL, &err));
	ck_assert_uint_eq(m->kept, ranges_total(&m->keep));
	for (size_t i = 0; i < m->n; i++) {
		parts += m->v[i].kept;
		excluded += m->v[i].excluded;
	}
	ck_assert_uint_eq(m->kept, parts);
	ck_assert_uint_eq(m->excluded, excluded);
	if (m->keep.n)
		ck_assert_uint_le(m->keep.v[m->keep.n - 1].end, d->size);
	disk_close(d);
	return m;
}

/* The part of a partition; NTFS parts of a disk without a table are number 0. */
static const struct allocmap_part *part_of(const struct allocmap *m, unsigned number)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].partition == number && m->v[i].how != MAP_STRUCTURES)
			return &m->v[i];
	ck_abort_msg("no part %u", number);
}

/* A copy that holds what the map keeps, and zeros. */
static void copy_kept(const struct allocmap *m, const char *from, const char *to)
{
	struct disk *d = NULL;
	CLEANUP_FREE char *buf = xmalloc(MiB);
	ck_ok(disk_open(&d, from, 0, &err));
	CLEANUP_CLOSE int fd = open(to, O_RDWR | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_eq(ftruncate(fd, (off_t)d->size), 0);
	RANGES_FOREACH (p, &m->keep) {
		for (uint64_t at = p->start; at < p->end;) {
			size_t n = (size_t)min_u64(p->end - at, MiB);
			ck_ok(disk_pread(d, buf, n, at, &err));
			ck_assert_int_eq(pwrite_full(fd, buf, n, at), 0);
			at += n;
		}
	}
	disk_close(d);
}

struct run_check {
	const struct allocmap *map;
	struct ranges data; /* what the source does not have as a hole */
	uint64_t excluded[3];
	unsigned n_excluded;
	uint64_t volume; /* where it begins on the disk */
	uint64_t runs;
};

/* A run is in the map, but for its holes; or it is an excluded file's, and is not. */
static void check_run(void *data, uint64_t inode, bool unnamed_data, uint64_t offset, uint64_t len)
{
	struct run_check *c = data;
	CLEANUP_RANGES struct ranges want = {0};
	ranges_add(&want, c->volume + offset, c->volume + offset + len);
	ranges_intersect(&want, &c->data);
	for (unsigned i = 0; i < c->n_excluded; i++)
		if (inode == c->excluded[i] && unnamed_data) {
			ck_assert(!ranges_intersects(
				&c->map->keep, c->volume + offset, c->volume + offset + len));
			return;
		}
	RANGES_FOREACH (p, &want)
		ck_assert_msg(ranges_contain(&c->map->keep, p->start, p->end),
			"file %llu: 0x%llx + 0x%llx", (unsigned long long)inode,
			(unsigned long long)offset, (unsigned long long)len);
	c->runs++;
}

/* Every file of a volume that is a whole disk is in the map, and lives on in a copy of it alone. */
static void check_volume(const char *image, const struct allocmap *m, struct run_check *c)
{
	struct disk *d = NULL;
	c->map = m;
	ck_ok(disk_open(&d, image, 0, &err));
	ck_ok(disk_data_ranges(d, 0, d->size, &c->data, &err));
	disk_close(d);
	unsigned files = ntfs_tool_runs(image, check_run, c);
	ck_assert_uint_ge(files, 12);
	ck_assert_uint_ge(c->runs, 8);
	ranges_done(&c->data);
	copy_kept(m, image, tmp("kept"));
	ck_assert_uint_eq(ntfs_tool_hash(image, c->excluded, c->n_excluded),
		ntfs_tool_hash(tmp("kept"), c->excluded, c->n_excluded));
}

/* ---- volumes that Windows wrote ---- */

START_TEST(real_volumes)
{
	const char *data = unit_data_dir();
	if (!data)
		unit_skip("real NTFS volumes: no test data (CE_TEST_DATA)");
	static const struct {
		const char *name, *unpack;
	} cases[] = {
		{"boot.sdi.xz", "xzcat %s | tail -c +8193"}, /* the volume begins at 0x2000 */
		{"plaso_vsstest.raw.xz", "xzcat %s"},
		{"velociraptor_partition_image.raw.xz", "xzcat %s"},
		{"dfir/ntfs3.raw.gz", "zcat %s"},
		{"dfir/ntfs3_attrlist.raw.gz", "zcat %s"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_FREE char *source = xasprintf("'%s/ntfs/%s'", data, cases[i].name);
		CLEANUP_FREE char *command = xasprintf(cases[i].unpack, source);
		struct run_check c = {0};
		const char *image = tmp("volume");
		ck_assert_int_eq(unit_run("%s | dd of='%s' bs=64K conv=sparse iflag=fullblock"
					  " status=none",
					 command, image),
			0);
		struct allocmap *m = build(image, NULL);
		const struct allocmap_part *p = part_of(m, 0);
		printf("# %s: how %d, %llu of %llu bytes kept, %zu ranges, %s\n", cases[i].name,
			p->how, (unsigned long long)m->kept, (unsigned long long)p->size, m->keep.n,
			p->reason ? p->reason : "-");
		ck_assert(p->how == MAP_NTFS || p->how == MAP_NTFS_FALLBACK);
		check_volume(image, m, &c);
		allocmap_free(m);
	}
}
END_TEST

UNIT_MAIN("allocmap", real_volumes)
