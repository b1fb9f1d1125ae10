/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VHDX on disk: [MS-VHDX] 2.1 to 2.6; the sections are named at each structure. */
#pragma once

#include <stddef.h>

#include "checked.h"
#include "guid.h"
#include "le.h"

#define VHDX_UNIT	   MiB	      /* every object of the file is aligned to it */
#define VHDX_SLOT	   (64 * KiB) /* the parts of the header section stand so far apart */
#define VHDX_HEADER1	   (1 * VHDX_SLOT)
#define VHDX_HEADER2	   (2 * VHDX_SLOT)
#define VHDX_REGIONS1	   (3 * VHDX_SLOT)
#define VHDX_REGIONS2	   (4 * VHDX_SLOT)
#define VHDX_SIZE_MAX	   (64 * TiB) /* of the disk */
#define VHDX_BLOCK_MIN	   MiB
#define VHDX_BLOCK_MAX	   (256 * MiB)
#define VHDX_ENTRIES_MAX   2047	      /* of a region or metadata table */
#define VHDX_CHUNK_SECTORS (1u << 23) /* a sector bitmap block has a bit for each */
#define VHDX_BITMAP_BLOCK  MiB	      /* size of a sector bitmap block */

/* 2.2.1 File Type Identifier, at 0. */
struct vhdx_file_id {
	char signature[8];    /* "vhdxfile" */
	uint8_t creator[512]; /* UTF-16 */
};
ASSERT_OFFSET(struct vhdx_file_id, creator, 8);

/* 2.2.2 Headers, at 64 KiB and 128 KiB; the checksum is of all 4 KiB with itself 0. */
struct vhdx_header {
	char signature[4]; /* "head" */
	le32 checksum;
	le64 sequence;
	struct guid file_write, data_write;
	struct guid log_guid; /* zero: no log to replay */
	le16 log_version;     /* 0 */
	le16 version;	      /* 1 */
	le32 log_length;
	le64 log_offset;
	uint8_t reserved[4016];
};
ASSERT_OFFSET(struct vhdx_header, sequence, 8);
ASSERT_OFFSET(struct vhdx_header, log_guid, 48);
ASSERT_OFFSET(struct vhdx_header, log_length, 68);
ASSERT_OFFSET(struct vhdx_header, log_offset, 72);
ASSERT_SIZE(struct vhdx_header, 4096);

/* 2.2.3 Region Table, at 192 KiB and 256 KiB; the checksum is of all 64 KiB with itself 0. */
struct vhdx_region_entry {
	struct guid guid;
	le64 offset;
	le32 length;
	le32 required;
};
struct vhdx_region_table {
	char signature[4]; /* "regi" */
	le32 checksum;
	le32 count;
	le32 reserved;
	struct vhdx_region_entry entries[VHDX_ENTRIES_MAX];
	uint8_t reserved2[16];
};
ASSERT_OFFSET(struct vhdx_region_table, entries, 16);
ASSERT_SIZE(struct vhdx_region_table, 64 * 1024);

#define VHDX_REGION_BAT \
	GUID_INIT(0x2dc27766, 0xf623, 0x4200, 0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08)
#define VHDX_REGION_METADATA \
	GUID_INIT(0x8b7ca206, 0x4790, 0x4b9a, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e)

/* 2.3.1 Log entry; 4 KiB each of header and descriptors, then of data sectors. */
#define VHDX_LOG_SECTOR 4096u
struct vhdx_log_header {
	char signature[4]; /* "loge" */
	le32 checksum;	   /* of the whole entry with itself 0 */
	le32 entry_length; /* bytes, multiple of 4 KiB */
	le32 tail;	   /* offset in the log of the first entry of the sequence */
	le64 sequence;
	le32 descriptor_count;
	le32 reserved;
	struct guid log_guid;
	le64 flushed_file_offset; /* the file was at least so long when the entry was written */
	le64 last_file_offset;	  /* what the file must be able to hold */
};
ASSERT_OFFSET(struct vhdx_log_header, log_guid, 32);
ASSERT_SIZE(struct vhdx_log_header, 64);

/* 2.3.1.2, 2.3.1.3: either sort of descriptor. */
struct vhdx_log_descriptor {
	char signature[4]; /* "zero" or "desc" */
	union {
		uint8_t trailing[4]; /* desc: last 4 bytes of the 4 KiB */
		le32 reserved;
	};
	union {
		uint8_t leading[8]; /* desc: first 8 bytes of the 4 KiB */
		le64 zero_length;
	};
	le64 file_offset;
	le64 sequence; /* the entry's */
};
ASSERT_OFFSET(struct vhdx_log_descriptor, file_offset, 16);
ASSERT_SIZE(struct vhdx_log_descriptor, 32);

/* 2.3.1.4 Data sector. */
struct vhdx_log_data {
	char signature[4]; /* "data" */
	le32 sequence_high;
	uint8_t data[4084]; /* bytes 8 to 4092 of what is written */
	le32 sequence_low;
};
ASSERT_SIZE(struct vhdx_log_data, 4096);

