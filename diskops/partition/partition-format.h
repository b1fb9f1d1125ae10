/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Partition tables on disk. MBR: the classic layout (ECMA-107 never covered it; Windows and every BIOS
 * agree on it). GPT: UEFI specification 2.10, 5.3.2 (header) and 5.3.3 (entries).
 */
#pragma once

#include <stddef.h>

#include "guid.h"
#include "le.h"

struct mbr_entry {
	uint8_t boot; /* 0x80: active, else 0 */
	uint8_t chs_first[3];
	uint8_t type;
	uint8_t chs_last[3];
	le32 start; /* sectors; in an EBR relative, see partition-scan.c */
	le32 sectors;
};
ASSERT_SIZE(struct mbr_entry, 16);

struct mbr {
	uint8_t code[440];
	le32 signature;
	uint8_t reserved[2];
	struct mbr_entry entries[4];
	uint8_t magic[2]; /* 0x55 0xaa */
};
ASSERT_OFFSET(struct mbr, entries, 446);
ASSERT_SIZE(struct mbr, 512);

enum {
	MBR_EXTENDED = 0x05,
	MBR_EXTENDED_LBA = 0x0f,
	MBR_EXTENDED_LINUX = 0x85,
	MBR_LDM = 0x42,
	MBR_PROTECTIVE = 0xee,
};

struct gpt_header {
	char signature[8]; /* "EFI PART" */
	le32 revision;
	le32 header_size; /* bytes, 92 to a sector */
	le32 header_crc;  /* of header_size bytes, this field as zero */
	le32 reserved;
	le64 my_lba;
	le64 alternate_lba;
	le64 first_usable_lba, last_usable_lba;
	struct guid disk_id;
	le64 entries_lba;
	le32 entries_n;
	le32 entry_size; /* bytes */
	le32 entries_crc;
};
ASSERT_OFFSET(struct gpt_header, my_lba, 24);
ASSERT_OFFSET(struct gpt_header, disk_id, 56);
ASSERT_OFFSET(struct gpt_header, entries_crc, 88);
ASSERT_SIZE(struct gpt_header, 92);

struct gpt_entry {
	struct guid type; /* all zero: unused */
	struct guid id;
	le64 first_lba, last_lba; /* last: inclusive */
	le64 attributes;
	uint8_t name[72]; /* UTF-16LE */
};
ASSERT_OFFSET(struct gpt_entry, name, 56);
ASSERT_SIZE(struct gpt_entry, 128);
