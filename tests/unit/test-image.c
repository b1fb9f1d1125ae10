/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <time.h>

#include "image.h"
#include "unit.h"

START_TEST(defaults)
{
	struct image_options o = {.format = IMAGE_VHDX};
	ck_ok(image_options_complete(&o, &err));
	ck_assert_uint_eq(o.block_size, 32 * MiB);
	ck_assert_uint_eq(o.logical_sector, 512);
	ck_assert_uint_eq(o.physical_sector, 4096);
	ck_assert(!guid_is_zero(&o.file_id) && !guid_is_zero(&o.data_id));
	ck_assert(!guid_equal(&o.file_id, &o.data_id) && !guid_equal(&o.data_id, &o.disk_id));

	struct image_options vhd = {.format = IMAGE_VHD};
	ck_ok(image_options_complete(&vhd, &err));
	ck_assert_uint_eq(vhd.block_size, 2 * MiB);
	ck_assert_uint_eq(vhd.physical_sector, 512);
	ck_assert(!guid_is_zero(&vhd.file_id) && guid_is_zero(&vhd.disk_id));
	time_t made = (time_t)vhd.timestamp + 946684800;
	ck_assert(made <= time(NULL) && made > time(NULL) - 60);

	struct image_options fixed = {.format = IMAGE_VHD, .type = IMAGE_FIXED, .block_size = 7};
	ck_ok(image_options_complete(&fixed, &err));
	ck_assert_uint_eq(fixed.block_size, 0);
}
END_TEST

START_TEST(completing_again_changes_nothing)
{
	for (enum image_format format = IMAGE_RAW; format <= IMAGE_VHDX; format++) {
		struct image_options o = {.format = format};
		ck_ok(image_options_complete(&o, &err));
		struct image_options again = o;
		ck_ok(image_options_complete(&again, &err));
		ck_assert_mem_eq(&again, &o, sizeof(o));
	}
}
END_TEST

static const struct {
	struct image_options options;
	enum err_code code;
	const char *text;
} refused[] = {
	{{.format = IMAGE_VHDX, .block_size = 3 * MiB}, ERR_INVALID_ARGUMENT, "block size 3145728"},
	{{.format = IMAGE_VHDX, .block_size = 512 * KiB}, ERR_INVALID_ARGUMENT, "block size"},
	{{.format = IMAGE_VHDX, .block_size = 512 * MiB}, ERR_INVALID_ARGUMENT, "block size"},
	{{.format = IMAGE_VHD, .block_size = 1 * MiB}, ERR_INVALID_ARGUMENT, "block size 1048576"},
	{{.format = IMAGE_VHDX, .logical_sector = 520}, ERR_INVALID_ARGUMENT, "sector size 520"},
	{{.format = IMAGE_VHDX, .physical_sector = 1}, ERR_INVALID_ARGUMENT, "physical sector"},
	{{.format = IMAGE_VHD, .logical_sector = 4096}, ERR_SIZE_UNSUPPORTED, "4096-byte"},
	{{.format = IMAGE_VHD, .type = IMAGE_DIFFERENCING}, ERR_INVALID_ARGUMENT, "differencing"},
};

START_TEST(refusals)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct image_options o = refused[i].options;
		ck_fails(image_options_complete(&o, &err), refused[i].code, refused[i].text);
	}
}
END_TEST

START_TEST(findings_are_bounded)
{
	struct findings f = {0};
	for (int i = 0; i < FINDINGS_MAX + 5; i++)
		findings_add(&f, FINDING_NOTE, "a-note", "at 0x%x", i);
	ck_assert_uint_eq(f.n, FINDINGS_MAX);
	ck_assert_uint_eq(f.dropped, 5);
	ck_assert(!findings_have_errors(&f));
	findings_add(&f, FINDING_ERROR, "an-error", "after a thousand notes");
	ck_assert(findings_have_errors(&f));
	ck_assert_uint_eq(f.n, FINDINGS_MAX);
	findings_done(&f);
	ck_assert_uint_eq(f.n, 0);
}
END_TEST

UNIT_MAIN("image", defaults, completing_again_changes_nothing, refusals, findings_are_bounded)
