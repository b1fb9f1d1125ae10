/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The metadata region: [MS-VHDX] 2.6. */
#include <inttypes.h>
#include <string.h>

#include "mem.h"
#include "vhdx-internal.h"

#define ITEM_MAX MiB

enum item {
	FILE_PARAMETERS,
	DISK_SIZE,
	DISK_ID,
	LOGICAL_SECTOR,
	PHYSICAL_SECTOR,
	LOCATOR,
	N_ITEMS
};

static const struct known_item {
	struct guid guid;
	const char *name;
	uint32_t length; /* 0: any */
} known_items[N_ITEMS] = {
	[FILE_PARAMETERS] = {VHDX_META_FILE_PARAMETERS, "file parameters",
		sizeof(struct vhdx_file_parameters)},
	[DISK_SIZE] = {VHDX_META_DISK_SIZE, "virtual disk size", sizeof(le64)},
	[DISK_ID] = {VHDX_META_DISK_ID, "virtual disk id", sizeof(struct guid)},
	[LOGICAL_SECTOR] = {VHDX_META_LOGICAL_SECTOR, "logical sector size", sizeof(le32)},
	[PHYSICAL_SECTOR] = {VHDX_META_PHYSICAL_SECTOR, "physical sector size", sizeof(le32)},
	[LOCATOR] = {VHDX_META_PARENT_LOCATOR, "parent locator", 0},
};

/* The system item that the entry holds; NULL: an unknown or a user's one. */
static const struct known_item *known(const struct vhdx_metadata_entry *e)
{
	if (le32_get(e->flags) & VHDX_METADATA_USER)
		return NULL;
	for (size_t i = 0; i < N_ITEMS; i++)
		if (guid_equal(&e->guid, &known_items[i].guid))
			return &known_items[i];
	return NULL;
}

int vhdx_read_metadata_table(struct io *io, const struct vhdx_area *region,
	struct vhdx_metadata_table *ret, struct error **err)
{
	if (region->length < sizeof(*ret))
		return err_set(err, ERR_IMAGE_CORRUPT,
			"metadata region: %" PRIu64 " bytes (at least 1 MiB expected)",
			region->length);
	if (io_pread(io, ret, sizeof(*ret), region->offset, err) < 0)
		return -1;
	if (memcmp(ret->signature, "metadata", 8) != 0)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"metadata region: no table at 0x%" PRIx64 " (\"metadata\" expected)",
			region->offset);
	if (le16_get(ret->count) > VHDX_ENTRIES_MAX)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"metadata table: %" PRIu16 " entries (at most %d expected)",
			le16_get(ret->count), VHDX_ENTRIES_MAX);
	return 0;
}

static bool same_key(const struct vhdx_metadata_entry *a, const struct vhdx_metadata_entry *b)
{
	return guid_equal(&a->guid, &b->guid) &&
	       ((le32_get(a->flags) ^ le32_get(b->flags)) & VHDX_METADATA_USER) == 0;
}

static int check_place(const struct vhdx_metadata_entry *e, const struct known_item *item,
	const struct vhdx_area *region, struct error **err)
{
	uint32_t offset = le32_get(e->offset), length = le32_get(e->length);
	if (length > ITEM_MAX || (length && offset < VHDX_METADATA_TABLE) ||
		!u64_range_ok(offset, length, region->length))
		return err_set(err, ERR_IMAGE_CORRUPT,
			"%" PRIu32 " bytes at 0x%" PRIx32
			" (at most 1 MiB, within the region's %" PRIu64
			" bytes and past 64 KiB, expected)",
			length, offset, region->length);
	if (item && item->length && item->length != length)
		return err_set(err, ERR_IMAGE_CORRUPT, "%" PRIu32 " bytes (%" PRIu32 " expected)",
			length, item->length);
	return 0;
}

int vhdx_check_metadata_entry(const struct vhdx_metadata_table *t, unsigned i,
	const struct vhdx_area *region, struct error **err)
{
	const struct vhdx_metadata_entry *e = &t->entries[i];
	const struct known_item *item = known(e);
	char name[GUID_STRING_SIZE];
	guid_format(&e->guid, name);
	for (unsigned k = 0; k < i; k++)
		if (same_key(e, &t->entries[k]))
			return err_set(err, ERR_IMAGE_CORRUPT,
				"metadata table, entry %u: item %s is in entry %u already", i, name,
				k);
	if (!item && (le32_get(e->flags) & VHDX_METADATA_REQUIRED))
		return err_set(err, ERR_IMAGE_UNSUPPORTED,
			"metadata table, entry %u: required item %s is unknown", i, name);
	if (check_place(e, item, region, err) < 0)
		return err_prefix(err, "metadata table, entry %u: %s", i, item ? item->name : name);
	return 0;
}

static const struct vhdx_metadata_entry *find(const struct vhdx_metadata_table *t, enum item item)
{
	for (unsigned i = 0; i < le16_get(t->count); i++)
		if (known(&t->entries[i]) == &known_items[item])
			return &t->entries[i];
	return NULL;
}

