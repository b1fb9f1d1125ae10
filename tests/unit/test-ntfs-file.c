/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading files of a volume: all of it is copied out through our code and compared, by diff, with what
 * the NTFS-3G driver shows; and what cannot be read is refused by name.
 */
#include "wof-util.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "ntfs-file.h"
#include "ntfs-mount.h"
#include "ntfs-tool-file.h"
#include "ntfs-tool.h"
#include "utf16.h"

#define LIMIT (64 * MiB)

static const char *tmp(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s-%d", unit_tmp(), name, (int)getpid());
	return path;
}

struct opened {
	struct disk *disk;
	struct ntfs_volume *v;
};

static struct opened open_image(const char *image)
{
	struct opened o = {0};
	ck_ok(disk_open(&o.disk, image, 0, &err));
	ck_ok(ntfs_volume_open(&o.v, o.disk, 0, o.disk->size, &err));
	return o;
}

static void close_image(struct opened *o)
{
	ntfs_volume_close(o->v);
	disk_close(o->disk);
}

static int read_one(struct ntfs_volume *v, const char *path, struct error **err)
{
	uint8_t *data = NULL;
	size_t len;
	int result = ntfs_file_read(v, path, LIMIT, &data, &len, err);
	free(data);
	return result;
}

/* ---- all of a volume ---- */

static unsigned copy_file(struct ntfs_volume *v, const char *path, const char *to)
{
	CLEANUP_FREE uint8_t *data = NULL;
	size_t len;
	struct ntfs_stat st;
	ck_ok(ntfs_file_stat(v, path, &st, &err));
	ck_ok(ntfs_file_read(v, path, LIMIT, &data, &len, &err));
	ck_assert_uint_eq(st.size, len);
	ck_assert_uint_eq(data[len], 0);
	FILE *out = fopen(to, "w");
	ck_assert_uint_eq(fwrite(data, 1, len, out), len);
	fclose(out);
	return 1;
}

/* Copies what is in a folder; returns the number of files. */
static unsigned copy_folder(struct ntfs_volume *v, const char *path, const char *to)
{
	char **names = NULL;
	unsigned n = 0;
	ck_assert_int_eq(mkdir(to, 0700), 0);
	ck_ok(ntfs_dir_list(v, path, &names, &err));
	for (char **name = names; *name; name++) {
		struct ntfs_stat st;
		CLEANUP_FREE char *from = xasprintf("%s\\%s", path, *name);
		CLEANUP_FREE char *there = xasprintf("%s/%s", to, *name);
		ck_ok(ntfs_file_stat(v, from, &st, &err));
		ck_assert(st.exists);
		n += st.directory ? copy_folder(v, from, there) : copy_file(v, from, there);
		free(*name);
	}
	free(names);
	return n;
}

static unsigned compare_with_driver(const char *image)
{
	const char *out = tmp("out");
	ck_assert_int_eq(unit_run("rm -rf '%s'", out), 0);
	struct opened o = open_image(image);
	unsigned n = copy_folder(o.v, "", out);
	close_image(&o);
	ck_assert_int_eq(ntfs_mounted(image, "ro", "diff -r . '%s'", out), 0);
	return n;
}

START_TEST(volumes_of_windows)
{
	if (!unit_data_dir())
		unit_skip("real NTFS volumes: no test data (CE_TEST_DATA)");
	static const char *const cases[] = {
		"xzcat '%s/ntfs/boot.sdi.xz' | tail -c +8193 >'%s'",
		"xzcat '%s/ntfs/velociraptor_partition_image.raw.xz' >'%s'",
		"zcat '%s/ntfs/dfir/ntfs3.raw.gz' >'%s'",
		"zcat '%s/ntfs/dfir/ntfs3_attrlist.raw.gz' >'%s'",
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *image = tmp("windows");
		CLEANUP_FREE char *command = xasprintf(cases[i], unit_data_dir(), image);
		ck_assert_int_eq(unit_run("%s", command), 0);
		printf("# %u files\n", compare_with_driver(image));
	}
}
END_TEST

