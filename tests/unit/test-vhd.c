/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VHD files, created and read. Oracles: qemu-img, libvhdi, and the specification's own numbers. */
#include <inttypes.h>

#include "jsonx.h"
#include "unit.h"

#include "layout-util.h"
#include "vhd-format.h"
#include "vhd.h"

static char *tmp_path(const char *name)
{
	return xasprintf("%s/%s", unit_tmp(), name);
}

static struct layout *make_layout(
	uint64_t size, const struct ranges *map, enum image_type type, uint32_t block_size)
{
	struct image_options o = {.format = IMAGE_VHD, .type = type, .block_size = block_size};
	struct layout *l = NULL;
	ck_ok(image_options_complete(&o, &err));
	ck_ok(layout_new(&l, size, map, &o, &err));
	return l;
}

/* virtual-size as qemu-img says. */
static uint64_t qemu_size(const char *path)
{
	CLEANUP_FREE char *out = tmp_path("info.json");
	ck_assert_int_eq(unit_run("qemu-img info -f vpc --output=json %s >%s", path, out), 0);
	CLEANUP_JSON json_t *info = NULL;
	ck_ok(jsonx_read_file(out, &info, &err));
	uint64_t size = 0;
	ck_ok(jsonx_get_u64(info, "", "virtual-size", 0, UINT64_MAX, &size, &err));
	return size;
}

/* ---- creating ---- */

static const struct {
	uint64_t size;
	enum image_type type;
	uint32_t block_size;
	struct range map[4];
} created[] = {
	{1, IMAGE_DYNAMIC, 0, {{0, 1}}},
	{1, IMAGE_FIXED, 0, {{0, 1}}},
	{5 * MiB, IMAGE_DYNAMIC, 0, {{0}}},
	{5 * MiB, IMAGE_FIXED, 0, {{0, 5 * MiB}}},
	{5 * MiB + 513, IMAGE_FIXED, 0, {{511, 513}, {5 * MiB, 5 * MiB + 513}}},
	{5 * MiB + 513, IMAGE_DYNAMIC, 0, {{511, 513}, {5 * MiB, 5 * MiB + 513}}},
	{64 * MiB, IMAGE_DYNAMIC, 512 * KiB, {{0, 1 * MiB}, {3 * MiB + 1, 9 * MiB}}},
	{300 * MiB, IMAGE_DYNAMIC, 2 * MiB,
		{{0, 2 * MiB}, {4 * MiB - 1, 4 * MiB + 1}, {90 * MiB, 95 * MiB}}},
	/* From here on the geometry is at its largest: readers may take another branch. */
	{200 * GiB, IMAGE_DYNAMIC, 0, {{1 * MiB, 2 * MiB}, {200 * GiB - 1, 200 * GiB}}},
	{2040 * GiB, IMAGE_DYNAMIC, 0, {{0, 512}, {2040 * GiB - 512, 2040 * GiB}}},
	{2040 * GiB, IMAGE_FIXED, 0, {{0, 512}, {2040 * GiB - 512, 2040 * GiB}}},
};

static void check_created(size_t i)
{
	struct util_disk disk = {.size = created[i].size, .seed = i};
	CLEANUP_RANGES struct ranges map = {0};
	for (size_t k = 0; k < ARRAY_SIZE(created[i].map); k++)
		ranges_add(&map, created[i].map[k].start, created[i].map[k].end);
	CLEANUP(layout_free_p)
	struct layout *l = make_layout(disk.size, &map, created[i].type, created[i].block_size);
	CLEANUP_FREE char *image = tmp_path("created.vhd"), *raw = tmp_path("expected.raw");
	util_write_layout(l, &disk, image);
	util_write_expected(l, &disk, raw);
	ck_assert_msg(qemu_size(image) == layout_virtual_size(l), "case %zu: size", i);
	ck_assert_msg(unit_run("qemu-img compare -q -f vpc -F raw %s %s", image, raw) == 0,
		"case %zu: qemu-img reads something else", i);
}

START_TEST(qemu_reads_what_we_create)
{
	for (size_t i = 0; i < ARRAY_SIZE(created); i++)
		check_created(i);
}
END_TEST

UNIT_MAIN("vhd", qemu_reads_what_we_create)
