/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Raw files and block devices.
 *
 * DISK_OPEN_DIRECT: a second descriptor reads past the page cache. What is aligned goes through it;
 * small and unaligned reads (file system metadata) go through the cache, where they are read again
 * and again. Where direct I/O is not to be had, large reads drop what they brought into the cache.
 */
#include "disk-backend.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "mem.h"
#include "partition-scan.h"

/* Covers every device and file system there is; asking for less saves nothing. */
#define DIRECT_ALIGNMENT 4096u
/* Smaller reads are metadata: worth keeping in the cache. */
#define DIRECT_MIN (64 * KiB)
/* A file with more extents than this is described in coarser pieces. */
#define DATA_RANGES_MAX 1000000u

struct disk_raw {
	struct disk disk;
	int fd;
	int direct_fd; /* -1: none */
	bool drop_behind;
};

static int read_error(struct disk *d, int errnum, size_t len, uint64_t offset, struct error **err)
{
	return err_errno(err, ERR_DISK_READ, errnum, "\"%s\": reading %zu bytes at 0x%" PRIx64,
		d->name, len, offset);
}

static int read_from(
	struct disk *d, int fd, void *buf, size_t len, uint64_t offset, struct error **err)
{
	ssize_t n = pread_full(fd, buf, len, offset);
	if (n < 0)
		return read_error(d, errno, len, offset, err);
	if ((size_t)n < len)
		return err_set(err, ERR_DISK_READ,
			"\"%s\" ends at 0x%" PRIx64 " (%" PRIu64 " bytes expected)", d->name,
			offset + (uint64_t)n, d->size);
	return 0;
}

static int read_cached(
	struct disk_raw *r, void *buf, size_t len, uint64_t offset, struct error **err)
{
	if (read_from(&r->disk, r->fd, buf, len, offset, err) < 0)
		return -1;
	if (r->drop_behind && len >= DIRECT_MIN)
		posix_fadvise(r->fd, (off_t)offset, (off_t)len, POSIX_FADV_DONTNEED);
	return 0;
}

/* A device that wants a larger alignment after all says EINVAL: then the cache serves. */
static int read_direct(
	struct disk_raw *r, void *buf, size_t len, uint64_t offset, struct error **err)
{
	struct error *direct_err = NULL;
	if (read_from(&r->disk, r->direct_fd, buf, len, offset, &direct_err) == 0)
		return 0;
	if (direct_err->errnum == EINVAL) {
		err_free(direct_err);
		return read_cached(r, buf, len, offset, err);
	}
	err_move(err, &direct_err);
	return -1;
}

static int raw_pread(struct disk *d, void *buf, size_t len, uint64_t offset, struct error **err)
{
	struct disk_raw *r = (struct disk_raw *)d;
	uint8_t *p = buf;
	/* Memory and offset must reach an aligned address together. */
	bool congruent = ((uintptr_t)p - offset) % DIRECT_ALIGNMENT == 0;
	uint64_t head = round_up(offset, DIRECT_ALIGNMENT) - offset;
	if (r->direct_fd < 0 || !congruent || len < DIRECT_MIN)
		return read_cached(r, p, len, offset, err);
	uint64_t middle = round_down(len - head, DIRECT_ALIGNMENT), tail = len - head - middle;
	if (head && read_cached(r, p, head, offset, err) < 0)
		return -1;
	if (read_direct(r, p + head, middle, offset + head, err) < 0)
		return -1;
	return tail ? read_cached(r, p + head + middle, tail, offset + head + middle, err) : 0;
}

static int raw_pwrite(
	struct disk *d, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	if (pwrite_full(((struct disk_raw *)d)->fd, buf, len, offset) < 0)
		return err_errno(err, ERR_DISK_WRITE, errno,
			"\"%s\": writing %zu bytes at 0x%" PRIx64, d->name, len, offset);
	return 0;
}

static int raw_flush(struct disk *d, struct error **err)
{
	if (fsync(((struct disk_raw *)d)->fd) < 0)
		return err_errno(err, ERR_DISK_WRITE, errno, "\"%s\": fsync", d->name);
	return 0;
}

/* Holes become blocks that read as zeros; a file system that cannot do so is not asked for more. */
static int raw_reserve(struct disk *d, const struct ranges *where, struct error **err)
{
	int fd = ((struct disk_raw *)d)->fd;
	for (size_t i = 0; i < where->n; i++) {
		const struct range *r = &where->v[i];
		if (fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)r->start,
			    (off_t)(r->end - r->start)) == 0)
			continue;
		if (errno != ENOSPC && errno != EDQUOT)
			return 0;
		err_errno(err, ERR_NO_SPACE, errno, "\"%s\" cannot grow by %" PRIu64 " bytes",
			d->name, r->end - r->start);
		return err_hint(err, "free space where the disk's file is");
	}
	return 0;
}

static int seek_error(struct disk *d, uint64_t at, struct error **err)
{
	return err_errno(
		err, ERR_DISK_READ, errno, "\"%s\": looking for data from 0x%" PRIx64, d->name, at);
}

