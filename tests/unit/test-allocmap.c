/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Allocation maps. What must be kept is told by libntfs-3g walking every file of a volume through a
 * device of its own, and by what remains when everything else is gone.
 */
#include "allocmap-util.h"

#include "io.h"
#include "jsonx.h"
#include "le.h"

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
		ck_assert_msg(p->how == MAP_NTFS, "%s: %s", cases[i].name, p->reason);
		ck_assert_uint_lt(m->kept, p->size);
		ck_assert_uint_eq(notes, strstr(cases[i].name, "vss") != NULL);
		check_volume(image, m, &c);
		allocmap_free(m);
	}
}
END_TEST

/* ---- volumes of our own ---- */

static const char *volume(void)
{
	return tmp("volume");
}

static void add_excluded(struct run_check *c, const char *path)
{
	c->excluded[c->n_excluded++] = ntfs_tool_inode(volume(), path);
}

START_TEST(volumes_of_every_cluster_size)
{
	static const struct {
		unsigned cluster, sector;
		uint64_t size;
	} cases[] = {{512, 512, 24 * MiB + 512}, {4096, 512, 40 * MiB + 7 * 512},
		{4096, 4096, 40 * MiB + 4096}, {65536, 512, 96 * MiB}, {65536, 4096, 96 * MiB}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const uint64_t cluster = cases[i].cluster, pagefile = 5000 * 512;
		struct run_check c = {0};
		ntfs_tool_make(volume(), cases[i].size, cases[i].cluster, cases[i].sector);
		ntfs_tool_fill(volume(), (unsigned)i, 300);
		ntfs_tool_file(volume(), "/pagefile.sys", pagefile);
		add_excluded(&c, "/pagefile.sys");
		struct allocmap *m = build(volume(), NULL);
		const struct allocmap_part *p = part_of(m, 0);
		ck_assert_msg(p->how == MAP_NTFS, "%s", p->reason);
		ck_assert_uint_eq(p->ntfs.cluster_size, cluster);
		check_volume(volume(), m, &c);
		/* Nothing that $Bitmap has as free, but the sectors behind the last cluster. */
		ck_assert_uint_eq(p->ntfs.free_clusters, ntfs_tool_free_clusters(volume()));
		ck_assert_uint_eq(p->excluded, round_up(pagefile, cluster));
		ck_assert_uint_le(m->kept, (p->ntfs.clusters - p->ntfs.free_clusters) * cluster -
						   p->excluded + cases[i].size -
						   p->ntfs.clusters * cluster);
		allocmap_free(m);
	}
}
END_TEST

START_TEST(files_that_are_left_out)
{
	static const char hibernated[] = "\0\0\0\0hibr";
	struct run_check c = {0}, all = {0};
	ntfs_tool_make(volume(), 40 * MiB, 4096, 512);
	ntfs_tool_fill(volume(), 1, 60);
	ntfs_tool_file(volume(), "/PageFile.SYS", MiB);
	ntfs_tool_file(volume(), "/swapfile.sys", 300000);
	ntfs_tool_file(volume(), "/hiberfil.sys", 2 * MiB);
	ntfs_tool_write(volume(), "/hiberfil.sys", hibernated, sizeof(hibernated));
	ntfs_tool_mkdir(volume(), "/Windows");
	ntfs_tool_file(volume(), "/Windows/pagefile.sys", 400000);
	add_excluded(&c, "/PageFile.SYS");
	add_excluded(&c, "/swapfile.sys");
	add_excluded(&c, "/hiberfil.sys");
	struct allocmap *m = build(volume(), NULL);
	ck_assert_str_eq(warning, "");
	ck_assert_uint_eq(m->excluded, MiB + 74 * 4096 + 2 * MiB);
	check_volume(volume(), m, &c);
	struct allocmap *kept = build(volume(), &(struct allocmap_options){.keep_excluded = true});
	ck_assert_uint_eq(kept->excluded, 0);
	ck_assert_uint_eq(kept->kept, m->kept + m->excluded);
	ck_assert_int_ne(memcmp(kept->id, m->id, sizeof(m->id)), 0);
	check_volume(volume(), kept, &all);
	allocmap_free(kept);
	allocmap_free(m);
}
END_TEST

