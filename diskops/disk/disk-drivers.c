/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The image formats of vhdx/ as disk-image.c uses them: the same calls for each, by the format's prefix. */
#include "disk-backend.h"
#include "vhd.h"

/* id: the member of image_info by which a child knows its parent. */
#define DEFINE_IMAGE_DRIVER(prefix, format_, write_flag, no_parent_flag, id_)                    \
	static int prefix##_open_image(void **ret, struct io *io, bool write,                    \
		const struct image_parent *parent, struct error **err)                           \
	{                                                                                        \
		struct prefix *v = NULL;                                                         \
		unsigned flags = (write ? (write_flag) : 0u) | (parent ? 0u : (no_parent_flag)); \
		if (prefix##_open(&v, io, flags, parent, err) < 0)                               \
			return -1;                                                               \
		*ret = v;                                                                        \
		return 0;                                                                        \
	}                                                                                        \
	static void prefix##_close_image(void *v)                                                \
	{                                                                                        \
		prefix##_close(v);                                                               \
	}                                                                                        \
	static const struct image_info *prefix##_get_info(const void *v)                         \
	{                                                                                        \
		return prefix##_info(v);                                                         \
	}                                                                                        \
	static struct guid prefix##_get_id(const struct image_info *info)                        \
	{                                                                                        \
		return info->id_;                                                                \
	}                                                                                        \
	static int prefix##_read(                                                                \
		void *v, void *buf, size_t len, uint64_t offset, struct error **err)             \
	{                                                                                        \
		return prefix##_pread(v, buf, len, offset, err);                                 \
	}                                                                                        \
	static int prefix##_write(                                                               \
		void *v, const void *buf, size_t len, uint64_t offset, struct error **err)       \
	{                                                                                        \
		return prefix##_pwrite(v, buf, len, offset, err);                                \
	}                                                                                        \
	static int prefix##_find_data(                                                           \
		void *v, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)   \
	{                                                                                        \
		return prefix##_data_ranges(v, start, end, ret, err);                            \
	}                                                                                        \
	static size_t prefix##_get_parent_paths(const void *v, const char *const **ret)          \
	{                                                                                        \
		return prefix##_parent_paths(v, ret);                                            \
	}                                                                                        \
	const struct image_driver image_driver_##prefix = {                                      \
		.format = (format_),                                                             \
		.probe = prefix##_probe,                                                         \
		.open = prefix##_open_image,                                                     \
		.close = prefix##_close_image,                                                   \
		.info = prefix##_get_info,                                                       \
		.id = prefix##_get_id,                                                           \
		.pread = prefix##_read,                                                          \
		.pwrite = prefix##_write,                                                        \
		.data_ranges = prefix##_find_data,                                               \
		.parent_paths = prefix##_get_parent_paths,                                       \
	}

/* DataWriteGuid: what a child's parent_linkage holds. */
DEFINE_IMAGE_DRIVER(vhdx, IMAGE_VHDX, VHDX_OPEN_WRITE, VHDX_OPEN_NO_PARENT, data_id);
/* The footer's unique id; there is no log to replay. */
DEFINE_IMAGE_DRIVER(vhd, IMAGE_VHD, 0u, VHD_OPEN_NO_PARENT, file_id);
