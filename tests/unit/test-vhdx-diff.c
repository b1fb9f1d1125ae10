/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Differencing VHDX files, made by hand of layouts: QEMU cannot make or read them. What they read
 * as is computed here from the bitmaps, and libvhdi must agree.
 */
#include "vhdx-util.h"

#include <libvhdi.h>

#include "utf16.h"

#define METADATA (2 * MiB) /* where layout-vhdx.c puts them */
#define BAT	 (3 * MiB)
#define LOCATOR	 (68 * KiB) /* in the region, behind the items */
#define BLOCK	 MiB
#define BLOCKS	 20

static char *child_path, *parent_path;

/* ---- making ---- */

struct pair {
	const char *key, *value;
};

static size_t make_locator(uint8_t *item, const struct pair *pairs, size_t n)
{
	struct vhdx_locator_header *h = (void *)item;
	struct vhdx_locator_entry *e = (void *)(h + 1);
	size_t end = sizeof(*h) + n * sizeof(*e);
	*h = (struct vhdx_locator_header){
		.type = VHDX_LOCATOR_TYPE, .count = le16_make((uint16_t)n)};
	for (size_t i = 0; i < n; i++) {
		size_t key, value;
		CLEANUP_FREE uint8_t *k = utf8_to_utf16(pairs[i].key, &key);
		CLEANUP_FREE uint8_t *v = utf8_to_utf16(pairs[i].value, &value);
		memcpy(item + end, k, 2 * key);
		memcpy(item + end + 2 * key, v, 2 * value);
		e[i] = (struct vhdx_locator_entry){.key_offset = le32_make((uint32_t)end),
			.value_offset = le32_make((uint32_t)(end + 2 * key)),
			.key_length = le16_make((uint16_t)(2 * key)),
			.value_length = le16_make((uint16_t)(2 * value))};
		end += 2 * (key + value);
	}
	return end;
}

/* Makes the dynamic image a differencing one. */
static void set_locator(const char *path, const struct pair *pairs, size_t n)
{
	uint8_t item[4096] = {0};
	size_t len = make_locator(item, pairs, n);
	const struct vhdx_metadata_entry e = {.guid = VHDX_META_PARENT_LOCATOR,
		.offset = le32_make(LOCATOR),
		.length = le32_make((uint32_t)len),
		.flags = le32_make(VHDX_METADATA_REQUIRED)};
	const le16 count = le16_make(6);
	const le32 flags = le32_make(VHDX_HAS_PARENT);
	vx_poke(path, METADATA + LOCATOR, item, len);
	vx_poke(path, METADATA + offsetof(struct vhdx_metadata_table, entries[5]), &e, sizeof(e));
	vx_poke(path, METADATA + offsetof(struct vhdx_metadata_table, count), &count,
		sizeof(count));
	vx_poke(path, METADATA + VHDX_METADATA_TABLE + 4, &flags, sizeof(flags));
}

static le64 bat_entry(const char *path, uint64_t index)
{
	le64 e;
	vx_peek(path, BAT + index * sizeof(e), &e, sizeof(e));
	return e;
}

static void set_bat(const char *path, uint64_t index, uint64_t offset, enum vhdx_bat_state state)
{
	le64 e = le64_make(offset | state);
	vx_poke(path, BAT + index * sizeof(e), &e, sizeof(e));
}

static void set_state(const char *path, uint64_t block, enum vhdx_bat_state state)
{
	set_bat(path, block, VHDX_BAT_OFFSET(le64_get(bat_entry(path, block))), state);
}

/*
 * A parent and a child of BLOCKS blocks. The child's blocks: 2 whole; 3, 9 and 19 by bitmap; 5 by a
 * bitmap that says nothing is there; 7 zero; 8 unmapped; all else is the parent's.
 */
static struct util_disk parent_disk = {.seed = 100},
			child_disk = {.size = BLOCKS * BLOCK, .seed = 200};
static uint8_t bitmap[MiB];
static uint32_t sector;

static bool child_has(uint64_t at)
{
	switch (at / BLOCK) {
	case 2:
		return true;
	case 3:
	case 5:
	case 9:
	case 19:
		return bitmap[at / sector / 8] >> at / sector % 8 & 1;
	default:
		return false;
	}
}

