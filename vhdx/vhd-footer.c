/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The footer: which of its copies is believed, and what size the disk has.
 *
 * The size. The footer has the size in bytes and a geometry, which is up to a cylinder smaller.
 * Virtual PC and old QEMU show their guests the geometry's size, all others the size in bytes. The
 * creator tells them apart, as in QEMU: "vpc " and "qemu" mean the geometry, unless it is the largest
 * one, which says no more than "large". (QEMU 7.2 also takes the geometry for creators unknown to it,
 * Azure's "wa" among them, and so cuts the disk's end off; newer ones do as is done here.)
 */
#include <inttypes.h>
#include <string.h>

#include "vhd-internal.h"

#define SHORT_FOOTER 511u /* of files made before Virtual PC 2004 */

struct candidate {
	bool present, valid; /* cookie; checksum too */
	uint64_t offset;
	struct vhd_footer footer;
};

static bool has_cookie(const void *p)
{
	return memcmp(p, VHD_COOKIE, strlen(VHD_COOKIE)) == 0;
}

static void take(struct candidate *c, const uint8_t *bytes, size_t len, uint64_t offset)
{
	if (!has_cookie(bytes))
		return;
	memcpy(&c->footer, bytes, len);
	c->present = true;
	c->offset = offset;
	c->valid = be32_get(c->footer.checksum) == vhd_footer_checksum(&c->footer);
}

static int read_candidates(
	struct io *io, struct candidate *start, struct candidate *end, struct error **err)
{
	*start = *end = (struct candidate){0};
	if (io->size < sizeof(struct vhd_footer))
		return 0;
	uint8_t sector[sizeof(struct vhd_footer)];
	if (io_pread(io, sector, sizeof(sector), 0, err) < 0)
		return -1;
	take(start, sector, sizeof(sector), 0);
	uint64_t last = io->size - sizeof(sector);
	if (io_pread(io, sector, sizeof(sector), last, err) < 0)
		return -1;
	take(end, sector, sizeof(sector), last);
	if (!end->present)
		take(end, sector + 1, SHORT_FOOTER, last + 1);
	return 0;
}

bool vhd_probe(struct io *io)
{
	struct candidate start, end;
	CLEANUP_ERR struct error *err = NULL;
	return read_candidates(io, &start, &end, &err) == 0 && (start.present || end.present);
}

/* A fixed image has no copy: what stands at its start is the disk's. */
static bool is_copy(const struct candidate *start)
{
	return start->valid && be32_get(start->footer.type) != VHD_FIXED;
}

static const struct candidate *choose(
	const struct candidate *start, const struct candidate *end, struct findings *f)
{
	if (end->valid)
		return end;
	if (is_copy(start)) {
		findings_add(f, FINDING_WARNING, "footer-lost",
			"the footer at the end of the file is %s; its copy at 0x0 is used",
			end->present ? "damaged" : "missing");
		return start;
	}
	const struct candidate *c = end->present ? end : start;
	if (c->present)
		findings_add(f, FINDING_ERROR, "footer-checksum",
			"the footer at 0x%" PRIx64 " has the checksum 0x%08" PRIx32 " (0x%08" PRIx32
			" expected)",
			c->offset, be32_get(c->footer.checksum), vhd_footer_checksum(&c->footer));
	else
		findings_add(f, FINDING_ERROR, "footer-missing",
			"no footer at the end of the file and no copy of it at 0x0 (\"%s\" "
			"expected)",
			VHD_COOKIE);
	return NULL;
}

static void compare_copies(
	const struct candidate *start, const struct candidate *end, struct findings *f)
{
	if (!end->valid || be32_get(end->footer.type) == VHD_FIXED)
		return;
	if (!start->valid)
		findings_add(f, FINDING_WARNING, "footer-copy",
			"the copy of the footer at 0x0 is %s",
			start->present ? "damaged" : "missing");
	else if (memcmp(&start->footer, &end->footer, SHORT_FOOTER) != 0)
		findings_add(f, FINDING_WARNING, "footers-differ",
			"the copy of the footer at 0x0 differs from the footer at 0x%" PRIx64
			", which is used",
			end->offset);
}

/* ---- what it says ---- */

static bool creator_means_geometry(const struct vhd_footer *f)
{
	return memcmp(f->creator_app, "vpc ", 4) == 0 || memcmp(f->creator_app, "qemu", 4) == 0;
}