/* Fragmented, compressed, in folders of many blocks; 512-byte to 64 KiB clusters. */
START_TEST(volumes_of_others)
{
	static const unsigned clusters[] = {512, 4096, 65536};
	for (size_t i = 0; i < ARRAY_SIZE(clusters); i++) {
		const char *image = tmp("made");
		ntfs_tool_make(image, 64 * MiB, clusters[i], 512);
		ntfs_tool_fill(image, (unsigned)i + 1, 500);
		ck_assert_uint_gt(compare_with_driver(image), 300);
	}
}
END_TEST

START_TEST(sparse_and_compressed)
{
	const char *image = tmp("sparse");
	ntfs_tool_make(image, 64 * MiB, 4096, 512);
	ntfs_tool_compressed_file(image, "/compressed");
	ntfs_tool_file(image, "/compressed", 300000);
	ck_assert_int_eq(
		ntfs_mounted(image, "rw,compression",
			"truncate -s 5000000 hole && echo end >>hole && truncate -s 9000000 hole &&"
			" mkdir c && setfattr -h -v 0x00000800 -n system.ntfs_attrib_be c &&"
			" seq 200000 >c/text && cp c/text c/more && seq 3 >>c/more && : >c/empty &&"
			" echo tiny >c/tiny && ln c/text link"),
		0);
	ck_assert_uint_eq(compare_with_driver(image), 7);
	struct opened o = open_image(image);
	struct ntfs_stat st;
	ck_ok(ntfs_file_stat(o.v, "\\hole", &st, &err));
	ck_assert_uint_eq(st.size, 9000000);
	ck_assert_uint_lt(st.allocated, 200000);
	ck_assert_uint_gt(st.allocated, 0);
	ck_ok(ntfs_file_stat(o.v, "\\C\\TEXT", &st, &err));
	ck_assert_uint_eq(st.size, 1288895);
	ck_assert_uint_lt(st.allocated, 900000);
	ck_ok(ntfs_file_stat(o.v, "\\c\\tiny", &st, &err));
	ck_assert_uint_eq(st.allocated, 0);
	close_image(&o);
}
END_TEST

/* ---- names ---- */

START_TEST(names_and_times)
{
	const char *image = tmp("names");
	ntfs_tool_make(image, 32 * MiB, 4096, 512);
	ck_assert_int_eq(
		ntfs_mounted(image, "rw",
			"mkdir -p 'Ünïcode/日本 𝒳' && echo 1 >'Ünïcode/日本 𝒳/żółw Ω.txt' &&"
			" TZ=UTC touch -d 2021-02-03T04:05:06 'Ünïcode/日本 𝒳/żółw Ω.txt' &&"
			" echo 2 >'PROGRAM with a long name.exe' && echo 3 >straße"),
		0);
	ntfs_tool_dos_name(image, "/PROGRAM with a long name.exe", "PROGRA~1.EXE");
	struct opened o = open_image(image);
	struct ntfs_stat st;
	char **names = NULL;
	ck_ok(ntfs_file_stat(o.v, "\\üNÏCODE\\\\日本 𝒳\\ŻÓŁW ω.TXT", &st, &err));
	ck_assert(st.exists && !st.directory && !st.wof);
	ck_assert_int_eq(st.modified, 1612325106);
	ck_ok(ntfs_file_stat(o.v, "ünïcode\\日本 𝒳\\", &st, &err));
	ck_assert(st.exists && st.directory);
	ck_ok(ntfs_file_stat(o.v, "\\Progra~1.exe", &st, &err));
	ck_assert(st.exists);
	/* One letter for one: no other folding than $UpCase has. */
	ck_ok(ntfs_file_stat(o.v, "\\STRASSE", &st, &err));
	ck_assert(!st.exists);
	ck_ok(ntfs_file_stat(o.v, "\\STRAßE", &st, &err));
	ck_assert(st.exists);
	/* Names that no file can have; a file is no folder. */
	static const char *const none[] = {"\\no", "\\no\\no", "\\straße\\x", "\\\xff\xfe", "\\.",
		"\\..", "\\Ünïcode\\日本 𝒴"};
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		ck_ok(ntfs_file_stat(o.v, none[i], &st, &err));
		ck_assert(!st.exists);
		ck_fails(read_one(o.v, none[i], &err), ERR_NOT_FOUND, NULL);
	}
	CLEANUP_FREE char *long_name = xmalloc(3000);
	memset(long_name, 'x', 2999);
	long_name[2999] = '\0';
	ck_ok(ntfs_file_stat(o.v, long_name, &st, &err));
	ck_assert(!st.exists);
	/* The short name is none of its own in the list, the case is kept. */
	ck_ok(ntfs_dir_list(o.v, "\\", &names, &err));
	unsigned n = 0, found = 0;
	for (; names[n]; n++) {
		found += !strcmp(names[n], "PROGRAM with a long name.exe") +
			 !strcmp(names[n], "straße") + !strcmp(names[n], "Ünïcode");
		free(names[n]);
	}
	free(names);
	ck_assert_uint_eq(n, 3);
	ck_assert_uint_eq(found, 3);
	ck_ok(ntfs_dir_list(o.v, "\\not there", &names, &err));
	ck_assert_ptr_null(names[0]);
	free(names);
	ck_fails(ntfs_dir_list(o.v, "\\straße", &names, &err), ERR_NOT_FOUND, "not a folder");
	ck_fails(read_one(o.v, "\\ünïcode", &err), ERR_NOT_FOUND, "is a folder");
	ck_fails(read_one(o.v, "", &err), ERR_NOT_FOUND, "is a folder");
	close_image(&o);
}
END_TEST

