/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "jsonx.h"
#include "worker-in-use.h"
#include "worker.h"

int worker_open_disk(struct worker *w, struct disk **ret, struct error **err)
{
	if (w->path)
		return disk_open(ret, w->path, DISK_OPEN_DIRECT, err);
	return disk_open_fd(ret, TAKE_FD(w->fd), w->name ? w->name : "disk", DISK_OPEN_DIRECT, err);
}

/* Exclusively, where it is a device: the kernel knows who else uses it. */
static int open_path(const char *path, bool write, struct error **err)
{
	struct stat st;
	int flags = (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	if (stat(path, &st) == 0 && S_ISBLK(st.st_mode))
		flags |= O_EXCL;
	int fd = open(path, flags);
	if (fd < 0 && errno == EBUSY)
		return err_set(err, ERR_DISK_BUSY, "\"%s\" is in use by this system", path);
	if (fd < 0)
		return err_errno(err, ERR_DISK_OPEN, errno, "open \"%s\"", path);
	return fd;
}

int worker_claim_disk(struct worker *w, bool write, struct disk **ret, struct error **err)
{
	const char *name = w->path ? w->path : w->name ? w->name : "disk";
	CLEANUP_CLOSE int fd = w->path ? open_path(w->path, write, err) : TAKE_FD(w->fd);
	if (fd < 0)
		return -1;
	if (worker_lock_disk(fd, name, write, err) < 0)
		return -1;
	return disk_open_fd(
		ret, TAKE_FD(fd), name, write ? DISK_OPEN_WRITE : DISK_OPEN_DIRECT, err);
}

void worker_tell_warnings(struct worker *w, const json_t *warnings)
{
	size_t i;
	json_t *warning;
	json_array_foreach ((json_t *)warnings, i, warning)
		if (w->local)
			op_warn(&w->op, json_string_value(json_object_get(warning, "code")), "%s",
				json_string_value(json_object_get(warning, "message")));
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
