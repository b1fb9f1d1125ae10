/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "mem.h"
#include "partition-format.h"
#include "partition-scan.h"

/* An entry array is 16 KiB almost everywhere; 1 MiB is room for 8192 partitions. */
#define GPT_ENTRIES_MAX_BYTES MiB
#define SECTOR_MAX	      4096u

/* The CRC of Ethernet and GPT (polynomial 0xedb88320), by nibbles: the input is 1 MiB at most. */
static uint32_t crc32(uint32_t crc, const uint8_t *p, size_t n)
{
	static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8,
		0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	crc = ~crc;
	while (n--) {
		crc ^= *p++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* A header that was read, is whole and stands where it says. */
struct gpt {
	struct gpt_header header;
	struct gpt_entry *entries; /* entries_n of them, CRC checked */
};

static void gpt_done(struct gpt *g)
{
	free(g->entries);
}

static bool header_is_whole(const uint8_t *sector, uint32_t sector_size, uint64_t lba)
{
	struct gpt_header h;
	memcpy(&h, sector, sizeof(h));
	uint32_t len = le32_get(h.header_size);
	if (memcmp(h.signature, "EFI PART", 8) != 0 || len < sizeof(h) || len > sector_size)
		return false;
	uint8_t copy[SECTOR_MAX];
	memcpy(copy, sector, len);
	le32_put(copy + offsetof(struct gpt_header, header_crc), 0);
	return crc32(0, copy, len) == le32_get(h.header_crc) && le64_get(h.my_lba) == lba &&
	       le32_get(h.entry_size) == sizeof(struct gpt_entry);
}

/* The header alone; *ret false: none there. */
static int read_header(struct disk *d, uint32_t sector_size, uint64_t lba, struct gpt_header *h,
	bool *ret, struct error **err)
{
	uint8_t sector[SECTOR_MAX];
	*ret = false;
	if (lba >= d->size / sector_size)
		return 0;
	if (disk_pread(d, sector, sector_size, lba * sector_size, err) < 0)
		return -1;
	*ret = header_is_whole(sector, sector_size, lba);
	memcpy(h, sector, sizeof(*h));
	return 0;
}

/* Where the entries lie; false: past the disk's end, or more than there can be. */
static bool entries_range(
	const struct gpt_header *h, uint32_t sector, uint64_t disk_size, struct range *ret)
{
	uint64_t start, len = (uint64_t)le32_get(h->entries_n) * sizeof(struct gpt_entry);
	if (!u64_mul(le64_get(h->entries_lba), sector, &start) || len > GPT_ENTRIES_MAX_BYTES ||
		!len || !u64_range_ok(start, len, disk_size))
		return false;
	*ret = (struct range){start, start + len};
	return true;
}

/* Header and entries; *ret false: no whole GPT there. A valid header that is too long is an error. */
static int read_gpt(
	struct disk *d, uint32_t sector, uint64_t lba, struct gpt *g, bool *ret, struct error **err)
{
	bool whole;
	struct range at;
	*ret = false;
	if (read_header(d, sector, lba, &g->header, &whole, err) < 0)
		return -1;
	if (!whole)
		return 0;
	uint64_t last = max_u64(max_u64(le64_get(g->header.alternate_lba), lba),
		le64_get(g->header.last_usable_lba));
	if (last >= d->size / sector)
		return err_set(err, ERR_DISK_TRUNCATED,
			"\"%s\": its GPT describes a disk of %" PRIu64
			" sectors of %u bytes, but it has %" PRIu64 " (%" PRIu64 " bytes)",
			d->name, last + 1, sector, d->size / sector, d->size);
	if (!entries_range(&g->header, sector, d->size, &at))
		return 0;
	CLEANUP_FREE uint8_t *bytes =
		mem_alloc(at.end - at.start, GPT_ENTRIES_MAX_BYTES, "GPT entries", err);
	if (!bytes || disk_pread(d, bytes, at.end - at.start, at.start, err) < 0)
		return -1;
	if (crc32(0, bytes, at.end - at.start) != le32_get(g->header.entries_crc))
		return 0;
	g->entries = (struct gpt_entry *)TAKE_PTR(bytes);
	*ret = true;
	return 0;
}

static int add_gpt_slot(struct table_scan *s, struct disk *d, const struct gpt_entry *e,
	unsigned number, struct error **err)
{
	uint64_t first = le64_get(e->first_lba), last = le64_get(e->last_lba);
	uint64_t sectors = d->size / s->sector;
	if (first > last) {
		table_say(&s->untrusted, "GPT partition %u ends before it begins", number);
		return 0;
	}
	if (last >= sectors)
		return err_set(err, ERR_DISK_TRUNCATED,
			"\"%s\": GPT partition %u ends in sector %" PRIu64
			", but the disk has %" PRIu64 " sectors of %u bytes",
			d->name, number, last, sectors, s->sector);
	table_add_slot(s, first * s->sector, (last - first + 1) * s->sector);
	return 0;
}

/* The table at both ends: header, entries, and whatever stands between the last usable sector and
 * the other header (its entries, whatever size that header gives them). */
static void add_gpt_tables(struct table_scan *s, struct disk *d, const struct gpt *g)
{
	uint64_t sector = s->sector, alternate = le64_get(g->header.alternate_lba);
	uint64_t high = max_u64(alternate, le64_get(g->header.my_lba));
	uint64_t end = (high + 1) * sector,
		 start = (le64_get(g->header.last_usable_lba) + 1) * sector;
	uint64_t least =
		end > GPT_ENTRIES_MAX_BYTES + sector ? end - GPT_ENTRIES_MAX_BYTES - sector : 0;
	struct range entries;
	ranges_add(&s->tables, 0, 2 * sector);
	ranges_add(&s->tables, min_u64(max_u64(start, least), high * sector), end);
	if (entries_range(&g->header, s->sector, d->size, &entries))
		ranges_add(&s->tables, entries.start, entries.end);
}

static int scan_gpt_entries(
	struct table_scan *s, struct disk *d, const struct gpt *g, struct error **err)
{
	add_gpt_tables(s, d, g);
	for (uint32_t i = 0; i < le32_get(g->header.entries_n); i++)
		if (!guid_is_zero(&g->entries[i].type) &&
			add_gpt_slot(s, d, &g->entries[i], i + 1, err) < 0)
			return -1;
	return 0;
}

/* The GPT in sectors of that size, primary before backup. */
static int find_gpt(struct disk *d, uint32_t sector, struct gpt *g, char **problem, bool *ret,
	struct error **err)
{
	uint64_t sectors = d->size / sector;
	if (sectors < 3) {
		*ret = false;
		return 0;
	}
	if (read_gpt(d, sector, 1, g, ret, err) < 0)
		return -1;
	if (*ret)
		return 0;
	if (read_gpt(d, sector, sectors - 1, g, ret, err) < 0)
		return -1;
	if (*ret)
		table_say(problem,
			"the first GPT is damaged; its backup at the end of the disk is used");
	return 0;
}

int table_scan_gpt(struct table_scan *s, struct disk *d, struct error **err)
{
	const uint32_t sizes[] = {d->logical_sector, d->logical_sector == 512 ? 4096 : 512};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		CLEANUP(gpt_done) struct gpt g = {0};
		bool found;
		if (find_gpt(d, sizes[i], &g, &s->problem, &found, err) < 0)
			return -1;
		if (!found)
			continue;
		s->kind = TABLE_GPT;
		s->sector = sizes[i];
		s->grown = le64_get(g.header.my_lba) == 1 &&
			   le64_get(g.header.alternate_lba) != d->size / s->sector - 1;
		if (i)
			table_say(&s->problem,
				"the GPT counts in sectors of %u bytes, the disk in %u", sizes[i],
				d->logical_sector);
		return scan_gpt_entries(s, d, &g, err);
	}
	table_say(&s->untrusted, "a protective MBR, but neither GPT is valid");
	return 0;
}