/* ---- CompactOS ---- */

START_TEST(compact_os)
{
	static const size_t sizes[] = {1, 600, 4096, 33000, 1000003};
	static uint8_t data[1000003];
	const char *image = tmp("wof");
	uint8_t reparse[24];
	ntfs_tool_make(image, 64 * MiB, 4096, 512);
	for (size_t f = 0; f < ARRAY_SIZE(wof_formats); f++)
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			size_t packed;
			CLEANUP_FREE char *path = xasprintf("/wof %zu %zu", f, s);
			wof_sample(data, sizes[s], f * 10 + s);
			CLEANUP_FREE uint8_t *stream = wof_pack(f, data, sizes[s], &packed);
			wof_reparse(reparse, 2, wof_formats[f].format);
			ntfs_tool_file(image, path, 0);
			ntfs_tool_wof(image, path, sizes[s], stream, packed, reparse, 24);
		}
	struct opened o = open_image(image);
	for (size_t f = 0; f < ARRAY_SIZE(wof_formats); f++)
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			struct ntfs_stat st;
			CLEANUP_FREE uint8_t *have = NULL;
			CLEANUP_FREE char *path = xasprintf("\\WOF %zu %zu", f, s);
			size_t len;
			wof_sample(data, sizes[s], f * 10 + s);
			ck_ok(ntfs_file_stat(o.v, path, &st, &err));
			ck_assert(st.wof);
			ck_assert_uint_eq(st.size, sizes[s]);
			if (sizes[s] > 900000)
				ck_assert(st.allocated > 300000 && st.allocated < 600000);
			ck_ok(ntfs_file_read(o.v, path, sizes[s], &have, &len, &err));
			ck_assert_uint_eq(len, sizes[s]);
			ck_assert_int_eq(memcmp(have, data, len), 0);
			ck_assert_uint_eq(have[len], 0);
			ck_fails(ntfs_file_read(o.v, path, sizes[s] - 1, &have, &len, &err),
				ERR_NTFS_DAMAGED, "at most");
		}
	close_image(&o);
}
END_TEST

/* ---- refusals ---- */

