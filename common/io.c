/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "checked.h"
#include "mem.h"

ssize_t read_full(int fd, void *buf, size_t len)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = read(fd, (char *)buf + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int write_full(int fd, const void *buf, size_t len)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

ssize_t pread_full(int fd, void *buf, size_t len, uint64_t offset)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = pread(fd, (char *)buf + done, len - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int pwrite_full(int fd, const void *buf, size_t len, uint64_t offset)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n =
			pwrite(fd, (const char *)buf + done, len - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

int fd_size(int fd, const char *name, uint64_t *ret, struct error **err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_errno(err, ERR_DISK_OPEN, errno, "\"%s\": stat", name);
	if (S_ISBLK(st.st_mode)) {
		uint64_t size = 0;
		if (ioctl(fd, BLKGETSIZE64, &size) < 0)
			return err_errno(
				err, ERR_DISK_OPEN, errno, "\"%s\": size of the device", name);
		*ret = size;
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_DISK_OPEN,
			"\"%s\" is neither a regular file nor a block device", name);
	*ret = (uint64_t)st.st_size;
	return 0;
}

bool path_in_memory(const char *path)
{
	struct statfs fs;
	return statfs(path, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

int io_pread(struct io *io, void *buf, size_t len, uint64_t offset, struct error **err)
{
	if (!u64_range_ok(offset, len, io->size))
		return err_set(err, ERR_IMAGE_CORRUPT,
			"\"%s\": %zu bytes at 0x%" PRIx64 " lie past the end of the file (%" PRIu64
			" bytes)",
			io->name, len, offset, io->size);
	return len ? io->ops->pread(io, buf, len, offset, err) : 0;
}

int io_pwrite(struct io *io, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	if (!io->ops->pwrite)
		return err_set(err, ERR_DISK_WRITE, "\"%s\" is open for reading only", io->name);
	return len ? io->ops->pwrite(io, buf, len, offset, err) : 0;
}

int io_flush(struct io *io, struct error **err)
{
	return io->ops->flush ? io->ops->flush(io, err) : 0;
}

void io_close(struct io *io)
{
	if (!io)
		return;
	char *name = io->name;
	io->ops->close(io);
	free(name);
}

/* ---- a descriptor ---- */

struct io_fd {
	struct io io;
	int fd;
};

static int fd_pread(struct io *io, void *buf, size_t len, uint64_t offset, struct error **err)
{
	ssize_t n = pread_full(((struct io_fd *)io)->fd, buf, len, offset);
	if (n < 0)
		return err_errno(err, ERR_DISK_READ, errno,
			"\"%s\": reading %zu bytes at 0x%" PRIx64, io->name, len, offset);
	if ((size_t)n < len)
		return err_set(err, ERR_DISK_READ,
			"\"%s\" ends at 0x%" PRIx64 " (%" PRIu64 " bytes expected)", io->name,
			offset + (uint64_t)n, io->size);
	return 0;
}

static int fd_pwrite(
	struct io *io, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	if (pwrite_full(((struct io_fd *)io)->fd, buf, len, offset) < 0)
		return err_errno(err, ERR_DISK_WRITE, errno,
			"\"%s\": writing %zu bytes at 0x%" PRIx64, io->name, len, offset);
	io->size = max_u64(io->size, offset + len);
	return 0;
}

static int fd_flush(struct io *io, struct error **err)
{
	if (fsync(((struct io_fd *)io)->fd) < 0)
		return err_errno(err, ERR_DISK_WRITE, errno, "\"%s\": fsync", io->name);
	return 0;
}

static void fd_close(struct io *io)
{
	close(((struct io_fd *)io)->fd);
	free(io);
}

static const struct io_ops fd_ops = {
	.name = "fd", .pread = fd_pread, .pwrite = fd_pwrite, .flush = fd_flush, .close = fd_close};
static const struct io_ops fd_ro_ops = {.name = "fd", .pread = fd_pread, .close = fd_close};

int io_from_fd(struct io **ret, int fd, const char *name, bool writable, struct error **err)
{
	uint64_t size;
	if (fd_size(fd, name, &size, err) < 0) {
		close(fd);
		return -1;
	}
	struct io_fd *f = xcalloc(1, sizeof(*f));
	f->io = (struct io){
		.ops = writable ? &fd_ops : &fd_ro_ops, .name = xstrdup(name), .size = size};
	f->fd = fd;
	*ret = &f->io;
	return 0;
}

/* ---- memory ---- */

struct io_memory {
	struct io io;
	const char *buf;
};

static int memory_pread(struct io *io, void *buf, size_t len, uint64_t offset, struct error **err)
{
	(void)err;
	memcpy(buf, ((struct io_memory *)io)->buf + offset, len);
	return 0;
}

static void memory_close(struct io *io)
{
	free(io);
}

static const struct io_ops memory_ops = {
	.name = "memory", .pread = memory_pread, .close = memory_close};

struct io *io_from_memory(const void *buf, size_t size, const char *name)
{
	struct io_memory *m = xcalloc(1, sizeof(*m));
	m->io = (struct io){.ops = &memory_ops, .name = xstrdup(name), .size = size};
	m->buf = buf;
	return &m->io;
}

/* ---- whole files ---- */

int file_read(const char *path, size_t limit, char **ret, size_t *ret_len, struct error **err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, errno,
			"open \"%s\"", path);
	size_t cap = 4096, len = 0;
	CLEANUP_FREE char *buf = xmalloc(cap + 1);
	for (;;) {
		ssize_t n = read_full(fd, buf + len, cap - len);
		if (n < 0)
			return err_errno(err, ERR_SYSTEM, errno, "read \"%s\"", path);
		len += (size_t)n;
		if (len < cap)
			break;
		if (len > limit)
			return err_set(err, ERR_INVALID_ARGUMENT, "\"%s\" is larger than %zu bytes",
				path, limit);
		cap *= 2;
		buf = xrealloc_array(buf, cap + 1, 1);
	}
	if (len > limit)
		return err_set(
			err, ERR_INVALID_ARGUMENT, "\"%s\" is larger than %zu bytes", path, limit);
	buf[len] = '\0';
	*ret = TAKE_PTR(buf);
	if (ret_len)
		*ret_len = len;
	return 0;
}

static int sync_directory_of(const char *path, struct error **err)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	CLEANUP_CLOSE int dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fsync(dir) < 0)
		return err_errno(err, ERR_WRITE, errno, "\"%s\": syncing its directory", path);
	return 0;
}

int file_write_atomic(
	const char *path, const void *buf, size_t len, mode_t mode, struct error **err)
{
	CLEANUP_FREE char *tmp = xasprintf("%s.tmp", path);
	CLEANUP_CLOSE int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return err_errno(err, ERR_WRITE, errno, "create \"%s\"", tmp);
	if (write_full(fd, buf, len) < 0 || fsync(fd) < 0 || rename(tmp, path) < 0) {
		err_errno(err, ERR_WRITE, errno, "write \"%s\"", path);
		unlink(tmp);
		return -1;
	}
	return sync_directory_of(path, err);
}
