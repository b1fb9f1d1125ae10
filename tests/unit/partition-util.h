/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of partition tables share. */
#pragma once

#include <fcntl.h>
#include <string.h>

#include "unit.h"

#include "io.h"
#include "mem.h"
#include "partition-format.h"
#include "partition.h"

static inline const char *image(void)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/disk", unit_tmp());
	return path;
}

/* An empty disk, partitioned by commands of fdisk. */
static inline void make_disk(const char *size, unsigned sector, const char *commands)
{
	ck_assert_int_eq(unit_run("rm -f '%s' && truncate -s %s '%s'", image(), size, image()), 0);
	ck_assert_int_eq(unit_run("printf '%s\\nw\\n' | fdisk -b %u '%s' >/dev/null 2>&1", commands,
				 sector, image()),
		0);
}

static inline void poke(uint64_t offset, const void *bytes, size_t len)
{
	CLEANUP_CLOSE int fd = open(image(), O_WRONLY);
	ck_assert_int_eq(pwrite_full(fd, bytes, len, offset), 0);
}

/* Warnings seen while a table was read. */
static unsigned warnings;
static char last_warning[500];

static inline void count_warnings(void *data, const struct op_event *ev)
{
	(void)data;
	if (ev->kind != OP_EVENT_WARNING)
		return;
	warnings++;
	snprintf(last_warning, sizeof(last_warning), "%s: %s", ev->code, ev->message);
}

static inline struct partition_table *read_path(const char *path, struct disk **ret_disk)
{
	struct disk *d = NULL;
	struct partition_table *t = NULL;
	struct op op;
	warnings = 0;
	op_init(&op, count_warnings, NULL, NULL);
	ck_ok(disk_open(&d, path, 0, &err));
	ck_ok(partition_table_read(&t, d, &op, &err));
	ck_assert_int_eq(warnings, t->problem != NULL);
	for (size_t i = 0; i < t->n; i++)
		ck_assert(u64_range_ok(t->v[i].start, t->v[i].size, d->size));
	*ret_disk = d;
	return t;
}

static inline struct partition_table *read_table(void)
{
	struct disk *d;
	struct partition_table *t = read_path(image(), &d);
	disk_close(d);
	return t;
}

/* fdisk lists the very same partitions. */
static inline void check_fdisk(const struct partition_table *t, const char *path, unsigned sector)
{
	CLEANUP_FREE char *list = xasprintf("%s/list", unit_tmp());
	ck_assert_int_eq(unit_run("fdisk -b %u -l -o Start,Sectors '%s' 2>/dev/null |"
				  " sed '1,/^ *Start/d; /^$/,$d' >'%s'",
				 sector, path, list),
		0);
	CLEANUP_FCLOSE FILE *f = fopen(list, "r");
	unsigned long long start, sectors;
	size_t n = 0;
	while (fscanf(f, "%llu %llu", &start, &sectors) == 2) {
		bool found = false;
		for (size_t i = 0; i < t->n; i++)
			found = found || (t->v[i].start == start * sector &&
						 t->v[i].size == sectors * sector);
		ck_assert_msg(found, "%s: %llu + %llu sectors of %u", path, start, sectors, sector);
		n++;
	}
	ck_assert_uint_eq(t->n, n);
	ck_assert_uint_eq(t->sector, sector);
}

/* fdisk's numbers: 1 EFI system, 10 Microsoft reserved, 11 basic data, 14 recovery. */
#define GPT_WINDOWS                                                              \
	"g\\nn\\n1\\n\\n+2M\\nn\\n2\\n\\n+1M\\nn\\n3\\n\\n+20M\\nn\\n4\\n\\n\\n" \
	"t\\n1\\n1\\nt\\n2\\n10\\nt\\n3\\n11\\nt\\n4\\n14"

/* Two primary partitions and three logical ones. */
#define MBR_EXTENDED_CHAIN                                                                                     \
	"o\\nn\\np\\n1\\n\\n+2M\\na\\nt\\n7\\nn\\np\\n2\\n\\n+4M\\nt\\n2\\n27\\nn\\ne\\n3\\n\\n\\nn\\nl\\n\\n" \
	"+5M\\nn\\nl\\n\\n+6M\\nn\\nl\\n\\n+7M"

static inline void put_mbr_entry(
	uint64_t record, unsigned i, uint8_t type, uint32_t start, uint32_t sectors)
{
	struct mbr_entry e = {
		.type = type, .start = le32_make(start), .sectors = le32_make(sectors)};
	poke(record + offsetof(struct mbr, entries) + 16 * i, &e, sizeof(e));
}