static uint64_t disk_size(const struct vhd_footer *footer, struct findings *f)
{
	uint64_t bytes = be64_get(footer->current_size);
	uint64_t sectors =
		(uint64_t)be16_get(footer->cylinders) * footer->heads * footer->sectors_per_track;
	bool largest = sectors == UINT64_C(65535) * 16 * 255;
	if (creator_means_geometry(footer) && !largest) {
		if (sectors * VHD_SECTOR != bytes)
			findings_add(f, FINDING_NOTE, "size-by-geometry",
				"the creator \"%.4s\" means the geometry, %" PRIu64
				" bytes, and not the size in the footer, %" PRIu64,
				footer->creator_app, sectors * VHD_SECTOR, bytes);
		return sectors * VHD_SECTOR;
	}
	if (bytes % VHD_SECTOR)
		findings_add(f, FINDING_WARNING, "size-unaligned",
			"the disk's size is %" PRIu64 " bytes (a multiple of 512 expected)", bytes);
	return round_down(bytes, VHD_SECTOR);
}

static void describe_creator(const struct vhd_footer *footer, struct image_info *info)
{
	uint32_t version = be32_get(footer->creator_version);
	snprintf(info->creator, sizeof(info->creator), "%.4s %" PRIu32 ".%" PRIu32 " (%.4s)",
		footer->creator_app, version >> 16, version & 0xffff, footer->creator_os);
	for (char *p = info->creator; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

static bool take_type(const struct vhd_footer *footer, struct image_info *info, struct findings *f)
{
	switch (be32_get(footer->type)) {
	case VHD_FIXED:
		info->type = IMAGE_FIXED;
		return true;
	case VHD_DYNAMIC:
		info->type = IMAGE_DYNAMIC;
		return true;
	case VHD_DIFFERENCING:
		info->type = IMAGE_DIFFERENCING;
		return true;
	default:
		findings_add(f, FINDING_ERROR, "type-unknown",
			"disk type %" PRIu32 " (2 fixed, 3 dynamic or 4 differencing expected)",
			be32_get(footer->type));
		return false;
	}
}

static void check_fixed(const struct vhd *v, struct findings *f)
{
	uint64_t size = v->info.virtual_size;
	if (size > v->data_end)
		findings_add(f, FINDING_ERROR, "file-truncated",
			"the file holds %" PRIu64 " bytes of the disk (%" PRIu64 " expected)",
			v->data_end, size);
	else if (v->data_end > max_u64(size, be64_get(v->footer.current_size)))
		findings_add(f, FINDING_NOTE, "trailing-bytes",
			"%" PRIu64 " bytes lie between the disk's end and the footer",
			v->data_end - size);
	if (size % MiB)
		findings_add(f, FINDING_NOTE, "size-not-whole-mib",
			"the disk's size, %" PRIu64
			" bytes, is not a whole MiB: Azure refuses such an image",
			size);
}

static void check_footer(struct vhd *v, struct findings *f)
{
	const struct vhd_footer *footer = &v->footer;
	struct image_info *info = &v->info;
	if (be32_get(footer->version) >> 16 != VHD_VERSION >> 16)
		findings_add(f, FINDING_ERROR, "version-unknown",
			"format version 0x%08" PRIx32 " (0x%08" PRIx32 " expected)",
			be32_get(footer->version), VHD_VERSION);
	info->virtual_size = disk_size(footer, f);
	if (info->virtual_size == 0 || info->virtual_size > VHD_MAX_SIZE)
		findings_add(f, FINDING_ERROR, "size-unsupported",
			"the disk's size is %" PRIu64 " bytes (1 sector to 2040 GiB expected)",
			info->virtual_size);
	if (footer->saved_state)
		findings_add(f, FINDING_WARNING, "saved-state",
			"the image belongs to a machine that was suspended, not shut down");
	if (take_type(footer, info, f) && info->type == IMAGE_FIXED)
		check_fixed(v, f);
}

int vhd_load_footer(struct vhd *v, struct findings *f, struct error **err)
{
	struct candidate start, end;
	if (read_candidates(v->io, &start, &end, err) < 0)
		return -1;
	const struct candidate *c = choose(&start, &end, f);
	if (!c)
		return 0;
	compare_copies(&start, &end, f);
	v->footer = c->footer;
	v->data_end = end.present ? end.offset : v->io->size;
	v->info.format = IMAGE_VHD;
	v->info.logical_sector = v->info.physical_sector = VHD_SECTOR;
	memcpy(v->info.file_id.b, c->footer.unique_id, sizeof(v->info.file_id.b));
	describe_creator(&v->footer, &v->info);
	check_footer(v, f);
	return 0;
}
