/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The region tables: [MS-VHDX] 2.2.3. */
#include <inttypes.h>
#include <string.h>

#include "crc32c.h"
#include "mem.h"
#include "vhdx-internal.h"

static const struct guid bat_guid = VHDX_REGION_BAT, metadata_guid = VHDX_REGION_METADATA;

void vhdx_regions_done(struct vhdx_regions *r)
{
	free(r->all);
	*r = (struct vhdx_regions){0};
}

int vhdx_read_region_table(
	struct io *io, uint64_t offset, struct vhdx_region_table *ret, struct error **err)
{
	if (io_pread(io, ret, sizeof(*ret), offset, err) < 0)
		return -1;
	if (memcmp(ret->signature, "regi", 4) != 0)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"\"%s\": no region table at 0x%" PRIx64 " (\"regi\" expected)", io->name,
			offset);
	le32 stored = ret->checksum;
	ret->checksum = le32_make(0);
	uint32_t checksum = crc32c(0, ret, sizeof(*ret));
	ret->checksum = stored;
	if (le32_get(stored) != checksum)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"\"%s\": region table at 0x%" PRIx64 ": checksum 0x%08" PRIx32
			" (0x%08" PRIx32 " expected)",
			io->name, offset, le32_get(stored), checksum);
	if (le32_get(ret->count) > VHDX_ENTRIES_MAX)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"\"%s\": region table at 0x%" PRIx64 ": %" PRIu32
			" entries (at most %d expected)",
			io->name, offset, le32_get(ret->count), VHDX_ENTRIES_MAX);
	return 0;
}

/* Where the entry's area is kept: a known region, or the spare. NULL: it may not be ignored. */
static struct vhdx_area *place(struct vhdx_regions *r, const struct vhdx_region_entry *e,
	struct vhdx_area *spare, struct error **err)
{
	char text[GUID_STRING_SIZE];
	if (guid_equal(&e->guid, &bat_guid)) {
		r->bat.name = "BAT";
		return &r->bat;
	}
	if (guid_equal(&e->guid, &metadata_guid)) {
		r->metadata.name = "metadata region";
		return &r->metadata;
	}
	if (le32_get(e->required) & 1) {
		guid_format(&e->guid, text);
		err_set(err, ERR_IMAGE_UNSUPPORTED, "required region %s is unknown", text);
		return NULL;
	}
	*spare = (struct vhdx_area){.name = "unknown region"};
	return spare;
}

static int parse_entry(struct vhdx_regions *r, const struct vhdx_region_entry *e,
	uint64_t file_size, struct error **err)
{
	struct vhdx_area spare, *area = place(r, e, &spare, err);
	if (!area)
		return -1;
	if (area->offset)
		return err_set(err, ERR_IMAGE_CORRUPT, "%s: two entries for it", area->name);
	area->offset = le64_get(e->offset);
	area->length = le32_get(e->length);
	if (area->offset < VHDX_UNIT || area->offset % VHDX_UNIT || area->length % VHDX_UNIT ||
		area->offset > VHDX_FILE_MAX)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"%s: %" PRIu64 " bytes at 0x%" PRIx64 " (whole MiB from 1 MiB on expected)",
			area->name, area->length, area->offset);
	if (area != &spare && !u64_range_ok(area->offset, area->length, file_size))
		return err_set(err, ERR_IMAGE_CORRUPT,
			"%s: %" PRIu64 " bytes at 0x%" PRIx64
			" lie past the end of the file (%" PRIu64 " bytes)",
			area->name, area->length, area->offset, file_size);
	r->all[r->n++] = *area;
	return 0;
}

static int compare_areas(const void *a, const void *b)
{
	uint64_t x = ((const struct vhdx_area *)a)->offset,
		 y = ((const struct vhdx_area *)b)->offset;
	return x < y ? -1 : x > y;
}

int vhdx_regions_check_overlaps(const struct vhdx_regions *r, struct error **err)
{
	for (size_t i = 1; i < r->n; i++) {
		const struct vhdx_area *a = &r->all[i - 1], *b = &r->all[i];
		if (b->offset < a->offset + a->length)
			return err_set(err, ERR_IMAGE_CORRUPT,
				"region table: %s (%" PRIu64 " bytes at 0x%" PRIx64
				") and %s (at 0x%" PRIx64 ") overlap",
				a->name, a->length, a->offset, b->name, b->offset);
	}
	return 0;
}

int vhdx_regions_parse(struct vhdx_regions *ret, const struct vhdx_region_table *t,
	const struct vhdx_header *h, uint64_t file_size, struct error **err)
{
	uint32_t count = le32_get(t->count);
	CLEANUP(vhdx_regions_done) struct vhdx_regions r = {0};
	r.all = xcalloc(count + 2, sizeof(*r.all));
	r.all[r.n++] = (struct vhdx_area){"header section", 0, VHDX_UNIT};
	if (le32_get(h->log_length))
		r.all[r.n++] =
			(struct vhdx_area){"log", le64_get(h->log_offset), le32_get(h->log_length)};
	for (uint32_t i = 0; i < count; i++)
		if (parse_entry(&r, &t->entries[i], file_size, err) < 0)
			return err_prefix(err, "region table, entry %" PRIu32, i);
	if (!r.bat.offset || !r.metadata.offset)
		return err_set(err, ERR_IMAGE_CORRUPT, "region table: no entry for the %s",
			r.bat.offset ? "metadata region" : "BAT");
	qsort(r.all, r.n, sizeof(*r.all), compare_areas);
	*ret = r;
	r.all = NULL;
	return 0;
}

int vhdx_regions_load(
	struct vhdx_regions *ret, struct io *io, const struct vhdx_header *h, struct error **err)
{
	CLEANUP_FREE struct vhdx_region_table *t = xmalloc(sizeof(*t));
	CLEANUP_ERR struct error *first = NULL, *second = NULL;
	if (vhdx_read_region_table(io, VHDX_REGIONS1, t, &first) < 0 &&
		vhdx_read_region_table(io, VHDX_REGIONS2, t, &second) < 0) {
		err_move(err, &first);
		return err_prefix(err, "neither region table is valid");
	}
	CLEANUP(vhdx_regions_done) struct vhdx_regions r = {0};
	if (vhdx_regions_parse(&r, t, h, io->size, err) < 0 ||
		vhdx_regions_check_overlaps(&r, err) < 0)
		return err_prefix(err, "\"%s\"", io->name);
	*ret = r;
	r.all = NULL;
	return 0;
}