/* What only bears such a name, or is stored otherwise, or has a second one, is kept. */
START_TEST(files_that_look_like_those_left_out)
{
	struct run_check c = {0};
	char zeros[70000] = {0};
	ntfs_tool_make(volume(), 40 * MiB, 4096, 512);
	ntfs_tool_mkdir(volume(), "/swapfile.sys");
	ntfs_tool_file(volume(), "/swapfile.sys/pagefile.sys", MiB);
	ntfs_tool_compressed_file(volume(), "/hiberfil.sys");
	ntfs_tool_write(volume(), "/hiberfil.sys", zeros, sizeof(zeros));
	ntfs_tool_file(volume(), "/hiberfil.sys", MiB);
	ntfs_tool_file(volume(), "/pagefile.sys", MiB);
	ntfs_tool_link(volume(), "/pagefile.sys", "/mine");
	struct allocmap *m = build(volume(), NULL);
	ck_assert_int_eq(part_of(m, 0)->how, MAP_NTFS);
	ck_assert_uint_eq(m->excluded, 0);
	check_volume(volume(), m, &c);
	allocmap_free(m);
}
END_TEST

static void check_fallback(const char *code, const char *text)
{
	struct allocmap *m = build(volume(), NULL);
	struct disk *d = NULL;
	CLEANUP_RANGES struct ranges data = {0};
	const struct allocmap_part *p = part_of(m, 0);
	ck_assert_int_eq(p->how, MAP_NTFS_FALLBACK);
	ck_assert_msg(strstr(p->reason, text), "%s (\"%s\" expected)", p->reason, text);
	ck_assert_msg(strstr(warning, code) == warning, "%s (%s expected)", warning, code);
	ck_ok(disk_open(&d, volume(), 0, &err));
	ck_ok(disk_data_ranges(d, 0, d->size, &data, &err));
	ck_assert(ranges_equal(&data, &m->keep));
	disk_close(d);
	allocmap_free(m);
}

static void make_simple_volume(void)
{
	ntfs_tool_make(volume(), 40 * MiB, 4096, 512);
	ntfs_tool_fill(volume(), 3, 40);
	ntfs_tool_file(volume(), "/pagefile.sys", MiB);
}

START_TEST(a_dirty_volume_is_copied_whole)
{
	make_simple_volume();
	ntfs_tool_set_dirty(volume());
	check_fallback("ntfs-dirty: partition 0 is copied whole", "chkdsk");
}
END_TEST

START_TEST(a_hibernated_volume_is_copied_whole)
{
	static const char *const headers[] = {"hibr", "HIBR", "RSTR"};
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		make_simple_volume();
		ntfs_tool_file(volume(), "/hiberfil.sys", MiB);
		ntfs_tool_write(volume(), "/hiberfil.sys", headers[i], 4);
		check_fallback("ntfs-hibernated", "hibernated");
	}
}
END_TEST

START_TEST(a_journal_that_cannot_be_read_is_a_reason)
{
	make_simple_volume();
	uint64_t journal = ntfs_tool_data_offset(volume(), 2);
	CLEANUP_CLOSE int fd = open(volume(), O_RDWR);
	ck_assert_int_eq(pwrite_full(fd, "RSTRjunk", 8, journal), 0);
	check_fallback("ntfs-dirty", "journal");
	ck_assert_int_eq(pwrite_full(fd, "RCRDjunk", 8, journal), 0);
	check_fallback("ntfs-dirty", "journal");
}
END_TEST

/* A journal that Windows closed, opened again: a client is in use and the clean flag is gone; or its
 * version says that Windows keeps metadata in memory. */