/* noise: bits of blocks whose bitmap must not be looked at say what is not so. */
static void make_bitmap(bool noise)
{
	memset(bitmap, 0, sizeof(bitmap));
	for (uint64_t at = 0; at < child_disk.size; at += sector) {
		uint64_t state = at, n = at / sector, block = at / BLOCK;
		bool set = block == 3	 ? n / 37 % 2
			   : block == 9	 ? util_random_below(&state, 2)
			   : block == 19 ? n % 64 == 5 || at + sector == child_disk.size
			   : block == 2	 ? !noise
			   : block == 5	 ? false
					 : noise && n % 2;
		bitmap[n / 8] |= (uint8_t)(set << n % 8);
	}
}

static void make_parent(uint64_t size)
{
	static const struct range map[] = {{0, 4 * BLOCK + 4096}, {5 * BLOCK, 5 * BLOCK + 8192},
		{7 * BLOCK, 10 * BLOCK}, {15 * BLOCK, 20 * BLOCK}};
	CLEANUP_RANGES struct ranges r = {0};
	parent_disk.size = size;
	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		ranges_add(&r, min_u64(map[i].start, size), min_u64(map[i].end, size));
	CLEANUP(layout_free_p)
	struct layout *l = vx_layout(size, &r, IMAGE_DYNAMIC, 2 * MiB, sector);
	util_write_layout(l, &parent_disk, parent_path);
}

static void make_child(const struct pair *pairs, size_t n)
{
	CLEANUP_RANGES struct ranges r = {0};
	static const uint64_t blocks[] = {2, 3, 5, 9, 19};
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		ranges_add(&r, blocks[i] * BLOCK, (blocks[i] + 1) * BLOCK);
	CLEANUP(layout_free_p)
	struct layout *l = vx_layout(child_disk.size, &r, IMAGE_DYNAMIC, BLOCK, sector);
	util_write_layout(l, &child_disk, child_path);
	set_locator(child_path, pairs, n);
	for (size_t i = 1; i < ARRAY_SIZE(blocks); i++)
		set_state(child_path, blocks[i], VHDX_BLOCK_PARTIALLY_PRESENT);
	set_state(child_path, 7, VHDX_BLOCK_ZERO);
	set_state(child_path, 8, VHDX_BLOCK_UNMAPPED);
	vx_poke(child_path, layout_length(l), bitmap, sizeof(bitmap));
	set_bat(child_path, vhdx_bat_bitmap_index(0, vhdx_chunk_ratio(BLOCK, sector)),
		layout_length(l), VHDX_BLOCK_FULLY_PRESENT);
}

static void expected(uint8_t *disk)
{
	memset(disk, 0, child_disk.size);
	CLEANUP(io_close_p) struct io *io = vx_io(parent_path, false);
	CLEANUP(vhdx_close_p) struct vhdx *p = NULL;
	ck_ok(vhdx_open(&p, io, 0, NULL, &err));
	ck_ok(vhdx_pread(p, disk, min_u64(parent_disk.size, child_disk.size), 0, &err));
	memset(disk + 7 * BLOCK, 0, 2 * BLOCK);
	for (uint64_t at = 0; at < child_disk.size; at += sector)
		if (child_has(at))
			ck_ok(util_disk_read(&child_disk, disk + at, sector, at, &err));
}

/* ---- opening ---- */

static int parent_pread(void *data, void *buf, size_t len, uint64_t offset, struct error **err)
{
	return vhdx_pread(data, buf, len, offset, err);
}

static int parent_ranges(
	void *data, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)
{
	return vhdx_data_ranges(data, start, end, ret, err);
}

static struct image_parent as_parent(struct vhdx *p)
{
	return (struct image_parent){.pread = parent_pread,
		.data_ranges = parent_ranges,
		.size = vhdx_info(p)->virtual_size,
		.id = vhdx_info(p)->data_id,
		.data = p};
}

static char *parent_id(void)
{
	CLEANUP(io_close_p) struct io *io = vx_io(parent_path, false);
	CLEANUP(vhdx_close_p) struct vhdx *p = NULL;
	char id[GUID_STRING_SIZE];
	ck_ok(vhdx_open(&p, io, 0, NULL, &err));
	guid_format(&vhdx_info(p)->data_id, id);
	return xasprintf("{%s}", id);
}

