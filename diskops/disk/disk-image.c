/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Disks in image files. The file below is a raw disk, so that direct I/O works there, too. */
#include "disk-backend.h"

#include "mem.h"

static const struct image_driver *const drivers[] = {&image_driver_vhdx, &image_driver_vhd};

struct disk_image {
	struct disk disk;
	const struct image_driver *driver;
	void *image;
	struct io *io; /* over file */
	struct disk *file;
	struct disk *parent; /* differencing images; or NULL */
};

/* ---- the file below ---- */

struct io_disk {
	struct io io;
	struct disk *disk; /* borrowed */
};

static int io_disk_pread(struct io *io, void *buf, size_t len, uint64_t offset, struct error **err)
{
	return disk_pread(((struct io_disk *)io)->disk, buf, len, offset, err);
}

static void io_disk_close(struct io *io)
{
	free(io);
}

/* An image grows at its end; the raw disk below is a file, and as long as what was written to it. */
static int io_disk_pwrite(
	struct io *io, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	struct disk *d = ((struct io_disk *)io)->disk;
	uint64_t before = d->size;
	if (offset + len > d->size)
		d->size = offset + len;
	if (disk_pwrite(d, buf, len, offset, err) < 0) {
		d->size = before;
		return -1;
	}
	io->size = d->size;
	return 0;
}

static int io_disk_flush(struct io *io, struct error **err)
{
	return disk_flush(((struct io_disk *)io)->disk, err);
}

static const struct io_ops io_disk_ops = {.name = "disk",
	.pread = io_disk_pread,
	.pwrite = io_disk_pwrite,
	.flush = io_disk_flush,
	.close = io_disk_close};

static struct io *io_from_disk(struct disk *d)
{
	struct io_disk *i = xcalloc(1, sizeof(*i));
	i->io = (struct io){.ops = &io_disk_ops, .name = xstrdup(d->name), .size = d->size};
	i->disk = d;
	return &i->io;
}

/* ---- the back end ---- */

static int image_pread(struct disk *d, void *buf, size_t len, uint64_t offset, struct error **err)
{
	struct disk_image *i = (struct disk_image *)d;
	return i->driver->pread(i->image, buf, len, offset, err);
}

static int image_pwrite(
	struct disk *d, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	struct disk_image *i = (struct disk_image *)d;
	return i->driver->pwrite(i->image, buf, len, offset, err);
}

static int image_flush(struct disk *d, struct error **err)
{
	return io_flush(((struct disk_image *)d)->io, err);
}

static int image_data_ranges(
	struct disk *d, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)
{
	struct disk_image *i = (struct disk_image *)d;
	return i->driver->data_ranges(i->image, start, end, ret, err);
}

static void image_close(struct disk *d)
{
	struct disk_image *i = (struct disk_image *)d;
	if (i->image)
		i->driver->close(i->image);
	io_close(i->io);
	disk_close(i->file);
	disk_close(i->parent);
	free(i);
}

static const struct disk_ops image_ops = {
	.name = "image",
	.pread = image_pread,
	.pwrite = image_pwrite,
	.flush = image_flush,
	.data_ranges = image_data_ranges,
	.close = image_close,
};

/* ---- opening ---- */

static int parent_pread(void *data, void *buf, size_t len, uint64_t offset, struct error **err)
{
	return disk_pread(data, buf, len, offset, err);
}

static int parent_data_ranges(
	void *data, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)
{
	return disk_data_ranges(data, start, end, ret, err);
}

static int open_parent(struct disk_image *i, const struct disk_source *src, struct error **err)
{
	const char *const *paths;
	size_t n = i->driver->parent_paths(i->image, &paths);
	if (disk_parent_open(&i->parent, src, disk_raw_fd(i->file), paths, n, err) < 0)
		return -1;
	if (i->parent->format != i->driver->format)
		return err_set(err, ERR_IMAGE_PARENT,
			"\"%s\": its parent \"%s\" is %s (%s expected)", src->name, i->parent->name,
			image_format_name(i->parent->format), image_format_name(i->driver->format));
	return 0;
}

/* First without a parent, to learn which one; then with it. */
static int open_image(struct disk_image *i, const struct disk_source *src, struct error **err)
{
	bool write = src->flags & DISK_OPEN_WRITE;
	if (i->driver->open(&i->image, i->io, false, NULL, err) < 0)
		return -1;
	if (i->driver->info(i->image)->type != IMAGE_DIFFERENCING) {
		if (!write)
			return 0;
		i->driver->close(i->image);
		i->image = NULL;
		return i->driver->open(&i->image, i->io, write, NULL, err);
	}
	if (write) {
		err_set(err, ERR_IMAGE_UNSUPPORTED,
			"\"%s\" is a differencing %s: it can be read, but not written to",
			src->name, image_format_name(i->driver->format));
		return err_hint(err, "merge it with its parent first, or export it to a new image");
	}
	if (open_parent(i, src, err) < 0)
		return -1;
	struct image_parent parent = {
		.pread = parent_pread,
		.data_ranges = parent_data_ranges,
		.size = i->parent->size,
		.id = i->driver->id(&i->parent->image),
		.data = i->parent,
	};
	i->driver->close(i->image);
	i->image = NULL;
	return i->driver->open(&i->image, i->io, false, &parent, err);
}

static void set_facts(struct disk_image *i, bool read_only)
{
	const struct image_info *info = i->driver->info(i->image);
	struct disk *d = &i->disk;
	d->size = info->virtual_size;
	d->logical_sector = info->logical_sector;
	d->physical_sector = info->physical_sector;
	d->format = info->format;
	d->read_only = read_only;
	d->io_alignment = i->file->io_alignment;
	d->image = *info;
	d->image.parent = info->parent ? xstrdup(info->parent) : NULL;
}

int disk_image_open(struct disk **disk, const struct disk_source *src, struct error **err)
{
	struct io *io = io_from_disk(*disk);
	const struct image_driver *driver = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(drivers) && !driver; i++)
		if (drivers[i]->probe(io))
			driver = drivers[i];
	if (!driver) {
		io_close(io);
		return 0;
	}
	struct disk_image *i = xcalloc(1, sizeof(*i));
	i->disk = (struct disk){.ops = &image_ops, .name = xstrdup(src->name)};
	i->driver = driver;
	i->io = io;
	i->file = *disk;
	*disk = NULL;
	CLEANUP(disk_close_p) struct disk *opened = &i->disk;
	if (open_image(i, src, err) < 0)
		return -1;
	set_facts(i, !(src->flags & DISK_OPEN_WRITE));
	*disk = TAKE_PTR(opened);
	return 0;
}
