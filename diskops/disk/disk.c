/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk-backend.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "mem.h"

/* An image must not be its own ancestor. */
static int check_chain(const struct disk_source *src, struct error **err)
{
	for (const struct disk_source *c = src->child; c; c = c->child)
		if (c->dev == src->dev && c->ino == src->ino)
			return err_set(err, ERR_IMAGE_PARENT,
				"\"%s\" is its own parent, through \"%s\"", src->name,
				src->child->name);
	return 0;
}

/*
 * Files of other formats have the bytes of a disk inside, not on, their bytes: an export of them as they
 * stand would be complete, and wrong.
 */
static int refuse_foreign(struct disk *d, struct error **err)
{
	static const struct {
		const char *name;
		unsigned offset, length;
		const char *magic;
	} foreign[] = {
		{"QCOW", 0, 4, "QFI\xfb"},
		{"VMDK", 0, 4, "KDMV"},
		{"VMDK", 0, 4, "COWD"},
		{"VMDK descriptor", 0, 21, "# Disk DescriptorFile"},
		{"VDI", 64, 4, "\x7f\x10\xda\xbe"},
		{"xz-compressed", 0, 6,
			"\xfd"
			"7zXZ\0"},
		{"gzip-compressed", 0, 3, "\x1f\x8b\x08"},
		{"bzip2-compressed", 0, 3, "BZh"},
		{"zstd-compressed", 0, 4, "\x28\xb5\x2f\xfd"},
		{"7z-compressed", 0, 6, "7z\xbc\xaf\x27\x1c"},
	};
	char head[128] = {0};
	if (disk_pread(d, head, (size_t)min_u64(sizeof(head), d->size), 0, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		if (memcmp(head + foreign[i].offset, foreign[i].magic, foreign[i].length) == 0) {
			err_set(err, ERR_IMAGE_UNSUPPORTED,
				"\"%s\" is a %s file (raw, VHDX or VHD expected)", d->name,
				foreign[i].name);
			return err_hint(err, "unpack it, or convert it: qemu-img convert -O raw");
		}
	return 0;
}

int disk_open_source(struct disk **ret, struct disk_source *src, struct error **err)
{
	struct stat st;
	CLEANUP(disk_close_p) struct disk *d = NULL;
	if (fstat(src->fd, &st) == 0) {
		src->dev = st.st_dev;
		src->ino = st.st_ino;
	}
	if (disk_raw_open(&d, src, err) < 0 || check_chain(src, err) < 0)
		return -1;
	if (!d->block_device && !(src->flags & DISK_OPEN_RAW) &&
		(refuse_foreign(d, err) < 0 || disk_image_open(&d, src, err) < 0))
		return -1;
	*ret = TAKE_PTR(d);
	return 0;
}

int disk_open_fd(struct disk **ret, int fd, const char *name, unsigned flags, struct error **err)
{
	struct disk_source src = {.fd = fd, .name = name, .flags = flags};
	return disk_open_source(ret, &src, err);
}

int disk_open(struct disk **ret, const char *path, unsigned flags, struct error **err)
{
	/* O_NONBLOCK: a FIFO by that name must not hang the worker; disks ignore it. */
	int mode = flags & DISK_OPEN_WRITE ? O_RDWR : O_RDONLY;
	int fd = open(path, mode | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_errno(err, ERR_DISK_OPEN, errno, "open \"%s\"", path);
	return disk_open_fd(ret, fd, path, flags, err);
}

void disk_close(struct disk *d)
{
	if (!d)
		return;
	char *name = d->name;
	image_info_done(&d->image);
	d->ops->close(d);
	free(name);
}

static int check_range(const struct disk *d, const char *what, size_t len, uint64_t offset,
	enum err_code code, struct error **err)
{
	if (u64_range_ok(offset, len, d->size))
		return 0;
	return err_set(err, code,
		"\"%s\": %s %zu bytes at 0x%" PRIx64 ", past the end of the disk (%" PRIu64
		" bytes)",
		d->name, what, len, offset, d->size);
}

/* What every back end owes: an error exactly when it fails. */
static int checked(int result, struct error **err)
{
	assert(result == 0 || result == -1);
	assert((result < 0) == (*err != NULL));
	return result;
}

int disk_pread(struct disk *d, void *buf, size_t len, uint64_t offset, struct error **err)
{
	assert(!*err);
	if (check_range(d, "reading", len, offset, ERR_DISK_READ, err) < 0)
		return -1;
	return len ? checked(d->ops->pread(d, buf, len, offset, err), err) : 0;
}

int disk_pwrite(struct disk *d, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	assert(!*err);
	if (d->read_only || !d->ops->pwrite)
		return err_set(err, ERR_DISK_WRITE, "\"%s\" is open for reading only", d->name);
	if (check_range(d, "writing", len, offset, ERR_DISK_WRITE, err) < 0)
		return -1;
	return len ? checked(d->ops->pwrite(d, buf, len, offset, err), err) : 0;
}

int disk_flush(struct disk *d, struct error **err)
{
	assert(!*err);
	if (d->read_only || !d->ops->flush)
		return 0;
	return checked(d->ops->flush(d, err), err);
}

int disk_reserve(struct disk *d, const struct ranges *where, struct error **err)
{
	assert(!*err);
	return d->ops->reserve ? checked(d->ops->reserve(d, where, err), err) : 0;
}

int disk_data_ranges(
	struct disk *d, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)
{
	assert(!*err);
	end = min_u64(end, d->size);
	if (start >= end)
		return 0;
	if (!d->ops->data_ranges) {
		ranges_add(ret, start, end);
		return 0;
	}
	CLEANUP_RANGES struct ranges found = {0};
	if (checked(d->ops->data_ranges(d, start, end, &found, err), err) < 0)
		return -1;
	ranges_remove(&found, 0, start);
	ranges_remove(&found, end, UINT64_MAX);
	ranges_union(ret, &found);
	return 0;
}
