/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NTFS volumes that are damaged, hostile or cannot be read; and bitmaps of every kind. */
#include "allocmap-util.h"

#include "bit-runs.h"
#include "disk-fault.h"
#include "io.h"
#include "ntfs-boot.h"

/* ---- bitmaps ---- */

/* Bits as runs of random length, fed in pieces, against a bit by bit look. */
START_TEST(bits_become_ranges)
{
	enum { BITS = 20000 };
	static uint8_t bytes[BITS / 8 + 8], back[BITS / 8 + 8];
	srand(11);
	for (int round = 0; round < 200; round++) {
		CLEANUP_RANGES struct ranges r = {0};
		struct bit_runs runs;
		unsigned longest = 1u << rand() % 12, set = 0;
		unsigned bits = BITS - (unsigned)rand() % 200;
		memset(bytes, 0, sizeof(bytes));
		memset(back, 0, sizeof(back));
		for (unsigned i = 0, on = 0; i < bits; on = !on)
			for (unsigned n = (unsigned)rand() % longest + 1; n && i < bits; n--, i++) {
				bytes[i / 8] |= (uint8_t)(on << i % 8);
				set += on;
			}
		/* What lies behind the last bit does not count. */
		bytes[bits / 8] |= (uint8_t)(0xff << bits % 8);
		bit_runs_init(&runs, &r, 1000, 16);
		for (unsigned at = 0; at < bits;) {
			unsigned n = ((unsigned)rand() % 40 + 1) * 64;
			n = n < bits - at ? n : bits - at;
			bit_runs_feed(&runs, bytes + at / 8, n);
			at += n;
		}
		bit_runs_end(&runs);
		bytes[bits / 8] &= (uint8_t) ~(0xff << bits % 8);
		RANGES_FOREACH (p, &r)
			for (uint64_t b = p->start; b < p->end; b += 16)
				back[(b - 1000) / 16 / 8] |= (uint8_t)(1 << (b - 1000) / 16 % 8);
		ck_assert_int_eq(memcmp(bytes, back, sizeof(bytes)), 0);
		ck_assert_uint_eq(runs.set, set);
		ck_assert_uint_eq(ranges_total(&r), set * UINT64_C(16));
	}
}
END_TEST

/* Every other bit, or any bit, of a large bitmap: the memory stays bounded, and nothing is lost. */
START_TEST(hostile_bits_stay_bounded)
{
	enum { BYTES = 1 << 20, PIECES = 16 };
	CLEANUP_FREE uint8_t *bytes = xmalloc(BYTES);
	for (int random = 0; random < 2; random++) {
		CLEANUP_RANGES struct ranges r = {0};
		struct bit_runs runs;
		uint64_t set = 0;
		for (size_t i = 0; i < BYTES; i++) {
			bytes[i] = random ? (uint8_t)(rand() & rand() & rand()) : 0x55;
			set += (unsigned)__builtin_popcount(bytes[i]);
		}
		bit_runs_init(&runs, &r, 0, 4096);
		for (int i = 0; i < PIECES; i++) {
			bit_runs_feed(&runs, bytes, BYTES * 8);
			ck_assert_uint_le(r.cap, 2 * BIT_RUNS_MAX);
		}
		bit_runs_end(&runs);
		ck_assert_uint_eq(runs.set, set * PIECES);
		ck_assert_uint_le(r.n, BIT_RUNS_MAX);
		for (uint64_t i = 0; i < BYTES * UINT64_C(8) * PIECES; i += 61)
			if (bytes[i / 8 % BYTES] & 1 << i % 8)
				ck_assert(ranges_contain(&r, i * 4096, i * 4096 + 4096));
	}
}
END_TEST

/* ---- damage ---- */

static const char *volume(void)
{
	return tmp("volume");
}

static void make_volume(void)
{
	ntfs_tool_make(volume(), 24 * MiB, 4096, 512);
	ntfs_tool_fill(volume(), 5, 60);
	ntfs_tool_file(volume(), "/pagefile.sys", MiB);
}

