/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The NTFS boot sector, as libntfs-3g's layout.h and every Windows since NT describe it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "le.h"

struct ntfs_boot_sector {
	uint8_t jump[3];
	char oem_id[8]; /* "NTFS    "; BitLocker: "-FVE-FS-" */
	le16 bytes_per_sector;
	uint8_t sectors_per_cluster; /* over 128: 2 to the power of 256 less this */
	uint8_t zero[26];
	le64 sectors; /* of the volume, without its last one, which holds a copy of this */
	le64 mft_lcn;
	le64 mft_mirror_lcn;
	int8_t clusters_per_mft_record; /* negative: 2 to the power of -this bytes */
	uint8_t reserved1[3];
	int8_t clusters_per_index_record;
	uint8_t reserved2[3];
	le64 serial;
	le32 checksum;
	uint8_t code[426];
	uint8_t magic[2]; /* 0x55 0xaa */
};
ASSERT_OFFSET(struct ntfs_boot_sector, bytes_per_sector, 11);
ASSERT_OFFSET(struct ntfs_boot_sector, sectors, 40);
ASSERT_OFFSET(struct ntfs_boot_sector, mft_lcn, 48);
ASSERT_OFFSET(struct ntfs_boot_sector, clusters_per_mft_record, 64);
ASSERT_OFFSET(struct ntfs_boot_sector, serial, 72);
ASSERT_SIZE(struct ntfs_boot_sector, 512);
