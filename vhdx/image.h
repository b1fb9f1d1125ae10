/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the image formats share: names, options of a new image, facts of an existing one. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "checked.h"
#include "guid.h"

enum image_format { IMAGE_RAW, IMAGE_VHD, IMAGE_VHDX };
enum image_type { IMAGE_DYNAMIC, IMAGE_FIXED, IMAGE_DIFFERENCING };

const char *image_format_name(enum image_format format); /* "raw", "vhd", "vhdx" */
const char *image_type_name(enum image_type type);	 /* "dynamic", "fixed", "differencing" */

/*
 * A new image. Zero members take the format's default (image_options_complete()). The ids and the
 * time are inputs so that a resumed export continues the very same file.
 */
struct image_options {
	enum image_format format;
	enum image_type type;	  /* raw: ignored; differencing cannot be created yet */
	uint32_t block_size;	  /* bytes; VHDX: power of two, 1 to 256 MiB, default 32 MiB;
				     VHD dynamic: 512 KiB or 2 MiB, default 2 MiB */
	uint32_t logical_sector;  /* VHDX: 512 or 4096, default 512; VHD: 512 */
	uint32_t physical_sector; /* VHDX: 512 or 4096, default 4096 */
	struct guid file_id;	  /* VHDX: FileWriteGuid; VHD: unique id; all zero: fresh */
	struct guid data_id;	  /* VHDX: DataWriteGuid; all zero: fresh */
	struct guid disk_id;	  /* VHDX: page 83 id; all zero: fresh */
	uint32_t timestamp;	  /* VHD: seconds since 2000-01-01T00:00:00Z; 0: now */
};

/*
 * Fills defaults, fresh ids and the time in, and checks every member. ERR_INVALID_ARGUMENT;
 * ERR_SIZE_UNSUPPORTED for a VHD of a disk with 4096-byte logical sectors.
 */
int image_options_complete(struct image_options *o, struct error **err);

/* Facts of an image that exists. */
struct image_info {
	enum image_format format;
	enum image_type type;
	uint64_t virtual_size; /* bytes */
	uint32_t block_size;   /* bytes; 0: none (fixed VHD) */
	uint32_t logical_sector, physical_sector;
	struct guid file_id, data_id, disk_id;
	char creator[64]; /* UTF-8, control characters replaced */
	bool dirty_log;	  /* VHDX: a log had to be replayed */
	char *parent;	  /* differencing: the parent's path as the image names it; else NULL */
	struct guid parent_id; /* differencing */
};
void image_info_done(struct image_info *info);

/* One finding of a check. */
enum finding_level { FINDING_NOTE, FINDING_WARNING, FINDING_ERROR };
struct finding {
	enum finding_level level;
	const char *code; /* stable kebab-case, static storage */
	char *message;	  /* what, where (0x offset), what was expected */
};
struct findings {
	struct finding *v;
	size_t n, cap;
	size_t dropped; /* more than FINDINGS_MAX were found */
};
#define FINDINGS_MAX 1000
void findings_add(struct findings *f, enum finding_level level, const char *code, const char *fmt,
	...) __attribute__((format(printf, 4, 5)));
bool findings_have_errors(const struct findings *f);
void findings_done(struct findings *f);
