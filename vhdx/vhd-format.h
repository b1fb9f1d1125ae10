/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VHD on disk: Virtual Hard Disk Image Format Specification 1.0 (Microsoft, 2006); "spec" below.
 * Everything is big-endian but the text of W2ru and W2ku parent locators.
 *
 *   fixed    the disk | footer
 *   dynamic  copy of the footer | dynamic header | BAT | (sector bitmap | block)… | footer
 */
#pragma once

#include <stddef.h>

#include "checked.h"
#include "le.h"

#define VHD_SECTOR	  512u
#define VHD_COOKIE	  "conectix"
#define VHD_HEADER_COOKIE "cxsparse"
#define VHD_VERSION	  0x00010000u /* of the format; of the dynamic header too */
#define VHD_FEATURES	  0x00000002u /* a reserved bit that is always set */
#define VHD_NO_OFFSET	  UINT64_C(0xffffffffffffffff)
#define VHD_BAT_UNUSED	  UINT32_C(0xffffffff)
/* Seconds from 1970 to 2000-01-01T00:00:00Z, where the format's time begins. */
#define VHD_EPOCH INT64_C(946684800)
/* The largest disk Windows accepts; also what 32-bit sector numbers in the BAT leave room for. */
#define VHD_MAX_SIZE (2040 * GiB)

enum vhd_disk_type { VHD_FIXED = 2, VHD_DYNAMIC = 3, VHD_DIFFERENCING = 4 };

struct vhd_footer { /* spec: "Hard Disk Footer Format" */
	char cookie[8];
	be32 features;
	be32 version;
	be64 data_offset; /* of the dynamic header; fixed: VHD_NO_OFFSET */
	be32 timestamp;
	char creator_app[4];
	be32 creator_version;
	char creator_os[4];
	be64 original_size;
	be64 current_size;
	be16 cylinders;
	uint8_t heads;
	uint8_t sectors_per_track;
	be32 type;
	be32 checksum;
	uint8_t unique_id[16];
	uint8_t saved_state;
	uint8_t reserved[427];
};
ASSERT_SIZE(struct vhd_footer, 512);
ASSERT_OFFSET(struct vhd_footer, data_offset, 16);
ASSERT_OFFSET(struct vhd_footer, creator_app, 28);
ASSERT_OFFSET(struct vhd_footer, current_size, 48);
ASSERT_OFFSET(struct vhd_footer, cylinders, 56);
ASSERT_OFFSET(struct vhd_footer, type, 60);
ASSERT_OFFSET(struct vhd_footer, checksum, 64);
ASSERT_OFFSET(struct vhd_footer, unique_id, 68);
ASSERT_OFFSET(struct vhd_footer, saved_state, 84);

struct vhd_locator { /* spec: "Parent Locator Entries" */
	char code[4];
	be32 data_space;  /* bytes (spec: sectors); not used, data_length is */
	be32 data_length; /* bytes */
	be32 reserved;
	be64 data_offset;
};
ASSERT_SIZE(struct vhd_locator, 24);

#define VHD_LOCATORS 8
struct vhd_header { /* spec: "Dynamic Disk Header Format" */
	char cookie[8];
	be64 data_offset; /* VHD_NO_OFFSET */
	be64 table_offset;
	be32 version;
	be32 max_table_entries;
	be32 block_size; /* bytes of data, without the bitmap */
	be32 checksum;
	uint8_t parent_id[16];
	be32 parent_timestamp;
	be32 reserved;
	be16 parent_name[256]; /* UTF-16 */
	struct vhd_locator locators[VHD_LOCATORS];
	uint8_t reserved2[256];
};
ASSERT_SIZE(struct vhd_header, 1024);
ASSERT_OFFSET(struct vhd_header, table_offset, 16);
ASSERT_OFFSET(struct vhd_header, block_size, 32);
ASSERT_OFFSET(struct vhd_header, checksum, 36);
ASSERT_OFFSET(struct vhd_header, parent_name, 64);
ASSERT_OFFSET(struct vhd_header, locators, 576);

/* One's complement of the sum of all bytes but the checksum's own. */
static inline uint32_t vhd_checksum(const void *p, size_t len, size_t checksum_offset)
{
	const uint8_t *b = p;
	uint32_t sum = 0;
	for (size_t i = 0; i < len; i++)
		if (i < checksum_offset || i >= checksum_offset + 4)
			sum += b[i];
	return ~sum;
}

static inline uint32_t vhd_footer_checksum(const struct vhd_footer *f)
{
	return vhd_checksum(f, sizeof(*f), offsetof(struct vhd_footer, checksum));
}

static inline uint32_t vhd_header_checksum(const struct vhd_header *h)
{
	return vhd_checksum(h, sizeof(*h), offsetof(struct vhd_header, checksum));
}

/*
 * Bytes of a block's sector bitmap in the file: one bit a sector, the first in the highest bit of the
 * first byte, padded to a sector. block_size: at least 4096.
 */
static inline uint32_t vhd_bitmap_size(uint32_t block_size)
{
	return (uint32_t)round_up(block_size / VHD_SECTOR / 8, VHD_SECTOR);
}
