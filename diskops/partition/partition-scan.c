/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "partition-scan.h"

#include <inttypes.h>
#include <string.h>

#include "mem.h"
#include "partition-format.h"

#define SLOTS_MAX 256u
#define EBR_MAX	  256u

void table_scan_done(struct table_scan *s)
{
	free(s->v);
	ranges_done(&s->tables);
	free(s->untrusted);
	free(s->problem);
	free(s->too_small);
	*s = (struct table_scan){0};
}

void table_say(char **field, const char *fmt, ...)
{
	if (*field)
		return; /* the first one is the cause */
	va_list ap;
	va_start(ap, fmt);
	*field = xvasprintf(fmt, ap);
	va_end(ap);
}

void table_add_slot(struct table_scan *s, uint64_t start, uint64_t size)
{
	if (s->n == SLOTS_MAX) {
		table_say(&s->untrusted, "the table has more than %u partitions", SLOTS_MAX);
		return;
	}
	s->v = xrealloc_array(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = (struct table_slot){start, size};
}

/* ---- MBR ---- */

static bool is_extended(const struct mbr_entry *e)
{
	return e->type == MBR_EXTENDED || e->type == MBR_EXTENDED_LBA ||
	       e->type == MBR_EXTENDED_LINUX;
}

static bool has_boot_magic(const struct mbr *m)
{
	return m->magic[0] == 0x55 && m->magic[1] == 0xaa;
}

/* The first 512 bytes at offset; false where the disk ends before or cannot be read there. */
static bool read_boot_record(struct disk *d, uint64_t offset, struct mbr *ret)
{
	CLEANUP_ERR struct error *ignored = NULL;
	return u64_range_ok(offset, sizeof(*ret), d->size) &&
	       disk_pread(d, ret, sizeof(*ret), offset, &ignored) == 0;
}

/* 32-bit sectors of at most 4096 bytes: nothing here overflows 64 bits. */
static void add_mbr_slot(
	struct table_scan *s, const struct disk *d, uint64_t start, uint64_t sectors)
{
	uint64_t begin = start * s->sector, size = sectors * s->sector;
	if (!u64_range_ok(begin, size, d->size))
		table_say(&s->too_small,
			"a partition at 0x%" PRIx64 " ends at %" PRIu64
			" bytes, but the disk has %" PRIu64 " bytes",
			begin, begin + size, d->size);
	table_add_slot(s, begin, size);
}

/* Logical partitions of one EBR; returns the entry that links to the next one, or NULL. */
static const struct mbr_entry *scan_ebr(struct table_scan *s, const struct disk *d,
	const struct mbr *ebr, uint64_t here, uint64_t here_sectors)
{
	const struct mbr_entry *link = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(ebr->entries); i++) {
		const struct mbr_entry *e = &ebr->entries[i];
		uint64_t start = le32_get(e->start), sectors = le32_get(e->sectors);
		if (!sectors)
			continue;
		if (is_extended(e)) {
			if (!link)
				link = e;
			continue;
		}
		/* The third and fourth entries are data only where they fit (OS/2); else junk. */
		if (i < 2 || start + sectors <= here_sectors)
			add_mbr_slot(s, d, here + start, sectors);
	}
	return link;
}

static int scan_extended(
	struct table_scan *s, struct disk *d, const struct mbr_entry *container, struct error **err)
{
	uint64_t base = le32_get(container->start), here = base;
	uint64_t sectors = le32_get(container->sectors);
	for (unsigned i = 0; i < EBR_MAX; i++) {
		uint64_t at = here * s->sector;
		struct mbr ebr;
		if (!u64_range_ok(at, s->sector, d->size))
			return 0; /* the container is too long: said by its own slot */
		if (ranges_contain(&s->tables, at, at + s->sector)) {
			table_say(&s->untrusted,
				"the chain of extended partitions loops at 0x%" PRIx64, at);
			return 0;
		}
		ranges_add(&s->tables, at, at + s->sector);
		if (disk_pread(d, &ebr, sizeof(ebr), at, err) < 0)
			return -1;
		if (!has_boot_magic(&ebr))
			return 0;
		const struct mbr_entry *link = scan_ebr(s, d, &ebr, here, sectors);
		if (!link)
			return 0;
		here = base + le32_get(link->start);
		sectors = le32_get(link->sectors);
	}
	table_say(&s->untrusted, "more than %u extended partitions in a chain", EBR_MAX);
	return 0;
}

static int scan_mbr(struct table_scan *s, struct disk *d, const struct mbr *m, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(m->entries); i++)
		if (m->entries[i].boot & 0x7f)
			return 0; /* a boot sector, not a table */
	s->kind = TABLE_MBR;
	ranges_add(&s->tables, 0, min_u64(s->sector, d->size));
	for (size_t i = 0; i < ARRAY_SIZE(m->entries); i++) {
		const struct mbr_entry *e = &m->entries[i];
		if (!le32_get(e->sectors))
			continue;
		add_mbr_slot(s, d, le32_get(e->start), le32_get(e->sectors));
		if (is_extended(e) && scan_extended(s, d, e, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- both ---- */

int table_scan(struct table_scan *ret, struct disk *d, struct error **err)
{
	CLEANUP(table_scan_done) struct table_scan s = {.sector = d->logical_sector};
	struct mbr m;
	if (d->size >= sizeof(m)) {
		if (disk_pread(d, &m, sizeof(m), 0, err) < 0)
			return -1;
		bool gpt = false;
		for (size_t i = 0; i < ARRAY_SIZE(m.entries); i++)
			gpt = gpt || m.entries[i].type == MBR_PROTECTIVE;
		if (has_boot_magic(&m) &&
			(gpt ? table_scan_gpt(&s, d, err) : scan_mbr(&s, d, &m, err)) < 0)
			return -1;
	}
	*ret = s;
	s = (struct table_scan){0};
	return 0;
}

static bool has_gpt_at(struct disk *d, uint64_t offset)
{
	struct mbr record;
	return read_boot_record(d, offset, &record) && memcmp(&record, "EFI PART", 8) == 0;
}

/* How many partitions begin with a boot sector when counted in sectors of that size; -1: one of
 * them reaches past the end. */
static int count_boot_sectors(struct disk *d, const struct mbr *m, uint32_t sector)
{
	int n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(m->entries); i++) {
		uint64_t start = (uint64_t)le32_get(m->entries[i].start) * sector;
		uint64_t size = (uint64_t)le32_get(m->entries[i].sectors) * sector;
		struct mbr record;
		if (!size)
			continue;
		if (!start || !u64_range_ok(start, size, d->size))
			return -1;
		n += read_boot_record(d, start, &record) && has_boot_magic(&record);
	}
	return n;
}

uint32_t table_guess_sector(struct disk *d)
{
	struct mbr m;
	if (has_gpt_at(d, 512) || !read_boot_record(d, 0, &m))
		return 512;
	if (has_gpt_at(d, 4096))
		return 4096;
	if (!has_boot_magic(&m))
		return 512;
	return count_boot_sectors(d, &m, 512) <= 0 && count_boot_sectors(d, &m, 4096) > 0 ? 4096
											  : 512;
}
