/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image.h"

#include <assert.h>
#include <inttypes.h>
#include <time.h>

#include "mem.h"

/* What a format accepts of struct image_options; zero defaults mean that it has no such member. */
struct option_rules {
	const char *name;
	uint32_t block_min, block_max, block_default, block_step; /* step: factor between sizes */
	bool sector_4096;
	uint32_t physical_default; /* 0: the format cannot say; 512 is assumed */
	bool has_file_id, has_data_and_disk_id, has_timestamp;
};

static const struct option_rules rules_table[] = {
	[IMAGE_RAW] = {.name = "raw", .sector_4096 = true},
	[IMAGE_VHD] = {.name = "vhd",
		.block_min = 512 * KiB,
		.block_max = 2 * MiB,
		.block_default = 2 * MiB,
		.block_step = 4,
		.has_file_id = true,
		.has_timestamp = true},
	[IMAGE_VHDX] = {.name = "vhdx",
		.block_min = 1 * MiB,
		.block_max = 256 * MiB,
		.block_default = 32 * MiB,
		.block_step = 2,
		.sector_4096 = true,
		.physical_default = 4096,
		.has_file_id = true,
		.has_data_and_disk_id = true},
};

static const char *const type_names[] = {[IMAGE_DYNAMIC] = "dynamic",
	[IMAGE_FIXED] = "fixed",
	[IMAGE_DIFFERENCING] = "differencing"};

const char *image_format_name(enum image_format format)
{
	assert((size_t)format < ARRAY_SIZE(rules_table));
	return rules_table[format].name;
}

const char *image_type_name(enum image_type type)
{
	assert((size_t)type < ARRAY_SIZE(type_names));
	return type_names[type];
}

static int complete_block_size(
	struct image_options *o, const struct option_rules *rules, struct error **err)
{
	/* A fixed VHD and a raw file have no blocks; a fixed VHDX has. */
	if (!rules->block_min || (o->format == IMAGE_VHD && o->type == IMAGE_FIXED)) {
		o->block_size = 0;
		return 0;
	}
	if (!o->block_size)
		o->block_size = rules->block_default;
	for (uint64_t size = rules->block_min; size <= rules->block_max; size *= rules->block_step)
		if (size == o->block_size)
			return 0;
	return err_set(err, ERR_INVALID_ARGUMENT,
		"%s: block size %" PRIu32 " (%" PRIu32 " to %" PRIu32 ", each %" PRIu32
		" times the one before, expected)",
		rules->name, o->block_size, rules->block_min, rules->block_max, rules->block_step);
}

static int check_sector(
	const struct option_rules *rules, const char *which, uint32_t size, struct error **err)
{
	if (size == 512 || size == 4096)
		return 0;
	return err_set(err, ERR_INVALID_ARGUMENT,
		"%s: %s sector size %" PRIu32 " (512 or 4096 expected)", rules->name, which, size);
}

static int complete_sectors(
	struct image_options *o, const struct option_rules *rules, struct error **err)
{
	if (!o->logical_sector)
		o->logical_sector = 512;
	if (check_sector(rules, "logical", o->logical_sector, err) < 0)
		return -1;
	if (o->logical_sector == 4096 && !rules->sector_4096) {
		err_set(err, ERR_SIZE_UNSUPPORTED,
			"%s: a disk with 4096-byte logical sectors does not fit the format (512 "
			"expected)",
			rules->name);
		return err_hint(err, "choose the format vhdx");
	}
	if (!rules->physical_default)
		o->physical_sector = o->logical_sector;
	else if (!o->physical_sector)
		o->physical_sector = rules->physical_default;
	return check_sector(rules, "physical", o->physical_sector, err);
}

static int complete_id(struct guid *id, bool wanted, struct error **err)
{
	return wanted && guid_is_zero(id) ? guid_random(id, err) : 0;
}

static uint32_t seconds_since_2000(void)
{
	return (uint32_t)(time(NULL) - INT64_C(946684800));
}

int image_options_complete(struct image_options *o, struct error **err)
{
	if ((size_t)o->format >= ARRAY_SIZE(rules_table))
		return err_set(err, ERR_INVALID_ARGUMENT,
			"image format %d (raw, vhd or vhdx expected)", (int)o->format);
	const struct option_rules *rules = &rules_table[o->format];
	if (o->format != IMAGE_RAW && o->type != IMAGE_DYNAMIC && o->type != IMAGE_FIXED)
		return err_set(err, ERR_INVALID_ARGUMENT,
			"%s: a new image of type %s (dynamic or fixed expected)", rules->name,
			o->type == IMAGE_DIFFERENCING ? "differencing" : "unknown");
	if (complete_block_size(o, rules, err) < 0 || complete_sectors(o, rules, err) < 0 ||
		complete_id(&o->file_id, rules->has_file_id, err) < 0 ||
		complete_id(&o->data_id, rules->has_data_and_disk_id, err) < 0 ||
		complete_id(&o->disk_id, rules->has_data_and_disk_id, err) < 0)
		return -1;
	if (rules->has_timestamp && !o->timestamp)
		o->timestamp = seconds_since_2000();
	return 0;
}

void image_info_done(struct image_info *info)
{
	free(info->parent);
	*info = (struct image_info){0};
}

void findings_add(
	struct findings *f, enum finding_level level, const char *code, const char *fmt, ...)
{
	if (f->n == FINDINGS_MAX) {
		f->dropped++;
		/* A thousand notes must not hide an error. */
		if (level != FINDING_ERROR || f->v[f->n - 1].level == FINDING_ERROR)
			return;
		free(f->v[--f->n].message);
	}
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 16;
		f->v = xrealloc_array(f->v, f->cap, sizeof(*f->v));
	}
	va_list ap;
	va_start(ap, fmt);
	f->v[f->n++] =
		(struct finding){.level = level, .code = code, .message = xvasprintf(fmt, ap)};
	va_end(ap);
}

bool findings_have_errors(const struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].level == FINDING_ERROR)
			return true;
	return false;
}

void findings_done(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].message);
	free(f->v);
	*f = (struct findings){0};
}
