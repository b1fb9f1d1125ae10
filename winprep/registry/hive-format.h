/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registry hive files and their transaction logs as they lie on disk. Source: the "Windows registry
 * file format specification" (M. Suhanov, CC BY 4.0), sections "Base block" and "Format of
 * transaction log files"; facts windows-and-peers 1.6.1.
 */
#pragma once

#include <stddef.h>

#include "le.h"

#define HIVE_BASE_BLOCK_SIZE 4096 /* of a primary file; hive bins follow */
#define HIVE_LOG_BASE_SIZE   512  /* a log keeps its first sector only */
#define HIVE_SECTOR	     512  /* unit of the old log, alignment of the new one's entries */
#define HIVE_BIN_ALIGN	     4096
/* Windows' own ceiling is 2 GiB; real SYSTEM and SOFTWARE hives stay under 300 MiB. A worker has 1 GiB for
 * two copies of a hive and everything else. */
#define HIVE_SIZE_MAX (384u << 20)

enum { HIVE_TYPE_PRIMARY = 0, HIVE_TYPE_LOG_OLD = 1, HIVE_TYPE_LOG_NT5 = 2, HIVE_TYPE_LOG_NEW = 6 };

struct hive_base_block {
	uint8_t signature[4]; /* "regf" */
	le32 primary_sequence, secondary_sequence;
	le64 last_written; /* FILETIME */
	le32 major, minor;
	le32 file_type;
	le32 file_format; /* 1: direct memory load */
	le32 root_cell;	  /* bytes from the first hive bin */
	le32 bins_size;	  /* bytes, multiple of 4096 */
	le32 clustering_factor;
	uint8_t file_name[64]; /* UTF-16LE */
	uint8_t reserved1[32];
	le32 flags; /* bit 0 is restored from a log entry */
	uint8_t reserved2[360];
	le32 checksum; /* XOR of the 127 words before it; 0 is stored as 1, ~0 as ~1 */
};
ASSERT_OFFSET(struct hive_base_block, file_type, 28);
ASSERT_OFFSET(struct hive_base_block, bins_size, 40);
ASSERT_OFFSET(struct hive_base_block, flags, 144);
ASSERT_OFFSET(struct hive_base_block, checksum, 508);
ASSERT_SIZE(struct hive_base_block, HIVE_LOG_BASE_SIZE);

/* Log entry of Windows 8.1 and later; page references, then the pages themselves follow. */
struct hive_log_entry {
	uint8_t signature[4]; /* "HvLE" */
	le32 size;	      /* bytes, this header included, multiple of 512 */
	le32 flags;
	le32 sequence;
	le32 bins_size;
	le32 page_count;
	le64 hash1; /* Marvin32 of what follows this header */
	le64 hash2; /* Marvin32 of the first 32 bytes of this header */
};
ASSERT_OFFSET(struct hive_log_entry, hash1, 24);
ASSERT_SIZE(struct hive_log_entry, 40);

struct hive_log_page {
	le32 offset; /* bytes from the first hive bin */
	le32 size;   /* bytes */
};
ASSERT_SIZE(struct hive_log_page, 8);