START_TEST(what_cannot_be_read)
{
	static const struct {
		uint32_t tag;
		const char *text;
	} cases[] = {
		{0xa000000c, "\"\\f0\" is a symbolic link"},
		{0x80000013, "\"\\f1\" is deduplicated"},
		{0x9000701a, "\"\\f2\" is kept in the cloud"},
		{0x80001234, "\"\\f3\" is a reparse point with tag 0x80001234"},
	};
	const char *image = tmp("refused");
	uint8_t reparse[32] = {0};
	struct ntfs_stat st;
	char **names = NULL;
	ntfs_tool_make(image, 32 * MiB, 4096, 512);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_FREE char *path = xasprintf("/f%zu", i);
		ntfs_tool_file(image, path, 100);
		le32_put(reparse, cases[i].tag);
		le32_put(reparse + 4, 24);
		ntfs_tool_reparse(image, path, reparse, 32);
	}
	ntfs_tool_mkdir(image, "/junction");
	le32_put(reparse, 0xa0000003);
	ntfs_tool_reparse(image, "/junction", reparse, 32);
	ntfs_tool_mkdir(image, "/cloud");
	ntfs_tool_file(image, "/cloud/file", 100);
	le32_put(reparse, 0x9000101a);
	ntfs_tool_reparse(image, "/cloud", reparse, 32);
	ntfs_tool_file(image, "/wimboot", 100);
	wof_reparse(reparse, 1, 0);
	ntfs_tool_reparse(image, "/wimboot", reparse, 24);
	ntfs_tool_file(image, "/no stream", 100);
	wof_reparse(reparse, 2, 0);
	ntfs_tool_reparse(image, "/no stream", reparse, 24);
	ntfs_tool_file(image, "/secret", 100);
	ntfs_tool_set_flags(image, "/secret", 0x4020);
	ntfs_tool_file(image, "/large", 100000);

	struct opened o = open_image(image);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_FREE char *path = xasprintf("\\f%zu", i);
		ck_fails(read_one(o.v, path, &err), ERR_FILE_UNSUPPORTED, cases[i].text);
		ck_ok(ntfs_file_stat(o.v, path, &st, &err));
		ck_assert(st.exists && !st.wof);
	}
	ck_fails(read_one(o.v, "\\wimboot", &err), ERR_FILE_UNSUPPORTED, "WIM image");
	ck_fails(read_one(o.v, "\\no stream", &err), ERR_NTFS_DAMAGED, "\\no stream");
	ck_fails(read_one(o.v, "\\secret", &err), ERR_FILE_UNSUPPORTED, "encrypted (EFS)");
	ck_fails(read_one(o.v, "\\junction\\x", &err), ERR_FILE_UNSUPPORTED,
		"\"\\junction\\\" is a junction or mount point: not followed");
	ck_fails(ntfs_file_stat(o.v, "\\junction\\x", &st, &err), ERR_FILE_UNSUPPORTED, NULL);
	ck_fails(ntfs_dir_list(o.v, "\\junction", &names, &err), ERR_FILE_UNSUPPORTED, "junction");
	/* A folder that the cloud's client knows is a folder. */
	ck_ok(read_one(o.v, "\\cloud\\file", &err));
	uint8_t *data;
	size_t len;
	ck_fails(ntfs_file_read(o.v, "\\large", 99999, &data, &len, &err), ERR_NTFS_DAMAGED,
		"has 100000 bytes (at most 99999 expected)");
	ck_fails(ntfs_file_read(o.v, "\\large", UINT64_MAX, &data, &len, &err), ERR_NTFS_DAMAGED,
		NULL);
	close_image(&o);
}
END_TEST

/* ---- hostile ---- */

/* The index block that lists these files, as stored (without its update sequence undone). */
static uint64_t find_index_block(const char *image, uint8_t block[4096])
{
	CLEANUP_CLOSE int fd = open(image, O_RDONLY);
	for (uint64_t at = 0; pread_full(fd, block, 4096, at) == 4096; at += 4096)
		if (memcmp(block, "INDX", 4) == 0 && memmem(block, 4096, "l\0o\0n\0g\0", 8))
			return at;
	ck_abort_msg("no index block");
}