START_TEST(a_journal_in_use_is_a_reason)
{
	const char *data = unit_data_dir();
	if (!data)
		unit_skip("a journal of Windows: no test data (CE_TEST_DATA)");
	static const struct {
		uint64_t offset; /* in a restart page, or in its restart area */
		bool in_area;
		const char *bytes;
		size_t len;
	} cases[] = {
		{10, true, "\xff\xff\0\0\0\0", 6}, /* free list, list in use, flags */
		{26, false, "\0\0\2\0", 4},	   /* version 2.0 */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ck_assert_int_eq(
			unit_run("xzcat '%s/ntfs/velociraptor_partition_image.raw.xz' >'%s'", data,
				volume()),
			0);
		uint64_t journal = ntfs_tool_data_offset(volume(), 2);
		CLEANUP_CLOSE int fd = open(volume(), O_RDWR);
		for (uint64_t page = journal; page <= journal + 4096; page += 4096) {
			uint8_t header[32];
			ck_assert_int_eq(pread_full(fd, header, sizeof(header), page), 32);
			ck_assert_int_eq(memcmp(header, "RSTR", 4), 0);
			uint64_t area = cases[i].in_area ? header[24] + 256u * header[25] : 0;
			ck_assert_int_eq(pwrite_full(fd, cases[i].bytes, cases[i].len,
						 page + area + cases[i].offset),
				0);
		}
		check_fallback("ntfs-dirty", "journal");
	}
}
END_TEST

/* ---- whole disks ---- */

/*
 * ESP, reserved, C:, recovery and an unknown partition: all full of random bytes but C: and recovery,
 * which are NTFS; and random bytes in the gaps.
 */
static const char *const gpt_types[] = {"C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
	"E3C9E316-0B5C-4DB8-817D-F92DF00215AE", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
	"DE94BBA4-06D1-4D40-A16A-BFD50179D6AC", "CE000000-0000-4000-8000-000000000099"};
static const char *const mbr_types[] = {"ef", "5", "7", "27", "83"};
/* MiB; the second one of the MBR is an extended one that holds the last. */
static const struct {
	unsigned start, size;
} places[] = {{2, 2}, {5, 1}, {8, 30}, {40, 12}, {54, 4}};

static void make_disk(bool gpt)
{
	CLEANUP_FREE char *script = xasprintf("label: %s\n", gpt ? "gpt" : "dos");
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (!gpt && i == 1)
			continue;
		if (!gpt && i == 4) {
			char *with = xasprintf("%sstart=53M, size=6M, type=5\n", script);
			free(script);
			script = with;
		}
		char *more = xasprintf("%sstart=%uM, size=%uM, type=%s\n", script, places[i].start,
			places[i].size, gpt ? gpt_types[i] : mbr_types[i]);
		free(script);
		script = more;
	}
	make_simple_volume();
	ntfs_tool_make(tmp("c"), 30 * MiB, 4096, 512);
	ntfs_tool_fill(tmp("c"), 4, 200);
	ntfs_tool_file(tmp("c"), "/pagefile.sys", 500000);
	ntfs_tool_make(tmp("re"), 12 * MiB, 4096, 512);
	ck_assert_int_eq(
		unit_run("cd '%s' && rm -f disk && dd if=/dev/urandom of=disk bs=1M count=60"
			 " status=none && dd if=/dev/zero of=disk bs=512 count=64"
			 " conv=notrunc status=none && printf '%s' |"
			 " sfdisk -q --wipe never --wipe-partitions never disk &&"
			 " dd if=c of=disk bs=1M seek=8 conv=notrunc status=none &&"
			 " dd if=re of=disk bs=1M seek=40 conv=notrunc status=none",
			unit_tmp(), script),
		0);
}

/* The same bytes in both files, or zeros in the second. */
static void check_part(const char *a, const char *b, uint64_t start, uint64_t end, bool kept)
{
	CLEANUP_FREE char *x = xmalloc(end - start);
	CLEANUP_FREE char *y = xmalloc(end - start);
	CLEANUP_CLOSE int fa = open(a, O_RDONLY), fb = open(b, O_RDONLY);
	ck_assert_int_eq(pread_full(fa, x, end - start, start), (ssize_t)(end - start));
	ck_assert_int_eq(pread_full(fb, y, end - start, start), (ssize_t)(end - start));
	ck_assert_msg(kept ? memcmp(x, y, end - start) == 0 : mem_is_zero(y, end - start),
		"0x%llx to 0x%llx: %s expected", (unsigned long long)start, (unsigned long long)end,
		kept ? "kept" : "left out");
}

