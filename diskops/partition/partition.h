/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Partition tables (GPT; MBR with extended chains), 512 and 4096-byte sectors, through libblkid. The
 * library reads a sparse memory file that holds the disk's head, tail and boot records, so that every
 * back end is probed alike and no read error or hostile size reaches it.
 */
#pragma once

#include "disk.h"
#include "op.h"

enum table_kind { TABLE_NONE, TABLE_MBR, TABLE_GPT };

enum partition_role {
	ROLE_UNKNOWN, /* copied whole */
	ROLE_ESP,
	ROLE_MSR,
	ROLE_RECOVERY,
	ROLE_BASIC,	   /* basic data, or an MBR type that NTFS uses */
	ROLE_LDM,	   /* dynamic disk */
	ROLE_STORAGE_POOL, /* Storage Spaces, storage replica */
	ROLE_EXTENDED,	   /* container of logical partitions: not itself data */
};

struct partition {
	unsigned number;      /* as Linux counts: 1 to 4 primary, 5.. logical; GPT entry + 1 */
	uint64_t start, size; /* bytes */
	enum partition_role role;
	uint8_t mbr_type;     /* MBR */
	bool active;	      /* MBR: 0x80 */
	struct guid type, id; /* GPT */
	uint64_t attributes;  /* GPT */
	char name[128];	      /* GPT, UTF-8 */
	char fs[16];	      /* libblkid's TYPE: "ntfs", "vfat", "BitLocker", …, or "" */
	char label[64];
	bool overlaps;	/* another partition: what lies in it cannot be told */
	bool ambiguous; /* signatures of several file systems: fs is "" */
};

struct partition_table {
	enum table_kind kind;
	uint32_t sector; /* bytes */
	char id[40];	 /* disk GUID, or MBR disk signature as 8 hex digits */
	struct partition *v;
	size_t n;
	/*
	 * What an image must keep although no partition holds it: MBR and its gap (boot code) up to
	 * the first partition or 1 MiB, EBR sectors, both GPTs, the LDM database.
	 */
	struct ranges structures;
	/*
	 * Something is wrong: a damaged GPT, partitions that overlap, a table nobody understands…:
	 * said here, in words; or NULL. What lies outside the partitions is then kept, too.
	 */
	char *problem;
};

/*
 * No table at all, or none that can be trusted, is TABLE_NONE (one partition with number 0 for a file
 * system on the whole disk, else none). ERR_DISK_TRUNCATED: the GPT or a partition says the disk is
 * longer than it is. op: a problem is also a warning "partition-table".
 */
int partition_table_read(
	struct partition_table **ret, struct disk *d, struct op *op, struct error **err);
void partition_table_free(struct partition_table *t);
DEFINE_CLEANUP(struct partition_table *, partition_table_free);

const char *table_kind_name(enum table_kind kind);	   /* "none", "mbr", "gpt" */
const char *partition_role_name(enum partition_role role); /* kebab-case */
json_t *partition_table_to_json(const struct partition_table *t);
