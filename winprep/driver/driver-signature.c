/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a package is what its vendor signed, as far as that can be told without Windows' certificates: a
 * catalog holds the hash of every file it is for. INFs are hashed as they are, programs without their checksum
 * and signature (Authenticode). Nothing is refused: test machines may run what is not signed.
 */
#include "driver-signature.h"

#include <string.h>

#include "checked.h"
#include "digest.h"
#include "le.h"
#include "mem.h"

static const char *const algorithms[] = {"SHA256", "SHA1"};

/* 1, 0. The hash stands in the catalog as it is, whatever is around it. */
static int is_listed(const struct driver_install *d, const struct digest_piece *pieces, size_t n,
	struct error **err)
{
	uint8_t hash[DIGEST_MAX];
	size_t len;
	for (size_t i = 0; d->catalog && i < ARRAY_SIZE(algorithms); i++) {
		if (digest_pieces(algorithms[i], pieces, n, hash, &len, err) < 0)
			return -1;
		if (memmem(d->catalog, d->catalog_size, hash, len))
			return 1;
	}
	return 0;
}

int driver_check_inf(struct driver_install *d, struct error **err)
{
	const struct digest_piece whole = {d->source->data, d->source->size};
	int listed = d->catalog ? is_listed(d, &whole, 1, err) : 1; /* none: noted elsewhere */
	if (listed == 0)
		op_warn(d->s->p->op, "pack-unsigned",
			"pack \"%s\": catalog \"%s\" is not for this \"%s\": the INF was changed, or is of another version; Windows will not install it again",
			d->source->pack, d->package->catalog, d->source->file);
	return listed < 0 ? -1 : 0;
}

/* ---- programs ---- */

/* What of a program is hashed; the PE format's own words for it are "Attribute Certificate Table". */
struct program {
	struct digest_piece pieces[4];
	bool is_signed; /* itself */
};

/* false: no program that Windows would load. */
static bool take_apart(const uint8_t *data, size_t len, struct program *ret)
{
	static const uint8_t zeros[8];
	enum { OPTIONAL_HEADER = 24, CHECKSUM = 64, CERTIFICATE_32 = 128, CERTIFICATE_64 = 144 };
	if (len < 0x40)
		return false;
	uint64_t header = (uint64_t)le32_at(data + 0x3c) + OPTIONAL_HEADER;
	if (!u64_range_ok(header, CERTIFICATE_64 + 8, len))
		return false;
	uint64_t checksum = header + CHECKSUM;
	uint64_t entry =
		header + (le16_at(data + header) == 0x20b ? CERTIFICATE_64 : CERTIFICATE_32);
	uint64_t at = le32_at(data + entry), size = le32_at(data + entry + 4);
	ret->is_signed = at && size;
	uint64_t end = ret->is_signed ? at : len;
	if (end < entry + 8 || !u64_range_ok(end, ret->is_signed ? size : 0, len))
		return false;
	ret->pieces[0] = (struct digest_piece){data, checksum};
	ret->pieces[1] = (struct digest_piece){data + checksum + 4, entry - checksum - 4};
	ret->pieces[2] = (struct digest_piece){data + entry + 8, end - entry - 8};
	/* As a signature would begin at a multiple of eight. */
	ret->pieces[3] = (struct digest_piece){zeros, round_up(end, 8) - end};
	return true;
}

int driver_check_program(struct driver_install *d, const char *name, const uint8_t *data,
	size_t len, struct error **err)
{
	struct program p = {0};
	int fine = 0;
	if (take_apart(data, len, &p))
		fine = p.is_signed ? 1 : is_listed(d, p.pieces, ARRAY_SIZE(p.pieces), err);
	if (fine == 0)
		op_warn(d->s->p->op, "pack-unsigned",
			"pack \"%s\": driver \"%s\" of \"%s\" is neither signed itself nor in a catalog: Windows loads it only in test mode",
			d->source->pack, name, d->source->file);
	return fine < 0 ? -1 : 0;
}