static void start(uint32_t sector_size, uint64_t parent_size, bool noise)
{
	sector = sector_size;
	child_path = vx_path("child.vhdx");
	parent_path = vx_path("parent.vhdx");
	make_bitmap(noise);
	make_parent(parent_size);
	CLEANUP_FREE char *id = parent_id();
	const struct pair pairs[] = {{"parent_linkage", id},
		{"absolute_win32_path", "\\\\?\\C:\\disks\\parent.vhdx"},
		{"relative_path", ".\\parent.vhdx"}, {"of_the_future", "?"}};
	make_child(pairs, ARRAY_SIZE(pairs));
}

static void finish(void)
{
	free(child_path);
	free(parent_path);
}

static void check_chain(uint64_t *random)
{
	CLEANUP(io_close_p) struct io *parent_io = vx_io(parent_path, false);
	CLEANUP(io_close_p) struct io *io = vx_io(child_path, false);
	CLEANUP(vhdx_close_p) struct vhdx *p = NULL, *v = NULL;
	CLEANUP_FREE uint8_t *want = xmalloc(child_disk.size);
	CLEANUP_FREE uint8_t *got = xmalloc(child_disk.size);
	CLEANUP_RANGES struct ranges data = {0};
	expected(want);
	ck_ok(vhdx_open(&p, parent_io, 0, NULL, &err));
	struct image_parent parent = as_parent(p);
	ck_ok(vhdx_open(&v, io, 0, &parent, &err));
	ck_assert(vhdx_info(v)->type == IMAGE_DIFFERENCING);
	ck_ok(vhdx_pread(v, got, child_disk.size, 0, &err));
	for (uint64_t at = 0; at < child_disk.size; at += sector)
		ck_assert_msg(memcmp(got + at, want + at, sector) == 0,
			"sector at 0x%" PRIx64 " differs", at);
	for (int i = 0; i < 2000; i++) {
		uint64_t at = util_random_below(random, child_disk.size);
		size_t n = (size_t)min_u64(util_random_below(random, 20000), child_disk.size - at);
		ck_ok(vhdx_pread(v, got, n, at, &err));
		ck_assert_int_eq(memcmp(got, want + at, n), 0);
	}
	/* Every sector that is not zero is in a data range; ranges tell parent's holes from data. */
	ck_ok(vhdx_data_ranges(v, 0, child_disk.size, &data, &err));
	for (uint64_t at = 0; at < child_disk.size; at += sector)
		ck_assert(mem_is_zero(want + at, sector) || ranges_contain(&data, at, at + sector));
	ck_assert(!ranges_intersects(&data, 7 * BLOCK, 9 * BLOCK));
	ck_assert(!ranges_intersects(&data, 10 * BLOCK, 14 * BLOCK));
	/* Asked for in pieces, the ranges are the same. */
	CLEANUP_RANGES struct ranges pieces = {0};
	for (uint64_t at = 0; at < child_disk.size;) {
		uint64_t end = at + 1 + util_random_below(random, 3 * MiB);
		ck_ok(vhdx_data_ranges(v, at, min_u64(end, child_disk.size), &pieces, &err));
		at = end;
	}
	ck_assert(ranges_equal(&data, &pieces));
}

START_TEST(bitmaps_and_parent)
{
	uint64_t random = 77;
	static const uint32_t sectors[] = {512, 4096};
	static const uint64_t parent_sizes[] = {20 * BLOCK, 17 * BLOCK, 25 * BLOCK};
	for (size_t i = 0; i < ARRAY_SIZE(sectors); i++)
		for (size_t k = 0; k < ARRAY_SIZE(parent_sizes); k++) {
			start(sectors[i], parent_sizes[k], true);
			check_chain(&random);
			CLEANUP_FREE char *findings = vx_findings(child_path);
			ck_assert_str_eq(findings, "");
			finish();
		}
}
END_TEST

