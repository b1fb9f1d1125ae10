/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Damaged and hostile VHD files: what check finds, what open says, and that nothing breaks. */
#include "vhd-util.h"

enum { BOTH = 1, END = 2, CUT = 4, RAW = 8, FIXED = 16, SHORT = 32 };
static const struct damage {
	const char *name;
	unsigned flags;	 /* BOTH: the change goes to both footers; END: to the last; CUT: at bytes
			    off the end; RAW: checksums stay wrong; FIXED: a fixed image; SHORT:
			    the footer has 511 bytes */
	uint64_t offset; /* BOTH, END: in the footer, else in the file */
	uint64_t value;
	unsigned width; /* of value, bytes */
	const char *finding;
	enum finding_level level;
	enum err_code code; /* of open, where level is ERROR */
} damages[] = {
	{"short footer", SHORT, 0, 0, 0, NULL},
	{"end footer damaged", END | RAW, 40, 1, 8, "footer-lost", FINDING_WARNING},
	{"end footer gone", CUT, 512, 0, 0, "footer-lost", FINDING_WARNING},
	{"copy damaged", RAW, 40, 1, 8, "footer-copy", FINDING_WARNING},
	{"copy gone", RAW, 0, 0, 8, "footer-copy", FINDING_WARNING},
	{"copy differs", 0, 24, 1, 4, "footers-differ", FINDING_WARNING},
	{"both damaged", BOTH | RAW, 40, 1, 8, "footer-checksum", FINDING_ERROR, ERR_IMAGE_CORRUPT},
	{"both gone", BOTH | RAW, 0, 0, 8, "footer-missing", FINDING_ERROR, ERR_IMAGE_CORRUPT},
	{"cut in a block", CUT, 5000, 0, 0, "block-outside", FINDING_ERROR, ERR_IMAGE_CORRUPT},
	{"version 2", BOTH, 12, 0x20000, 4, "version-unknown", FINDING_ERROR,
		ERR_IMAGE_UNSUPPORTED},
	{"type 6", BOTH, 60, 6, 4, "type-unknown", FINDING_ERROR, ERR_IMAGE_UNSUPPORTED},
	{"no size", BOTH, 48, 0, 8, "size-unsupported", FINDING_ERROR, ERR_IMAGE_UNSUPPORTED},
	{"3 TiB", BOTH, 48, 3 * TiB, 8, "size-unsupported", FINDING_ERROR, ERR_IMAGE_UNSUPPORTED},
	{"all ones", BOTH, 48, UINT64_MAX, 8, "size-unsupported", FINDING_ERROR,
		ERR_IMAGE_UNSUPPORTED},
	{"odd size", BOTH, 48, 9 * MiB - 1, 8, "size-unaligned", FINDING_WARNING},
	{"suspended", BOTH, 84, 1, 1, "saved-state", FINDING_WARNING},
	{"header past the end", BOTH, 16, UINT64_MAX - 3, 8, "header-outside", FINDING_ERROR,
		ERR_IMAGE_CORRUPT},
	{"header elsewhere", BOTH, 16, 4096, 8, "header-missing", FINDING_ERROR, ERR_IMAGE_CORRUPT},
	{"header damaged", RAW, 512 + 500, 1, 1, "header-checksum", FINDING_ERROR,
		ERR_IMAGE_CORRUPT},
	{"header version", 0, 512 + 24, 0x20000, 4, "header-version", FINDING_ERROR,
		ERR_IMAGE_UNSUPPORTED},
	{"blocks of 3 MiB", 0, 512 + 32, 3 * MiB, 4, "block-size", FINDING_ERROR,
		ERR_IMAGE_UNSUPPORTED},
	{"blocks of 0", 0, 512 + 32, 0, 4, "block-size", FINDING_ERROR, ERR_IMAGE_UNSUPPORTED},
	{"blocks of 512", 0, 512 + 32, 512, 4, "block-size", FINDING_ERROR, ERR_IMAGE_UNSUPPORTED},
	{"4 entries", 0, 512 + 28, 4, 4, "table-too-short", FINDING_ERROR, ERR_IMAGE_CORRUPT},
	{"4G entries", 0, 512 + 28, UINT32_MAX, 4, "table-outside", FINDING_ERROR,
		ERR_IMAGE_CORRUPT},
	{"table past the end", 0, 512 + 16, UINT64_MAX - 8, 8, "table-outside", FINDING_ERROR,
		ERR_IMAGE_CORRUPT},
	{"block in the header", 0, 1536, 1, 4, "block-in-metadata", FINDING_ERROR,
		ERR_IMAGE_CORRUPT},
	{"block past the end", 0, 1536, UINT32_MAX - 1, 4, "block-outside", FINDING_ERROR,
		ERR_IMAGE_CORRUPT},
	{"two blocks in one place", 0, 1536 + 4, 0x1000 / 512 - 1, 4, "blocks-overlap",
		FINDING_ERROR, ERR_IMAGE_CORRUPT},
	{"two blocks a sector apart", 0, 1536 + 4, 0x1000 / 512, 4, "blocks-overlap", FINDING_ERROR,
		ERR_IMAGE_CORRUPT},
	{"fixed, short footer", FIXED | SHORT, 0, 0, 0, NULL},
	{"fixed, too small", FIXED | END, 48, 10 * MiB, 8, "file-truncated", FINDING_ERROR,
		ERR_IMAGE_CORRUPT},
	{"fixed, odd MiB", FIXED | END, 48, 9 * MiB - 512, 8, "size-not-whole-mib", FINDING_NOTE},
	{"fixed, trailing", FIXED | END, 48, 8 * MiB, 8, "trailing-bytes", FINDING_NOTE},
	{"fixed, damaged", FIXED | END | RAW, 48, 8 * MiB, 8, "footer-checksum", FINDING_ERROR,
		ERR_IMAGE_CORRUPT},
};

