/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "mem.h"
#include "vhd-internal.h"

/* Findings that mean "newer or stranger than this reader" rather than "damaged". */
static bool is_unsupported(const char *code)
{
	static const char *const codes[] = {"version-unknown", "type-unknown", "size-unsupported",
		"header-version", "block-size", "table-too-large"};
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (strcmp(code, codes[i]) == 0)
			return true;
	return false;
}

/* Whatever check calls an error, open refuses. */
static int refuse(const struct vhd *v, const struct findings *f, struct error **err)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].level == FINDING_ERROR)
			return err_set(err,
				is_unsupported(f->v[i].code) ? ERR_IMAGE_UNSUPPORTED
							     : ERR_IMAGE_CORRUPT,
				"\"%s\": %s", v->io->name, f->v[i].message);
	return 0;
}

/*
 * The parent is known by its unique id alone: the timestamp beside it is the parent file's time of
 * last change, which no copy keeps, and Windows itself writes 0 there.
 */
static int check_parent(
	const struct vhd *v, unsigned flags, const struct image_parent *parent, struct error **err)
{
	if (v->info.type != IMAGE_DIFFERENCING || (!parent && (flags & VHD_OPEN_NO_PARENT)))
		return 0;
	if (!parent)
		return err_set(err, ERR_IMAGE_PARENT,
			"\"%s\" is a differencing image: it needs its parent \"%s\"", v->io->name,
			v->info.parent ? v->info.parent : "(not named)");
	if (!guid_equal(&parent->id, &v->info.parent_id)) {
		char got[GUID_STRING_SIZE], want[GUID_STRING_SIZE];
		guid_format(&parent->id, got);
		guid_format(&v->info.parent_id, want);
		return err_set(err, ERR_IMAGE_PARENT,
			"\"%s\": the parent has the id %s (%s expected)", v->io->name, got, want);
	}
	return 0;
}

int vhd_open(struct vhd **ret, struct io *io, unsigned flags, const struct image_parent *parent,
	struct error **err)
{
	CLEANUP(vhd_close_p) struct vhd *v = xcalloc(1, sizeof(*v));
	CLEANUP(findings_done) struct findings findings = {0};
	v->io = io;
	if (vhd_load(v, &findings, err) < 0 || refuse(v, &findings, err) < 0 ||
		check_parent(v, flags, parent, err) < 0)
		return -1;
	if (parent && v->info.type == IMAGE_DIFFERENCING)
		v->parent = *parent;
	*ret = TAKE_PTR(v);
	return 0;
}

void vhd_close(struct vhd *v)
{
	if (!v)
		return;
	vhd_unload(v);
	free(v);
}

const struct image_info *vhd_info(const struct vhd *v)
{
	return &v->info;
}

size_t vhd_parent_paths(const struct vhd *v, const char *const **ret)
{
	*ret = (const char *const *)v->parent_paths;
	return v->n_parent_paths;
}
