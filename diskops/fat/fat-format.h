/* SPDX-License-Identifier: GPL-3.0-or-later */
/* FAT12, FAT16 and FAT32 on disk, as Microsoft's specification (fatgen103) has them. */
#pragma once

#include <stddef.h>

#include "le.h"

struct fat_boot_sector {
	uint8_t jump[3];
	uint8_t oem[8];
	le16 bytes_per_sector;
	uint8_t sectors_per_cluster;
	le16 reserved_sectors;
	uint8_t fats;
	le16 root_entries; /* FAT32: 0 */
	le16 sectors_16;
	uint8_t media;
	le16 fat_sectors_16; /* FAT32: 0 */
	le16 sectors_per_track, heads;
	le32 hidden_sectors;
	le32 sectors_32;
	/* FAT32 only */
	le32 fat_sectors_32;
	le16 flags; /* FAT_ONE_ACTIVE, and which in the low four bits */
	le16 version;
	le32 root_cluster;
	le16 info_sector;
};
ASSERT_OFFSET(struct fat_boot_sector, root_cluster, 44);
ASSERT_SIZE(struct fat_boot_sector, 50);

#define FAT_ONE_ACTIVE 0x80 /* the copies of the FAT are not kept alike */

struct fat_info_sector {
	le32 signature; /* FAT_INFO_SIGNATURE */
	uint8_t reserved[480];
	le32 signature2;	       /* FAT_INFO_SIGNATURE2 */
	le32 free_clusters, next_free; /* all ones: unknown */
};
ASSERT_SIZE(struct fat_info_sector, 496);

#define FAT_INFO_SIGNATURE  0x41615252
#define FAT_INFO_SIGNATURE2 0x61417272

struct fat_dirent {
	uint8_t name[11];
	uint8_t attributes;
	uint8_t flags, created_10ms;
	le16 created_time, created_date, accessed_date;
	le16 cluster_high;
	le16 modified_time, modified_date;
	le16 cluster_low;
	le32 size;
};
ASSERT_SIZE(struct fat_dirent, 32);

/* A piece of a long name, in front of the entry it belongs to; the last piece comes first. */
struct fat_long_dirent {
	uint8_t sequence; /* from 1; FAT_LONG_LAST set in the last piece */
	uint8_t name1[10];
	uint8_t attributes; /* FAT_ATTR_LONG */
	uint8_t type;
	uint8_t checksum; /* of the short name */
	uint8_t name2[12];
	le16 cluster;
	uint8_t name3[4];
};
ASSERT_SIZE(struct fat_long_dirent, 32);

enum {
	FAT_ATTR_READ_ONLY = 0x01,
	FAT_ATTR_LABEL = 0x08,
	FAT_ATTR_FOLDER = 0x10,
	FAT_ATTR_LONG = 0x0f,
	FAT_ATTR_LONG_MASK = 0x3f,
	FAT_DELETED = 0xe5,
	FAT_KANJI_E5 = 0x05, /* stands for 0xe5 as the first byte of a name */
	FAT_LONG_LAST = 0x40,
	FAT_LONG_UNITS = 13,
	FAT_LONG_PIECES = 20,
};