static void put(uint8_t *p, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		p[i] = (uint8_t)(value >> (width - 1 - i) * 8);
}

static size_t apply_damage(const struct damage *d, uint8_t *image, size_t size)
{
	if (d->flags & CUT)
		return size - d->offset;
	if (d->flags & SHORT)
		return size - 1; /* the byte that goes is a reserved zero */
	uint8_t *end = image + size - 512;
	if (d->flags & (END | BOTH))
		put(end + d->offset, d->value, d->width);
	if (!(d->flags & END))
		put(image + d->offset, d->value, d->width);
	if (d->flags & RAW)
		return size;
	if (d->flags & FIXED)
		be32_put(end + 64, vhd_footer_checksum((struct vhd_footer *)end));
	else
		fix_checksums(image, size);
	return size;
}

static void check_damage_findings(const struct damage *d, struct io *io)
{
	CLEANUP(findings_done) struct findings f = {0};
	ck_ok(vhd_check(io, &f, &err));
	bool found = !d->finding && !f.n;
	for (size_t i = 0; i < f.n; i++)
		found |= d->finding && strcmp(f.v[i].code, d->finding) == 0 &&
			 f.v[i].level == d->level;
	ck_assert_msg(found, "%s: %s (%s expected)", d->name, f.n ? f.v[0].message : "nothing",
		d->finding ? d->finding : "nothing");
	ck_assert(findings_have_errors(&f) == (d->finding && d->level == FINDING_ERROR));
}

/* Where the image still opens, the first 8 MiB read as before. */
static void check_damage_open(const struct damage *d, struct io *io, struct vhd *intact)
{
	struct vhd *v = NULL;
	if (d->finding && d->level == FINDING_ERROR) {
		ck_fails(vhd_open(&v, io, 0, NULL, &err), d->code, NULL);
		return;
	}
	ck_ok(vhd_open(&v, io, 0, NULL, &err));
	CLEANUP_FREE char *got = xmalloc(8 * MiB), *want = xmalloc(8 * MiB);
	ck_ok(vhd_pread(v, got, 8 * MiB, 0, &err));
	ck_ok(vhd_pread(intact, want, 8 * MiB, 0, &err));
	ck_assert_msg(memcmp(got, want, 8 * MiB) == 0, "%s: other content", d->name);
	vhd_close(v);
}

static void check_damage(const struct damage *d)
{
	size_t size;
	CLEANUP_FREE uint8_t *image =
		small_image(d->flags & FIXED ? IMAGE_FIXED : IMAGE_DYNAMIC, &size);
	CLEANUP_FREE uint8_t *broken = xmemdup(image, size);
	CLEANUP(io_close_p) struct io *intact_io = io_from_memory(image, size, "intact");
	CLEANUP(vhd_close_p) struct vhd *intact = util_open_vhd(intact_io, NULL);
	size_t broken_size = apply_damage(d, broken, size);
	CLEANUP(io_close_p) struct io *io = io_from_memory(broken, broken_size, d->name);
	ck_assert(vhd_probe(io) == (!d->finding || strcmp(d->finding, "footer-missing") != 0));
	check_damage_findings(d, io);
	check_damage_open(d, io, intact);
}

START_TEST(damaged)
{
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++)
		check_damage(&damages[i]);
}
END_TEST

/* Whatever a byte of the metadata becomes: an error or some content, within bounds. */
START_TEST(any_damage_is_survived)
{
	size_t size;
	CLEANUP_FREE uint8_t *image = small_image(IMAGE_DYNAMIC, &size);
	CLEANUP_FREE char *buf = xmalloc(64 * KiB);
	uint64_t random = 11;
	for (int i = 0; i < 4000; i++) {
		size_t at = (size_t)util_random_below(&random, 1600);
		uint8_t old = image[at];
		image[at] = (uint8_t)util_random(&random);
		if (at < 512)
			image[size - 512 + at] = image[at];
		fix_checksums(image, size);
		CLEANUP(io_close_p) struct io *io = io_from_memory(image, size, "damaged");
		CLEANUP_ERR struct error *err = NULL;
		struct vhd *v = NULL;
		CLEANUP_RANGES struct ranges data = {0};
		if (vhd_open(&v, io, VHD_OPEN_NO_PARENT, NULL, &err) == 0) {
			uint64_t end = vhd_info(v)->virtual_size;
			size_t n = (size_t)min_u64(end, 64 * KiB);
			if (vhd_pread(v, buf, n, end - n, &err) == 0)
				vhd_data_ranges(v, 0, end, &data, &err);
			vhd_close(v);
		}
		image[at] = old;
		if (at < 512)
			image[size - 512 + at] = old;
	}
}
END_TEST

START_TEST(no_image_at_all)
{
	static const char text[600] = "not an image";
	for (size_t size = 0; size <= sizeof(text); size += 50) {
		CLEANUP(io_close_p) struct io *io = io_from_memory(text, size, "text");
		struct vhd *v = NULL;
		ck_assert(!vhd_probe(io));
		ck_fails(vhd_open(&v, io, 0, NULL, &err), ERR_IMAGE_CORRUPT, "no footer");
	}
}
END_TEST

UNIT_MAIN("vhd-damage", damaged, any_damage_is_survived, no_image_at_all)