/* A folder's index that goes in a circle: its block says that what comes last is below itself. */
START_TEST(an_index_in_a_circle)
{
	const char *image = tmp("circle");
	uint8_t block[4096];
	struct ntfs_stat st;
	ntfs_tool_make(image, 32 * MiB, 4096, 512);
	ntfs_tool_mkdir(image, "/folder");
	for (unsigned i = 0; i < 20; i++) {
		CLEANUP_FREE char *path = xasprintf("/folder/some long name of a file %02u", i);
		ntfs_tool_file(image, path, 0);
	}
	uint64_t at = find_index_block(image, block);
	/* The last entry gets a sub-node, block 0, and the block is no leaf. */
	uint8_t *header = block + 0x18;
	size_t entry = 0x18 + le32_at(header);
	while (!(le16_at(block + entry + 12) & 2))
		entry += le16_at(block + entry + 8);
	ck_assert_uint_lt(entry % 512 + 32, 510);
	le16_put(block + entry + 8, 24);
	le16_put(block + entry + 12, 3);
	memset(block + entry + 16, 0, 8);
	le32_put(header + 4, le32_at(header + 4) + 8);
	header[12] |= 1;
	CLEANUP_CLOSE int fd = open(image, O_WRONLY);
	ck_assert_int_eq(pwrite_full(fd, block, 4096, at), 0);
	struct opened o = open_image(image);
	ck_fails(ntfs_file_stat(o.v, "\\folder\\zzz", &st, &err), ERR_NTFS_DAMAGED, "in circles");
	/* Once more: the volume is not the worse for it. */
	ck_ok(ntfs_file_stat(o.v, "\\folder\\some long name of a file 03", &st, &err));
	ck_assert(st.exists);
	close_image(&o);
}
END_TEST

/* Everything is read from volumes with random damage: errors, but no crash and no end. */
START_TEST(random_damage)
{
	static const char *const paths[] = {"\\wof", "\\compressed",
		"\\folder 1\\file with some name 1", "\\large 2", "\\folder 3\\x", "\\junction\\x"};
	const char *image = tmp("damage");
	uint8_t reparse[24], sample[50000];
	size_t packed;
	ntfs_tool_make(image, 8 * MiB, 4096, 512);
	ntfs_tool_fill(image, 4, 60);
	ntfs_tool_compressed_file(image, "/compressed");
	ntfs_tool_file(image, "/compressed", 100000);
	wof_sample(sample, sizeof(sample), 1);
	CLEANUP_FREE uint8_t *stream = wof_pack(3, sample, sizeof(sample), &packed);
	wof_reparse(reparse, 2, WOF_LZX);
	ntfs_tool_file(image, "/wof", 0);
	ntfs_tool_wof(image, "/wof", sizeof(sample), stream, packed, reparse, 24);
	CLEANUP_FREE char *bytes = NULL;
	size_t size;
	unsigned opened = 0, errors = 0;
	ck_ok(file_read(image, 16 * MiB, &bytes, &size, &err));
	srand(17);
	CLEANUP_CLOSE int fd = open(image, O_WRONLY);
	for (int round = 0; round < 150; round++) {
		uint64_t where[40];
		struct disk *d = NULL;
		struct ntfs_volume *v = NULL;
		CLEANUP_ERR struct error *refused = NULL;
		for (size_t i = 0; i < ARRAY_SIZE(where); i++) {
			/* Where metadata is: $MFT and what follows the volume's own files. */
			uint8_t c = (uint8_t)rand();
			where[i] = 16384 + (uint64_t)rand() % (512 * 1024);
			ck_assert_int_eq(pwrite_full(fd, &c, 1, where[i]), 0);
		}
		ck_ok(disk_open(&d, image, 0, &err));
		if (ntfs_volume_open(&v, d, 0, d->size, &refused) == 0)
			for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
				CLEANUP_ERR struct error *problem = NULL;
				struct ntfs_stat st;
				char **names = NULL;
				errors += ntfs_file_stat(v, paths[i], &st, &problem) < 0 ||
					  read_one(v, paths[i], &problem) < 0;
				CLEANUP_ERR struct error *other = NULL;
				if (ntfs_dir_list(v, i ? "\\folder 2" : "", &names, &other) < 0)
					continue;
				for (char **n = names; *n; n++)
					free(*n);
				free(names);
			}
		opened += v != NULL;
		ntfs_volume_close(v);
		disk_close(d);
		for (size_t i = 0; i < ARRAY_SIZE(where); i++)
			ck_assert_int_eq(pwrite_full(fd, bytes + where[i], 1, where[i]), 0);
	}
	printf("# %u of 150 opened, %u errors\n", opened, errors);
	ck_assert_uint_gt(opened, 10);
}
END_TEST

UNIT_MAIN("ntfs-file", volumes_of_windows, volumes_of_others, sparse_and_compressed,
	names_and_times, compact_os, what_cannot_be_read, an_index_in_a_circle, random_damage)