static void poke(uint64_t offset, const void *bytes, size_t len)
{
	CLEANUP_CLOSE int fd = open(volume(), O_WRONLY);
	ck_assert_int_eq(pwrite_full(fd, bytes, len, offset), 0);
}

/* The volume alone is refused for that reason, and a disk with it copied whole. */
static void check_damaged(const char *text)
{
	struct allocmap *m = build(volume(), NULL);
	const struct allocmap_part *p = part_of(m, 0);
	ck_assert_int_eq(p->how, MAP_NTFS_FALLBACK);
	ck_assert_msg(strstr(p->reason, text), "%s (\"%s\" expected)", p->reason, text);
	ck_assert_msg(strstr(warning, "ntfs-damaged: ") == warning, "%s", warning);
	ck_assert_uint_eq(p->excluded, 0);
	allocmap_free(m);
}

START_TEST(a_bitmap_that_says_free)
{
	char zeros[4096] = {0};
	make_volume();
	poke(ntfs_tool_data_offset(volume(), 6), zeros, 768);
	check_damaged("which $Bitmap says are free");
	/* One bit, of the volume's own: $MFTMirr's first cluster. */
	make_volume();
	uint64_t lcn = ntfs_tool_data_offset(volume(), 1) / 4096;
	uint64_t at = ntfs_tool_data_offset(volume(), 6) + lcn / 8;
	uint8_t byte;
	CLEANUP_CLOSE int fd = open(volume(), O_RDONLY);
	ck_assert_int_eq(pread_full(fd, &byte, 1, at), 1);
	ck_assert(byte & 1 << lcn % 8);
	byte &= (uint8_t) ~(1 << lcn % 8);
	poke(at, &byte, 1);
	check_damaged("file 0x1 has clusters");
}
END_TEST

START_TEST(a_mirror_that_differs)
{
	make_volume();
	poke(ntfs_tool_data_offset(volume(), 1) + 1024 + 24, "\x7f", 1);
	check_damaged("$MFTMirr");
}
END_TEST

/* A pagefile.sys whose clusters are also the MFT's: leaving it out would take the volume along. */
START_TEST(a_file_with_stolen_clusters)
{
	make_volume();
	ntfs_tool_file(volume(), "/swapfile.sys", 8192);
	ntfs_tool_steal(volume(), "/swapfile.sys", ntfs_tool_data_offset(volume(), 0) / 4096);
	check_damaged("\"\\swapfile.sys\" has clusters of the volume's own files");
	make_volume();
	ntfs_tool_steal(volume(), "/pagefile.sys", 24 * MiB / 4096 - 2);
	check_damaged("the volume ends at");
	make_volume();
	ntfs_tool_steal(volume(), "/pagefile.sys", 24 * MiB / 4096 - 300);
	check_damaged("which $Bitmap says are free");
}
END_TEST

START_TEST(boot_sectors_that_lie)
{
	static const struct {
		unsigned offset;
		const char *bytes;
		unsigned len;
		const char *text;
	} cases[] = {
		{11, "\x2c\x01", 2, "sectors of 300 bytes"},
		{13, "\x00", 1, "clusters of 0 bytes"},
		{13, "\xf0", 1, "clusters of 33554432 bytes"},
		{13, "\x90", 1, "clusters of 0 bytes"},
		{64, "\x00", 1, "impossible size"},
		{64, "\xe1", 1, "impossible size"},
		{68, "\x80", 1, "impossible size"},
		{40, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8, "its partition 25165824 bytes"},
		{40, "\0\0\1\0\0\0\0\0", 8, "has 65536 sectors of 512 bytes"},
		{40, "\0\0\0\0\0\0\0\0", 8, "has 0 sectors"},
		{48, "\xff\xff\xff\xff\0\0\0\0", 8, NULL},
		{48, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, NULL},
		{3, "NTFZ", 4, "the boot sector was overwritten"},
	};
	make_volume();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct disk *d = NULL;
		struct ntfs_volume *v = NULL;
		char old[8];
		CLEANUP_CLOSE int fd = open(volume(), O_RDONLY);
		ck_assert_int_eq(pread_full(fd, old, cases[i].len, cases[i].offset), cases[i].len);
		poke(cases[i].offset, cases[i].bytes, cases[i].len);
		ck_ok(disk_open(&d, volume(), 0, &err));
		ck_fails(
			ntfs_volume_open(&v, d, 0, d->size, &err), ERR_NTFS_DAMAGED, cases[i].text);
		disk_close(d);
		poke(cases[i].offset, old, cases[i].len);
	}
	struct disk *d = NULL;
	struct ntfs_volume *v = NULL;
	ck_ok(disk_open(&d, volume(), 0, &err));
	ck_fails(ntfs_volume_open(&v, d, 512, d->size, &err), ERR_NTFS_DAMAGED, "past the end");
	ck_fails(ntfs_volume_open(&v, d, 0, 100, &err), ERR_NTFS_DAMAGED, "100 bytes");
	ck_ok(ntfs_volume_open(&v, d, 0, d->size, &err));
	ntfs_volume_close(v);
	disk_close(d);
}
END_TEST