static int raw_data_ranges(
	struct disk *d, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)
{
	int fd = ((struct disk_raw *)d)->fd;
	uint64_t gap = DIRECT_ALIGNMENT;
	while (start < end) {
		off_t data = lseek(fd, (off_t)start, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			return 0;
		if (data < 0 && (errno == EINVAL || errno == EOPNOTSUPP)) {
			ranges_add(ret, start, end);
			return 0;
		}
		if (data < 0)
			return seek_error(d, start, err);
		off_t hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return seek_error(d, (uint64_t)data, err);
		ranges_add(ret, (uint64_t)data, (uint64_t)hole);
		ranges_limit(ret, DATA_RANGES_MAX, &gap);
		start = (uint64_t)hole;
	}
	return 0;
}

static void raw_close(struct disk *d)
{
	struct disk_raw *r = (struct disk_raw *)d;
	cleanup_close(&r->direct_fd);
	cleanup_close(&r->fd);
	free(r);
}

static const struct disk_ops raw_file_ops = {
	.name = "raw-file",
	.pread = raw_pread,
	.pwrite = raw_pwrite,
	.flush = raw_flush,
	.reserve = raw_reserve,
	.data_ranges = raw_data_ranges,
	.close = raw_close,
};

static const struct disk_ops block_device_ops = {
	.name = "block-device",
	.pread = raw_pread,
	.pwrite = raw_pwrite,
	.flush = raw_flush,
	.close = raw_close,
};

/* Another open of the same file: O_DIRECT on a shared descriptor would reach its other holders. */
static int open_direct(int fd)
{
	CLEANUP_FREE char *path = xasprintf("/proc/self/fd/%d", fd);
	CLEANUP_CLOSE int direct = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT | O_NONBLOCK);
	if (direct < 0)
		return -1;
	void *page = NULL;
	if (posix_memalign(&page, DIRECT_ALIGNMENT, DIRECT_ALIGNMENT) != 0)
		return -1;
	ssize_t n = pread(direct, page, DIRECT_ALIGNMENT, 0);
	free(page);
	return n < 0 ? -1 : TAKE_FD(direct);
}

/* 512 where the device does not say, or says what no partition table knows. */
static uint32_t device_sector(int fd, unsigned long request)
{
	int logical = 0;
	unsigned physical = 0;
	bool ok = request == BLKSSZGET ? ioctl(fd, BLKSSZGET, &logical) == 0
				       : ioctl(fd, BLKPBSZGET, &physical) == 0;
	uint32_t size = request == BLKSSZGET ? (uint32_t)logical : physical;
	return ok && size == 4096 ? 4096 : 512;
}

/* A device that is set read-only can be opened for writing: only its first write would fail. */
static int check_writable(int fd, bool block, const char *name, struct error **err)
{
	int read_only = 0;
	int mode = fcntl(fd, F_GETFL) & O_ACCMODE;
	if (mode != O_RDWR)
		return err_set(err, ERR_DISK_READ_ONLY, "\"%s\" is open for reading only", name);
	if (block && ioctl(fd, BLKROGET, &read_only) == 0 && read_only)
		return err_set(
			err, ERR_DISK_READ_ONLY, "\"%s\" is a device that is set read-only", name);
	return 0;
}

int disk_raw_open(struct disk **ret, struct disk_source *src, struct error **err)
{
	CLEANUP_CLOSE int fd = TAKE_FD(src->fd);
	uint64_t size;
	struct stat st;
	if (fd_size(fd, src->name, &size, err) < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_errno(err, ERR_DISK_OPEN, errno, "\"%s\": stat", src->name);
	bool block = S_ISBLK(st.st_mode);
	if (src->flags & DISK_OPEN_WRITE && check_writable(fd, block, src->name, err) < 0)
		return -1;
	struct disk_raw *r = xcalloc(1, sizeof(*r));
	r->disk = (struct disk){
		.ops = block ? &block_device_ops : &raw_file_ops,
		.name = xstrdup(src->name),
		.size = size,
		.logical_sector = block ? device_sector(fd, BLKSSZGET) : 512,
		.physical_sector = block ? device_sector(fd, BLKPBSZGET) : 4096,
		.format = IMAGE_RAW,
		.block_device = block,
		.read_only = !(src->flags & DISK_OPEN_WRITE),
		.io_alignment = 1,
	};
	r->direct_fd = -1;
	if (src->flags & DISK_OPEN_DIRECT && r->disk.read_only) {
		r->direct_fd = open_direct(fd);
		r->drop_behind = r->direct_fd < 0;
		r->disk.io_alignment = r->direct_fd < 0 ? 1 : DIRECT_ALIGNMENT;
	}
	r->fd = TAKE_FD(fd);
	if (!block)
		r->disk.logical_sector = table_guess_sector(&r->disk);
	*ret = &r->disk;
	return 0;
}

int disk_raw_fd(const struct disk *d)
{
	return ((const struct disk_raw *)d)->fd;
}