START_TEST(libvhdi_agrees)
{
	/*
	 * Without noise: libvhdi looks at the bitmap whatever the block's state. And it takes zero and
	 * unmapped blocks from the parent, where [MS-VHDX] 2.5.1.1 wants zeros: they are left out.
	 */
	start(512, 20 * BLOCK, false);
	CLEANUP_FREE uint8_t *want = xmalloc(child_disk.size);
	CLEANUP_FREE uint8_t *got = xmalloc(child_disk.size);
	libvhdi_file_t *child = NULL, *parent = NULL;
	libvhdi_error_t *e = NULL;
	expected(want);
	ck_assert_int_eq(libvhdi_file_initialize(&parent, NULL), 1);
	ck_assert_int_eq(libvhdi_file_initialize(&child, NULL), 1);
	ck_assert_int_eq(libvhdi_file_open(parent, parent_path, LIBVHDI_OPEN_READ, &e), 1);
	ck_assert_int_eq(libvhdi_file_open(child, child_path, LIBVHDI_OPEN_READ, &e), 1);
	ck_assert_int_eq(libvhdi_file_set_parent_file(child, parent, &e), 1);
	size_t done = 0;
	while (done < child_disk.size) {
		ssize_t n = libvhdi_file_read_buffer_at_offset(
			child, got + done, child_disk.size - done, (off64_t)done, &e);
		if (n <= 0)
			libvhdi_error_fprint(e, stderr);
		ck_assert_int_gt(n, 0);
		done += (size_t)n;
	}
	for (uint64_t at = 0; at < child_disk.size; at += sector)
		ck_assert_msg(at / BLOCK == 7 || at / BLOCK == 8 ||
				      memcmp(got + at, want + at, sector) == 0,
			"libvhdi: sector at 0x%" PRIx64 " differs", at);
	libvhdi_file_free(&child, NULL);
	libvhdi_file_free(&parent, NULL);
	finish();
}
END_TEST

START_TEST(without_a_parent)
{
	start(512, 20 * BLOCK, true);
	CLEANUP(io_close_p) struct io *io = vx_io(child_path, false);
	struct vhdx *v = NULL;
	const char *const *paths;
	char buf[512];
	ck_fails(vhdx_open(&v, io, 0, NULL, &err), ERR_IMAGE_PARENT, ".\\parent.vhdx");
	ck_ok(vhdx_open(&v, io, VHDX_OPEN_NO_PARENT, NULL, &err));
	ck_assert_uint_eq(vhdx_parent_paths(v, &paths), 2);
	ck_assert_str_eq(paths[0], ".\\parent.vhdx");
	ck_assert_str_eq(paths[1], "\\\\?\\C:\\disks\\parent.vhdx");
	ck_assert_str_eq(vhdx_info(v)->parent, paths[0]);
	ck_ok(vhdx_pread(v, buf, sizeof(buf), 2 * BLOCK, &err));
	ck_ok(vhdx_pread(v, buf, sizeof(buf), 7 * BLOCK, &err));
	ck_fails(vhdx_pread(v, buf, sizeof(buf), 0, &err), ERR_IMAGE_PARENT, "without its parent");
	ck_fails(vhdx_pread(v, buf, sizeof(buf), 5 * BLOCK, &err), ERR_IMAGE_PARENT, NULL);
	vhdx_close(v);
	finish();
}
END_TEST

START_TEST(parent_of_another_id)
{
	start(512, 20 * BLOCK, true);
	CLEANUP(io_close_p) struct io *parent_io = vx_io(parent_path, false);
	CLEANUP(vhdx_close_p) struct vhdx *p = NULL, *v = NULL;
	ck_ok(vhdx_open(&p, parent_io, 0, NULL, &err));
	struct image_parent parent = as_parent(p);
	parent.id.b[0] ^= 1;
	{
		CLEANUP(io_close_p) struct io *io = vx_io(child_path, false);
		ck_fails(vhdx_open(&v, io, 0, &parent, &err), ERR_IMAGE_PARENT, "expected");
	}
	/* The second linkage is as good, while a merge is under way. */
	char other[GUID_STRING_SIZE];
	guid_format(&parent.id, other);
	CLEANUP_FREE char *id = parent_id();
	const struct pair pairs[] = {{"parent_linkage", id}, {"parent_linkage2", other}};
	make_child(pairs, 2);
	CLEANUP(io_close_p) struct io *io = vx_io(child_path, false);
	ck_ok(vhdx_open(&v, io, 0, &parent, &err));
	ck_assert_ptr_null(vhdx_info(v)->parent);
	finish();
}
END_TEST