/* 2.5 BAT: state in bits 0 to 2, offset in MiB in bits 20 to 63. */
enum vhdx_bat_state {
	VHDX_BLOCK_NOT_PRESENT = 0,
	VHDX_BLOCK_UNDEFINED = 1,
	VHDX_BLOCK_ZERO = 2,
	VHDX_BLOCK_UNMAPPED = 3,
	VHDX_BLOCK_FULLY_PRESENT = 6,	  /* also: a sector bitmap block that is there */
	VHDX_BLOCK_PARTIALLY_PRESENT = 7, /* differencing: sectors by bitmap */
};
#define VHDX_BAT_STATE(entry)	 ((unsigned)((entry)&7))
#define VHDX_BAT_RESERVED(entry) ((entry)&0xffff8)
#define VHDX_BAT_OFFSET(entry)	 ((entry) & ~UINT64_C(0xfffff)) /* bytes */

/* 2.6.1 Metadata table, at the start of its region; the items begin at 64 KiB. */
#define VHDX_METADATA_TABLE (64 * KiB)
enum {
	VHDX_METADATA_USER = 1,
	VHDX_METADATA_VIRTUAL_DISK = 2,
	VHDX_METADATA_REQUIRED = 4,
};
struct vhdx_metadata_entry {
	struct guid guid;
	le32 offset; /* in the region */
	le32 length;
	le32 flags;
	le32 reserved;
};
ASSERT_SIZE(struct vhdx_metadata_entry, 32);
struct vhdx_metadata_table {
	char signature[8]; /* "metadata" */
	le16 reserved;
	le16 count;
	uint8_t reserved2[20];
	struct vhdx_metadata_entry entries[VHDX_ENTRIES_MAX];
};
ASSERT_SIZE(struct vhdx_metadata_table, 64 * 1024);

/* 2.6.2 Known metadata items. */
#define VHDX_META_FILE_PARAMETERS \
	GUID_INIT(0xcaa16737, 0xfa36, 0x4d43, 0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b)
#define VHDX_META_DISK_SIZE \
	GUID_INIT(0x2fa54224, 0xcd1b, 0x4876, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8)
#define VHDX_META_DISK_ID \
	GUID_INIT(0xbeca12ab, 0xb2e6, 0x4523, 0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46)
#define VHDX_META_LOGICAL_SECTOR \
	GUID_INIT(0x8141bf1d, 0xa96f, 0x4709, 0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f)
#define VHDX_META_PHYSICAL_SECTOR \
	GUID_INIT(0xcda348c7, 0x445d, 0x4471, 0x9c, 0xc9, 0xe9, 0x88, 0x52, 0x51, 0xc5, 0x56)
#define VHDX_META_PARENT_LOCATOR \
	GUID_INIT(0xa8d35f2d, 0xb30b, 0x454d, 0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c)

struct vhdx_file_parameters {
	le32 block_size;
	le32 flags;
};
enum { VHDX_LEAVE_ALLOCATED = 1, VHDX_HAS_PARENT = 2 };

/* 2.6.2.6 Parent locator. */
#define VHDX_LOCATOR_TYPE \
	GUID_INIT(0xb04aefb7, 0xd19e, 0x4a81, 0xb7, 0x89, 0x25, 0xb8, 0xe9, 0x44, 0x59, 0x13)
struct vhdx_locator_header {
	struct guid type;
	le16 reserved;
	le16 count;
};
ASSERT_SIZE(struct vhdx_locator_header, 20);
struct vhdx_locator_entry {
	le32 key_offset, value_offset; /* in the item, bytes */
	le16 key_length, value_length; /* bytes of UTF-16, no NUL */
};
ASSERT_SIZE(struct vhdx_locator_entry, 12);

/* 2.5: payload blocks per sector bitmap block. */
static inline uint32_t vhdx_chunk_ratio(uint32_t block_size, uint32_t logical_sector)
{
	return (uint32_t)((uint64_t)VHDX_CHUNK_SECTORS * logical_sector / block_size);
}
/* The BAT's index space: after every chunk_ratio payload entries one for their bitmap. */
static inline uint64_t vhdx_bat_index(uint64_t block, uint32_t chunk_ratio)
{
	return block + block / chunk_ratio;
}
static inline uint64_t vhdx_bat_bitmap_index(uint64_t chunk, uint32_t chunk_ratio)
{
	return chunk * (chunk_ratio + UINT64_C(1)) + chunk_ratio;
}
/* Entries that must be there; blocks > 0. A differencing disk has every chunk's bitmap entry. */
static inline uint64_t vhdx_bat_entries(uint64_t blocks, uint32_t chunk_ratio, bool differencing)
{
	return differencing ? div_round_up(blocks, chunk_ratio) * (chunk_ratio + UINT64_C(1))
			    : vhdx_bat_index(blocks - 1, chunk_ratio) + 1;
}
