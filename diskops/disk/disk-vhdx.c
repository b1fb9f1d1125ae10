/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk-backend.h"
#include "vhdx.h"

static int open_image(void **ret, struct io *io, bool write, const struct image_parent *parent,
	struct error **err)
{
	struct vhdx *v = NULL;
	if (vhdx_open(&v, io, (write ? VHDX_OPEN_WRITE : 0) | (parent ? 0 : VHDX_OPEN_NO_PARENT),
		    parent, err) < 0)
		return -1;
	*ret = v;
	return 0;
}

static void close_image(void *image)
{
	vhdx_close(image);
}

static const struct image_info *get_info(const void *image)
{
	return vhdx_info(image);
}

/* DataWriteGuid: what a child's parent_linkage holds. */
static struct guid get_id(const struct image_info *info)
{
	return info->data_id;
}

static int read_image(void *image, void *buf, size_t len, uint64_t offset, struct error **err)
{
	return vhdx_pread(image, buf, len, offset, err);
}

static int write_image(
	void *image, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	return vhdx_pwrite(image, buf, len, offset, err);
}

static int find_data(
	void *image, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)
{
	return vhdx_data_ranges(image, start, end, ret, err);
}

static size_t get_parent_paths(const void *image, const char *const **ret)
{
	return vhdx_parent_paths(image, ret);
}

const struct image_driver image_driver_vhdx = {
	.format = IMAGE_VHDX,
	.probe = vhdx_probe,
	.open = open_image,
	.close = close_image,
	.info = get_info,
	.id = get_id,
	.pread = read_image,
	.pwrite = write_image,
	.data_ranges = find_data,
	.parent_paths = get_parent_paths,
};