/* ---- damaged ---- */

static void check_locator(const struct pair *pairs, size_t n, enum err_code code, const char *text)
{
	struct vhdx *v = NULL;
	make_child(pairs, n);
	CLEANUP(io_close_p) struct io *io = vx_io(child_path, false);
	ck_fails(vhdx_open(&v, io, VHDX_OPEN_NO_PARENT, NULL, &err), code, text);
	CLEANUP_FREE char *findings = vx_findings(child_path);
	ck_assert_str_eq(findings, "metadata-value ");
}

START_TEST(damaged_locators)
{
	static const struct pair none[] = {{"relative_path", "x"}};
	static const struct pair no_guid[] = {{"parent_linkage", "parent.vhdx"}};
	static const char id[] = "{83ed0ec3-24c8-49a6-a959-5e4bf1288bfb}";
	static const struct pair twice[] = {{"parent_linkage", id}, {"parent_linkage", id}};
	struct vhdx *v = NULL;
	start(512, 20 * BLOCK, true);
	check_locator(none, 1, ERR_IMAGE_CORRUPT, "no \"parent_linkage\"");
	check_locator(no_guid, 1, ERR_IMAGE_CORRUPT, "a GUID expected");
	check_locator(twice, 2, ERR_IMAGE_CORRUPT, "a second");

	static const uint8_t bad = 0xff;
	static const struct {
		size_t offset; /* in the item */
		enum err_code code;
		const char *text;
	} damage[] = {{0, ERR_IMAGE_UNSUPPORTED, "type"}, {19, ERR_IMAGE_CORRUPT, "do not fit"},
		{20 + 3, ERR_IMAGE_CORRUPT, "outside the item"},
		{20 + 7, ERR_IMAGE_CORRUPT, "outside the item"},
		{20 + 9, ERR_IMAGE_CORRUPT, "outside the item"},
		{20 + 11, ERR_IMAGE_CORRUPT, "outside the item"}};
	for (size_t i = 0; i < ARRAY_SIZE(damage); i++) {
		const struct pair good = {"parent_linkage", id};
		make_child(&good, 1);
		vx_poke(child_path, METADATA + LOCATOR + damage[i].offset, &bad, 1);
		CLEANUP(io_close_p) struct io *io = vx_io(child_path, false);
		ck_fails(vhdx_open(&v, io, VHDX_OPEN_NO_PARENT, NULL, &err), damage[i].code,
			damage[i].text);
	}
	finish();
}
END_TEST

START_TEST(damaged_bitmaps)
{
	static const struct {
		uint64_t offset;
		enum vhdx_bat_state state;
		const char *findings;
	} damage[] = {{0, VHDX_BLOCK_NOT_PRESENT, "bat-state "},
		{0, VHDX_BLOCK_FULLY_PRESENT, "bat-offset "},
		{4 * MiB, VHDX_BLOCK_UNMAPPED, "bat-state "},
		{500 * MiB, VHDX_BLOCK_FULLY_PRESENT, "bat-past-end "},
		{4 * MiB, VHDX_BLOCK_FULLY_PRESENT, "bat-overlap "}};
	char buf[512];
	for (size_t i = 0; i < ARRAY_SIZE(damage); i++) {
		start(512, 20 * BLOCK, true);
		set_bat(child_path, vhdx_bat_bitmap_index(0, 4096), damage[i].offset,
			damage[i].state);
		CLEANUP_FREE char *findings = vx_findings(child_path);
		ck_assert_str_eq(findings, damage[i].findings);
		CLEANUP(io_close_p) struct io *io = vx_io(child_path, false);
		CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
		ck_ok(vhdx_open(&v, io, VHDX_OPEN_NO_PARENT, NULL, &err));
		if (i < 4)
			ck_fails(vhdx_pread(v, buf, sizeof(buf), 3 * BLOCK, &err),
				ERR_IMAGE_CORRUPT, "bitmap");
		finish();
	}
}
END_TEST

UNIT_MAIN("vhdx-diff", bitmaps_and_parent, libvhdi_agrees, without_a_parent, parent_of_another_id,
	damaged_locators, damaged_bitmaps)