/* The item's bytes: exactly its known length. */
static int read_item(struct io *io, const struct vhdx_area *region,
	const struct vhdx_metadata_table *t, enum item item, void *buf, struct error **err)
{
	const struct vhdx_metadata_entry *e = find(t, item);
	if (!e)
		return err_set(err, ERR_IMAGE_CORRUPT, "metadata: no %s (expected in every VHDX)",
			known_items[item].name);
	return io_pread(
		io, buf, known_items[item].length, region->offset + le32_get(e->offset), err);
}

static int check_sector(uint32_t size, enum item item, struct error **err)
{
	if (size == 512 || size == 4096)
		return 0;
	return err_set(err, ERR_IMAGE_CORRUPT, "metadata: %s %" PRIu32 " (512 or 4096 expected)",
		known_items[item].name, size);
}

static int check_values(const struct vhdx_metadata *m, struct error **err)
{
	if (!is_power_of_2(m->block_size) || m->block_size < VHDX_BLOCK_MIN ||
		m->block_size > VHDX_BLOCK_MAX)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"metadata: block size %" PRIu32
			" (a power of two, 1 MiB to 256 MiB, expected)",
			m->block_size);
	if (check_sector(m->logical_sector, LOGICAL_SECTOR, err) < 0 ||
		check_sector(m->physical_sector, PHYSICAL_SECTOR, err) < 0)
		return -1;
	if (!m->virtual_size || m->virtual_size > VHDX_SIZE_MAX ||
		m->virtual_size % m->logical_sector)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"metadata: virtual disk size %" PRIu64 " (whole sectors of %" PRIu32
			" bytes, at most 64 TiB, expected)",
			m->virtual_size, m->logical_sector);
	return 0;
}

static int load_locator(struct vhdx_metadata *m, struct io *io, const struct vhdx_area *region,
	const struct vhdx_metadata_table *t, struct error **err)
{
	const struct vhdx_metadata_entry *e = find(t, LOCATOR);
	if (!e)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"metadata: no parent locator (expected in a differencing VHDX)");
	uint32_t length = le32_get(e->length);
	CLEANUP_FREE void *item = mem_alloc(length, ITEM_MAX, "parent locator", err);
	if (!item || io_pread(io, item, length, region->offset + le32_get(e->offset), err) < 0)
		return -1;
	return vhdx_locator_parse(&m->locator, item, length, err);
}

int vhdx_metadata_parse(struct vhdx_metadata *ret, struct io *io, const struct vhdx_area *region,
	const struct vhdx_metadata_table *t, struct error **err)
{
	CLEANUP(vhdx_metadata_done) struct vhdx_metadata m = {0};
	struct vhdx_file_parameters parameters;
	le64 size;
	le32 logical, physical;
	if (read_item(io, region, t, FILE_PARAMETERS, &parameters, err) < 0 ||
		read_item(io, region, t, DISK_SIZE, &size, err) < 0 ||
		read_item(io, region, t, DISK_ID, &m.disk_id, err) < 0 ||
		read_item(io, region, t, LOGICAL_SECTOR, &logical, err) < 0 ||
		read_item(io, region, t, PHYSICAL_SECTOR, &physical, err) < 0)
		return -1;
	m.block_size = le32_get(parameters.block_size);
	m.virtual_size = le64_get(size);
	m.logical_sector = le32_get(logical);
	m.physical_sector = le32_get(physical);
	uint32_t flags = le32_get(parameters.flags);
	m.type = flags & VHDX_HAS_PARENT	? IMAGE_DIFFERENCING
		 : flags & VHDX_LEAVE_ALLOCATED ? IMAGE_FIXED
						: IMAGE_DYNAMIC;
	if (check_values(&m, err) < 0)
		return -1;
	if (m.type == IMAGE_DIFFERENCING && load_locator(&m, io, region, t, err) < 0)
		return -1;
	*ret = m;
	m = (struct vhdx_metadata){0};
	return 0;
}

int vhdx_metadata_load(struct vhdx_metadata *ret, struct io *io, const struct vhdx_area *region,
	struct error **err)
{
	CLEANUP_FREE struct vhdx_metadata_table *t = xmalloc(sizeof(*t));
	if (vhdx_read_metadata_table(io, region, t, err) < 0)
		return err_prefix(err, "\"%s\"", io->name);
	for (unsigned i = 0; i < le16_get(t->count); i++)
		if (vhdx_check_metadata_entry(t, i, region, err) < 0)
			return err_prefix(err, "\"%s\"", io->name);
	if (vhdx_metadata_parse(ret, io, region, t, err) < 0)
		return err_prefix(err, "\"%s\"", io->name);
	return 0;
}

void vhdx_metadata_done(struct vhdx_metadata *m)
{
	vhdx_locator_done(&m->locator);
}