START_TEST(disks_like_those_of_windows)
{
	for (int gpt = 0; gpt < 2; gpt++) {
		const char *disk = tmp("disk"), *kept = tmp("kept");
		make_disk(gpt);
		struct allocmap *m = build(disk, NULL);
		ck_assert_str_eq(warning, "");
		copy_kept(m, disk, kept);
		check_part(disk, kept, 0, MiB, true); /* boot gap, GRUB lives there */
		check_part(disk, kept, MiB, 2 * MiB, false);
		check_part(disk, kept, 2 * MiB, 4 * MiB, true);
		check_part(disk, kept, 4 * MiB, 5 * MiB, false);
		check_part(disk, kept, 5 * MiB, 6 * MiB, gpt);
		check_part(disk, kept, 6 * MiB, 8 * MiB, false);
		check_part(disk, kept, 38 * MiB, 40 * MiB, false);
		check_part(disk, kept, 40 * MiB, 52 * MiB, true);
		check_part(disk, kept, 54 * MiB, 58 * MiB, true);
		check_part(disk, kept, 58 * MiB, 60 * MiB - 20 * KiB, false);
		ck_assert_int_eq(part_of(m, 3 - !gpt)->how, MAP_NTFS);
		ck_assert_int_eq(part_of(m, 4 - !gpt)->how, MAP_WHOLE);
		/* The tables are whole: the same partitions, and sgdisk finds nothing to say. */
		ck_assert_int_eq(
			unit_run("cd '%s' && mv disk d && sfdisk -d d >1 && mv kept disk &&"
				 " mv disk d && sfdisk -d d >2 && cmp 1 2 &&"
				 " { [ %d = 0 ] || sgdisk -v d | grep -q 'No problems'; }",
				unit_tmp(), gpt),
			0);
		json_t *j = allocmap_to_json(m);
		ck_assert_uint_eq(json_array_size(json_object_get(j, "parts")), 1 + 4 + gpt);
		ck_assert_int_eq(json_integer_value(json_object_get(j, "kept")), m->kept);
		ck_assert_int_eq(json_integer_value(json_object_get(j, "excluded")), 503808);
		json_decref(j);
		allocmap_free(m);
	}
}
END_TEST

START_TEST(ntfs_in_a_partition_lives_on)
{
	struct run_check c = {.volume = 8 * MiB};
	make_disk(true);
	struct allocmap *m = build(tmp("disk"), NULL);
	copy_kept(m, tmp("disk"), tmp("kept"));
	ck_assert_int_eq(
		unit_run("cd '%s' && dd if=kept of=c-kept bs=1M skip=8 count=30 status=none",
			unit_tmp()),
		0);
	c.map = m;
	ranges_add(&c.data, 0, UINT64_MAX);
	c.excluded[c.n_excluded++] = ntfs_tool_inode(tmp("c"), "/pagefile.sys");
	ntfs_tool_runs(tmp("c"), check_run, &c);
	ranges_done(&c.data);
	ck_assert_uint_eq(ntfs_tool_hash(tmp("c"), c.excluded, 1),
		ntfs_tool_hash(tmp("c-kept"), c.excluded, 1));
	allocmap_free(m);
}
END_TEST

START_TEST(nothing_is_left_out_of_what_is_not_understood)
{
	static const char *const changes[] = {
		/* both tables of the GPT */
		"dd if=/dev/zero of=disk bs=512 seek=1 count=1 conv=notrunc status=none;"
		" dd if=/dev/zero of=disk bs=512 seek=122879 count=1 conv=notrunc status=none",
		/* no table */
		"dd if=/dev/zero of=disk bs=1M count=1 conv=notrunc status=none",
		/* a table without partitions */
		"printf 'label: dos\\n' | sfdisk -q --wipe never disk",
	};
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct disk *d = NULL;
		CLEANUP_RANGES struct ranges data = {0};
		make_disk(true);
		ck_assert_int_eq(unit_run("cd '%s' && { %s; }", unit_tmp(), changes[i]), 0);
		struct allocmap *m = build(tmp("disk"), NULL);
		ck_assert_uint_eq(m->n, 1);
		ck_assert_int_eq(m->v[0].how, MAP_WHOLE);
		ck_ok(disk_open(&d, tmp("disk"), 0, &err));
		ck_ok(disk_data_ranges(d, 0, d->size, &data, &err));
		ck_assert(ranges_equal(&m->keep, &data));
		disk_close(d);
		allocmap_free(m);
	}
}
END_TEST

