/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "jsonx.h"
#include "worker.h"

int worker_open_disk(struct worker *w, struct disk **ret, struct error **err)
{
	if (w->path)
		return disk_open(ret, w->path, DISK_OPEN_DIRECT, err);
	return disk_open_fd(ret, TAKE_FD(w->fd), w->name ? w->name : "disk", DISK_OPEN_DIRECT, err);
}

static void set_guid(json_t *o, const char *key, const struct guid *g)
{
	char text[GUID_STRING_SIZE];
	guid_format(g, text);
	jsonx_set_string(o, key, guid_is_zero(g) ? NULL : text);
}

static json_t *image_json(const struct image_info *image)
{
	json_t *o = json_object();
	jsonx_set_string(o, "type", image_type_name(image->type));
	jsonx_set_u64(o, "virtualSize", image->virtual_size);
	jsonx_set_u64(o, "blockSize", image->block_size);
	jsonx_set_string(o, "creator", image->creator);
	jsonx_set_bool(o, "dirtyLog", image->dirty_log);
	jsonx_set_string(o, "parent", image->parent);
	set_guid(o, "fileId", &image->file_id);
	set_guid(o, "dataId", &image->data_id);
	set_guid(o, "diskId", &image->disk_id);
	return o;
}

json_t *worker_disk_json(const struct disk *d)
{
	json_t *o = json_object();
	jsonx_set_string(o, "name", d->name);
	jsonx_set_string(o, "format", image_format_name(d->format));
	jsonx_set_u64(o, "size", d->size);
	jsonx_set_u64(o, "logicalSectorSize", d->logical_sector);
	jsonx_set_u64(o, "physicalSectorSize", d->physical_sector);
	jsonx_set_bool(o, "blockDevice", d->block_device);
	jsonx_set(o, "image", d->format == IMAGE_RAW ? json_null() : image_json(&d->image));
	return o;
}
