/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * This project's own, minimal look at the partition tables: where they are on the disk, what they say
 * about its size, and where partitions lie. partition.c shows libblkid only what is found here, and
 * trusts its answer only where both agree.
 */
#pragma once

#include "partition.h"

struct table_slot {
	uint64_t start, size; /* bytes */
};

struct table_scan {
	enum table_kind kind; /* what the first sector looks like */
	uint32_t sector;      /* bytes */
	struct table_slot *v; /* partitions, extended ones too */
	size_t n;
	struct ranges tables; /* headers, entry arrays, EBRs */
	/* Not the table's word can be taken for what lies where; said why. Else NULL. */
	char *untrusted;
	/* It can, but something is wrong with it; or NULL. */
	char *problem;
	bool grown; /* GPT: its backup stands before the disk's end */
	/* MBR: a partition reaches past the end of the disk; or NULL. (GPT: an error at once.) */
	char *too_small;
};

/* ERR_DISK_TRUNCATED: a valid GPT header describes a longer disk. */
int table_scan(struct table_scan *ret, struct disk *d, struct error **err);
void table_scan_done(struct table_scan *s);

/*
 * The logical sector size of a disk that does not say: 4096 where a GPT header stands at byte 4096 and
 * none at 512, or where an MBR's partitions begin with boot sectors only when counted so; else 512.
 */
uint32_t table_guess_sector(struct disk *d);

/* Between partition-scan.c (MBR) and partition-gpt.c. */
int table_scan_gpt(struct table_scan *s, struct disk *d, struct error **err);
void table_add_slot(struct table_scan *s, uint64_t start, uint64_t size);
/* Sets one of the texts above; the first one stays: it is the cause. */
void table_say(char **field, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