START_TEST(overlapping_partitions_are_copied_whole)
{
	/* C: and recovery overlap; so the gaps are kept, too. */
	make_disk(false);
	CLEANUP_CLOSE int fd = open(tmp("disk"), O_RDWR);
	uint8_t sectors[4] = {0, 0, 1, 0}; /* 32 MiB + 2 of C: now: 65536 + 4096 */
	sectors[1] = 0x10;
	ck_assert_int_eq(pwrite_full(fd, sectors, 4, 446 + 16 + 12), 0);
	struct allocmap *m = build(tmp("disk"), NULL);
	ck_assert_ptr_nonnull(strstr(warning, "partition-table: "));
	ck_assert_int_eq(part_of(m, 2)->how, MAP_WHOLE);
	ck_assert_uint_eq(m->kept, 60 * MiB);
	allocmap_free(m);
}
END_TEST

START_TEST(options)
{
	make_disk(true);
	struct allocmap *m = build(tmp("disk"), &(struct allocmap_options){.whole_disk = true});
	struct allocmap *again = build(tmp("disk"), &(struct allocmap_options){.whole_disk = true});
	ck_assert_uint_eq(m->n, 1);
	ck_assert_uint_eq(m->excluded, 0);
	ck_assert_uint_ge(m->kept, 50 * MiB);
	ck_assert_int_eq(memcmp(m->id, again->id, sizeof(m->id)), 0);
	/* The id is what its header says it is. */
	CLEANUP_FREE char *bytes = xmalloc(12 + 16 * m->keep.n), *sum = NULL;
	le64_put(bytes, 60 * MiB);
	le32_put(bytes + 8, 512);
	for (size_t i = 0; i < m->keep.n; i++) {
		le64_put(bytes + 12 + 16 * i, m->keep.v[i].start);
		le64_put(bytes + 20 + 16 * i, m->keep.v[i].end);
	}
	ck_ok(file_write_atomic(tmp("id"), bytes, 12 + 16 * m->keep.n, 0600, &err));
	ck_assert_int_eq(unit_run("sha256sum <'%s' | cut -c 1-64 >'%s'", tmp("id"), tmp("sum")), 0);
	ck_ok(file_read(tmp("sum"), 100, &sum, NULL, &err));
	json_t *j = allocmap_to_json(m);
	ck_assert_int_eq(strncmp(json_string_value(json_object_get(j, "id")), sum, 64), 0);
	json_decref(j);
	allocmap_free(m);
	allocmap_free(again);
}
END_TEST

START_TEST(bitlocker_is_copied_whole)
{
	const char *data = unit_data_dir();
	if (!data)
		unit_skip("a BitLocker volume: no test data (CE_TEST_DATA)");
	const char *image = tmp("bitlocker");
	struct disk *d = NULL;
	CLEANUP_RANGES struct ranges source = {0};
	ck_assert_int_eq(unit_run("tar -xzOf '%s/ntfs/libblockdev_bitlk-images.tar.gz' |"
				  " dd of='%s' bs=64K conv=sparse iflag=fullblock status=none",
				 data, image),
		0);
	struct allocmap *m = build(image, NULL);
	ck_assert_int_eq(part_of(m, 0)->how, MAP_WHOLE);
	ck_ok(disk_open(&d, image, 0, &err));
	ck_ok(disk_data_ranges(d, 0, d->size, &source, &err));
	ck_assert(ranges_equal(&m->keep, &source));
	disk_close(d);
	allocmap_free(m);
}
END_TEST

UNIT_MAIN("allocmap", real_volumes, volumes_of_every_cluster_size, files_that_are_left_out,
	files_that_look_like_those_left_out, a_dirty_volume_is_copied_whole,
	a_hibernated_volume_is_copied_whole, a_journal_that_cannot_be_read_is_a_reason,
	a_journal_in_use_is_a_reason, disks_like_those_of_windows, ntfs_in_a_partition_lives_on,
	nothing_is_left_out_of_what_is_not_understood, overlapping_partitions_are_copied_whole,
	options, bitlocker_is_copied_whole)
