/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "mem.h"
#include "vhdx-internal.h"

static int set_geometry(struct vhdx *v, const struct vhdx_area *bat, struct error **err)
{
	const struct vhdx_metadata *m = &v->meta;
	v->bat = *bat;
	v->chunk_ratio = vhdx_chunk_ratio(m->block_size, m->logical_sector);
	v->blocks = div_round_up(m->virtual_size, m->block_size);
	uint64_t need = sizeof(le64) *
			vhdx_bat_entries(v->blocks, v->chunk_ratio, m->type == IMAGE_DIFFERENCING);
	if (bat->length < need)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"\"%s\": BAT of %" PRIu64 " bytes (at least %" PRIu64
			" expected for a disk of %" PRIu64 " bytes)",
			v->io->name, bat->length, need, m->virtual_size);
	return 0;
}

static int set_parent(
	struct vhdx *v, unsigned flags, const struct image_parent *parent, struct error **err)
{
	const struct vhdx_locator *l = &v->meta.locator;
	char want[GUID_STRING_SIZE], got[GUID_STRING_SIZE];
	if (v->meta.type != IMAGE_DIFFERENCING)
		return 0;
	if (!parent && (flags & VHDX_OPEN_NO_PARENT))
		return 0;
	if (!parent)
		return err_set(err, ERR_IMAGE_PARENT,
			"\"%s\" is a differencing image and needs its parent \"%s\"", v->io->name,
			l->n ? l->paths[0] : "");
	if (guid_equal(&parent->id, &l->linkage) ||
		(!guid_is_zero(&l->linkage2) && guid_equal(&parent->id, &l->linkage2))) {
		v->parent = *parent;
		return 0;
	}
	guid_format(&l->linkage, want);
	guid_format(&parent->id, got);
	return err_set(err, ERR_IMAGE_PARENT,
		"\"%s\": the parent given has id %s (%s expected): it was changed or is another "
		"image",
		v->io->name, got, want);
}

static void set_info(struct vhdx *v, const struct vhdx_header *h)
{
	const struct vhdx_metadata *m = &v->meta;
	v->info.format = IMAGE_VHDX;
	v->info.type = m->type;
	v->info.virtual_size = m->virtual_size;
	v->info.block_size = m->block_size;
	v->info.logical_sector = m->logical_sector;
	v->info.physical_sector = m->physical_sector;
	v->info.file_id = h->file_write;
	v->info.data_id = h->data_write;
	v->info.disk_id = m->disk_id;
	v->info.dirty_log = v->overlay != NULL;
	v->info.parent = m->locator.n ? xstrdup(m->locator.paths[0]) : NULL;
	v->info.parent_id = m->locator.linkage;
}

/* What the tables say, read through the replayed log. */
static int load(struct vhdx *v, const struct vhdx_header *h, unsigned flags,
	const struct image_parent *parent, struct error **err)
{
	CLEANUP(vhdx_regions_done) struct vhdx_regions regions = {0};
	if (vhdx_regions_load(&regions, v->io, h, err) < 0 ||
		vhdx_metadata_load(&v->meta, v->io, &regions.metadata, err) < 0 ||
		set_geometry(v, &regions.bat, err) < 0)
		return -1;
	return set_parent(v, flags, parent, err);
}

int vhdx_open(struct vhdx **ret, struct io *io, unsigned flags, const struct image_parent *parent,
	struct error **err)
{
	struct vhdx_header h;
	uint64_t header_offset;
	CLEANUP(vhdx_close_p) struct vhdx *v = xcalloc(1, sizeof(*v));
	pthread_mutex_init(&v->cache.lock, NULL);
	v->io = io;
	if (vhdx_read_file_id(io, v->info.creator, err) < 0 ||
		vhdx_current_header(io, &h, &header_offset, err) < 0)
		return -1;
	if (vhdx_log_is_dirty(&h)) {
		if (vhdx_log_overlay(&v->overlay, io, &h, err) < 0)
			return -1;
		v->io = v->overlay;
	}
	if (load(v, &h, flags, parent, err) < 0)
		return -1;
	/* Only an image that is readable in every other respect is written to. */
	if (v->overlay && (flags & VHDX_OPEN_WRITE)) {
		if (vhdx_replay(io, v->overlay, &h, &header_offset, err) < 0)
			return -1;
		v->io = io;
	}
	set_info(v, &h);
	*ret = TAKE_PTR(v);
	return 0;
}

void vhdx_close(struct vhdx *v)
{
	if (!v)
		return;
	pthread_mutex_destroy(&v->cache.lock);
	io_close(v->overlay);
	vhdx_metadata_done(&v->meta);
	image_info_done(&v->info);
	free(v);
}

const struct image_info *vhdx_info(const struct vhdx *v)
{
	return &v->info;
}

size_t vhdx_parent_paths(const struct vhdx *v, const char *const **ret)
{
	*ret = (const char *const *)v->meta.locator.paths;
	return v->meta.locator.n;
}