START_TEST(boot_sectors_of_windows)
{
	const char *data = unit_data_dir();
	if (!data)
		unit_skip("boot sectors of Windows: no test data (CE_TEST_DATA)");
	static const struct {
		const char *name;
		uint32_t cluster, sector;
	} cases[] = {{"512.boot", 512, 512}, {"4k.boot", 4096, 512}, {"64k.boot", 65536, 512},
		{"128k.boot", 131072, 512}, {"4kn.boot", 4096, 4096},
		{"nobootcode.boot", 4096, 512}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct disk *d = NULL;
		struct ntfs_boot b;
		ck_assert_int_eq(unit_run("cp '%s/ntfs/dfir/%s' '%s' && chmod u+w '%s' &&"
					  " truncate -s 8T '%s'",
					 data, cases[i].name, volume(), volume(), volume()),
			0);
		ck_ok(disk_open(&d, volume(), 0, &err));
		ck_ok(ntfs_boot_read(&b, d, 0, d->size, &err));
		ck_assert_uint_eq(b.cluster_size, cases[i].cluster);
		ck_assert_uint_eq(b.sector_size, cases[i].sector);
		ck_assert_uint_gt(b.clusters, 1000);
		ck_assert(!b.shadow_copies);
		disk_close(d);
	}
}
END_TEST

/* A disk that stops reading at any moment is a read error: never a volume "damaged", or mapped. */
START_TEST(read_errors_are_read_errors)
{
	make_volume();
	uint64_t reads = UINT64_MAX;
	for (uint64_t left = 0; left < reads; left++) {
		struct disk *d = NULL;
		struct allocmap *m = NULL;
		struct error *failure = NULL;
		ck_ok(disk_open(&d, volume(), 0, &err));
		struct disk_fault *f = disk_fault_new(d);
		f->reads_left = left;
		if (build_from(&m, &f->disk, NULL, NULL, &failure) == 0) {
			ck_assert_uint_eq(f->failures, 0);
			ck_assert_int_eq(part_of(m, 0)->how, MAP_NTFS);
			reads = f->reads;
		} else {
			ck_assert_msg(failure->code == ERR_DISK_READ, "read %llu: %s",
				(unsigned long long)left, failure->message);
		}
		err_free(failure);
		allocmap_free(m);
		disk_close(&f->disk);
	}
	ck_assert_uint_gt(reads, 20);
}
END_TEST

START_TEST(mapping_stops_when_asked)
{
	make_volume();
	struct disk *d = NULL;
	struct allocmap *m = NULL;
	atomic_int stop = OP_STOP_CANCEL;
	ck_ok(disk_open(&d, volume(), 0, &err));
	ck_fails(build_from(&m, d, NULL, &stop, &err), ERR_CANCELED, NULL);
	disk_close(d);
}
END_TEST

static void check_used(void *data, uint64_t inode, bool unnamed_data, uint64_t offset, uint64_t len)
{
	(void)inode, (void)unnamed_data;
	ck_assert(ranges_contain(data, offset, offset + len));
}

