/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader's own rules, one by one, and those that a reader need not insist on. */
#include <inttypes.h>
#include <string.h>

#include "mem.h"
#include "vhdx-check.h"

struct check {
	struct io *io; /* the file; once the log is known, the file as replayed */
	struct findings *f;
	struct vhdx_header header;
	struct vhdx_regions regions;
};

/*
 * What is wrong with the file becomes a finding and 0 is returned; what kept us from reading it
 * stays an error.
 */
static int take(struct findings *f, enum finding_level level, const char *code, struct error *from,
	struct error **err)
{
	if (from->code != ERR_IMAGE_CORRUPT && from->code != ERR_IMAGE_UNSUPPORTED) {
		err_move(err, &from);
		return -1;
	}
	findings_add(f, level, code, "%s", from->message);
	err_free(from);
	return 0;
}

/* Each step returns 1: go on, 0: what follows cannot be read, -1: error. */

static int stop(struct check *c, const char *code, struct error *from, struct error **err)
{
	return take(c->f, FINDING_ERROR, code, from, err);
}

static int check_file_id(struct check *c, struct error **err)
{
	char creator[64];
	struct error *e = NULL;
	return vhdx_read_file_id(c->io, creator, &e) < 0 ? stop(c, "file-id", e, err) : 1;
}

static int check_headers(struct check *c, struct error **err)
{
	static const uint64_t offsets[] = {VHDX_HEADER1, VHDX_HEADER2};
	struct error *e = NULL;
	uint64_t offset;
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++)
		if (vhdx_read_header(c->io, offsets[i], &c->header, &e) < 0) {
			if (take(c->f, FINDING_WARNING, "header-checksum", e, err) < 0)
				return -1;
			e = NULL;
		}
	return vhdx_current_header(c->io, &c->header, &offset, &e) < 0 ? stop(c, "header", e, err)
								       : 1;
}

/* log: set where it had to be replayed; closed by the caller. */
static int check_log(struct check *c, struct io **log, struct error **err)
{
	uint64_t offset = le64_get(c->header.log_offset), length = le32_get(c->header.log_length);
	struct error *e = NULL;
	if (!u64_range_ok(offset, length, c->io->size))
		findings_add(c->f, FINDING_ERROR, "log-past-end",
			"log of %" PRIu64 " bytes at 0x%" PRIx64
			" lies past the end of the file (%" PRIu64 " bytes)",
			length, offset, c->io->size);
	if (!vhdx_log_is_dirty(&c->header))
		return 1;
	if (vhdx_log_overlay(log, c->io, &c->header, &e) < 0)
		return stop(c, "log-replay", e, err);
	findings_add(c->f, FINDING_WARNING, "log-dirty",
		"the file was not closed: its log must be replayed before it is used");
	c->io = *log;
	return 1;
}

static int check_regions(struct check *c, struct error **err)
{
	static const uint64_t offsets[] = {VHDX_REGIONS1, VHDX_REGIONS2};
	CLEANUP_FREE struct vhdx_region_table *t = xcalloc(2, sizeof(*t));
	struct error *e = NULL;
	bool valid[2];
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		valid[i] = vhdx_read_region_table(c->io, offsets[i], &t[i], &e) == 0;
		if (!valid[i] && take(c->f, FINDING_WARNING, "region-table", e, err) < 0)
			return -1;
		e = NULL;
	}
	if (valid[0] && valid[1] && memcmp(&t[0], &t[1], sizeof(*t)) != 0)
		findings_add(c->f, FINDING_WARNING, "region-tables-differ",
			"the region tables at 0x%" PRIx64 " and 0x%" PRIx64 " differ", offsets[0],
			offsets[1]);
	if (!valid[0] && !valid[1]) {
		findings_add(c->f, FINDING_ERROR, "region-table", "neither region table is valid");
		return 0;
	}
	if (vhdx_regions_parse(&c->regions, valid[0] ? &t[0] : &t[1], &c->header, c->io->size, &e) <
		0)
		return stop(c, "region-entry", e, err);
	if (vhdx_regions_check_overlaps(&c->regions, &e) < 0)
		return stop(c, "region-overlap", e, err);
	return 1;
}

static int compare_ranges(const void *a, const void *b)
{
	uint64_t x = ((const struct range *)a)->start, y = ((const struct range *)b)->start;
	return x < y ? -1 : x > y;
}

static void check_item_overlaps(struct findings *f, const struct vhdx_metadata_table *t)
{
	unsigned count = le16_get(t->count), n = 0;
	CLEANUP_FREE struct range *items = xcalloc(count, sizeof(*items));
	for (unsigned i = 0; i < count; i++) {
		uint64_t start = le32_get(t->entries[i].offset);
		if (le32_get(t->entries[i].length))
			items[n++] = (struct range){start, start + le32_get(t->entries[i].length)};
	}
	qsort(items, n, sizeof(*items), compare_ranges);
	for (unsigned i = 1; i < n; i++)
		if (items[i].start < items[i - 1].end)
			findings_add(f, FINDING_ERROR, "metadata-overlap",
				"metadata items at 0x%" PRIx64 " and 0x%" PRIx64
				" of the region overlap",
				items[i - 1].start, items[i].start);
}

static int check_metadata(struct check *c, struct error **err)
{
	CLEANUP_FREE struct vhdx_metadata_table *t = xmalloc(sizeof(*t));
	CLEANUP(vhdx_metadata_done) struct vhdx_metadata m = {0};
	const struct vhdx_area *region = &c->regions.metadata;
	struct error *e = NULL;
	int go_on = 1;
	if (vhdx_read_metadata_table(c->io, region, t, &e) < 0)
		return stop(c, "metadata-table", e, err);
	for (unsigned i = 0; i < le16_get(t->count); i++)
		if (vhdx_check_metadata_entry(t, i, region, &e) < 0) {
			go_on = stop(c, "metadata-entry", e, err);
			if (go_on < 0)
				return -1;
			e = NULL;
		}
	if (!go_on)
		return 0;
	check_item_overlaps(c->f, t);
	if (vhdx_metadata_parse(&m, c->io, region, t, &e) < 0)
		return stop(c, "metadata-value", e, err);
	return 1;
}

/* Opens the image, whose tables are fine: all that is left to fail is the BAT's size. */
static int check_bat(struct check *c, struct io *file, struct error **err)
{
	CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
	struct error *e = NULL;
	if (vhdx_open(&v, file, VHDX_OPEN_NO_PARENT, NULL, &e) < 0)
		return stop(c, "bat-size", e, err);
	return vhdx_check_bat(v, &c->regions, c->f, err);
}

int vhdx_check(struct io *io, struct findings *ret, struct error **err)
{
	struct check c = {.io = io, .f = ret};
	CLEANUP(io_close_p) struct io *log = NULL;
	int go_on = check_file_id(&c, err);
	if (go_on > 0)
		go_on = check_headers(&c, err);
	if (go_on > 0)
		go_on = check_log(&c, &log, err);
	if (go_on > 0)
		go_on = check_regions(&c, err);
	if (go_on > 0)
		go_on = check_metadata(&c, err);
	if (go_on > 0)
		go_on = check_bat(&c, io, err);
	vhdx_regions_done(&c.regions);
	return go_on < 0 ? -1 : 0;
}