/* ntfs_volume_used() alone, of a volume somewhere on a disk. */
START_TEST(a_volume_within_a_disk)
{
	const char *disk = tmp("disk");
	CLEANUP_RANGES struct ranges used = {0}, runs = {0};
	struct disk *d = NULL;
	struct ntfs_volume *v = NULL;
	struct op op = {0};
	make_volume();
	ck_assert_int_eq(unit_run("dd if='%s' of='%s' bs=64K seek=1 conv=sparse status=none &&"
				  " truncate -s +1M '%s'",
				 volume(), disk, disk),
		0);
	ck_ok(disk_open(&d, disk, 0, &err));
	ck_ok(ntfs_volume_open(&v, d, 64 * KiB, 24 * MiB, &err));
	ck_ok(ntfs_volume_used(v, &used, &op, &err));
	ck_assert_int_eq(
		ntfs_volume_file_runs(v, "\\PAGEFILE.sys", &runs, &(struct error *){NULL}), 1);
	ck_assert_uint_eq(ranges_total(&runs), MiB);
	ck_assert_int_eq(ntfs_volume_file_runs(v, "\\none", &runs, &(struct error *){NULL}), 0);
	ck_assert_int_eq(
		ntfs_volume_file_runs(v, "\\large 1\\none", &runs, &(struct error *){NULL}), 0);
	ck_assert_int_eq(ntfs_volume_file_runs(v, "\\folder 1\\file with some name 1", &runs,
				 &(struct error *){NULL}),
		1);
	ck_assert_uint_eq(ranges_total(&used) / 4096 * 4096,
		24 * MiB - ntfs_volume_facts(v)->free_clusters * 4096);
	ntfs_volume_close(v);
	disk_close(d);
	ck_ok(disk_open(&d, volume(), 0, &err));
	ck_ok(ntfs_volume_open(&v, d, 0, 24 * MiB, &err));
	ranges_clear(&used);
	ck_ok(ntfs_volume_used(v, &used, &op, &err));
	ntfs_tool_runs(volume(), check_used, &used);
	ntfs_volume_close(v);
	disk_close(d);
}
END_TEST

/* Random damage anywhere in the volume's own files: an answer, soon. */
START_TEST(random_damage)
{
	static const unsigned files[] = {0, 0, 0, 0, 1, 6, 7, 10};
	make_volume();
	uint64_t places[ARRAY_SIZE(files)];
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		places[i] = ntfs_tool_data_offset(volume(), files[i]);
	CLEANUP_CLOSE int fd = open(volume(), O_RDWR);
	srand(13);
	unsigned mapped = 0, damaged = 0;
	for (int round = 0; round < 300; round++) {
		uint64_t at = places[rand() % (int)ARRAY_SIZE(files)] + (uint64_t)rand() % 16384;
		uint8_t old[16], bent[16];
		size_t n = (size_t)rand() % 4 + 1;
		ck_assert_int_eq(pread_full(fd, old, n, at), (ssize_t)n);
		for (size_t i = 0; i < n; i++)
			bent[i] = rand() % 2 ? (uint8_t)rand() : 0xff;
		ck_assert_int_eq(pwrite_full(fd, bent, n, at), 0);
		struct allocmap *m = build(volume(), NULL);
		if (m->v[0].how == MAP_NTFS)
			mapped++;
		else
			damaged++;
		allocmap_free(m);
		ck_assert_int_eq(pwrite_full(fd, old, n, at), 0);
	}
	ck_assert_uint_gt(mapped, 10);
	ck_assert_uint_gt(damaged, 10);
}
END_TEST

UNIT_MAIN("ntfs", bits_become_ranges, hostile_bits_stay_bounded, a_bitmap_that_says_free,
	a_mirror_that_differs, a_file_with_stolen_clusters, boot_sectors_that_lie,
	boot_sectors_of_windows, read_errors_are_read_errors, mapping_stops_when_asked,
	a_volume_within_a_disk, random_damage)
