/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntfs-device.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <ntfs-3g/logging.h>

/* A loop in a damaged volume's structures would have libntfs-3g read for ever: no honest operation
 * reads as often. */
#define READS_MAX 500000u

void ntfs_source_begin(struct ntfs_source *source)
{
	source->reads = 0;
}

/* ---- the device ---- */

static struct ntfs_source *source_of(struct ntfs_device *dev)
{
	return dev->d_private;
}

static int device_open(struct ntfs_device *dev, int flags)
{
	if ((flags & O_ACCMODE) == O_RDONLY) {
		NDevSetReadOnly(dev);
	} else if (!source_of(dev)->writable) {
		errno = EROFS;
		return -1;
	}
	NDevSetOpen(dev);
	return 0;
}

static int device_close(struct ntfs_device *dev)
{
	NDevClearOpen(dev);
	return 0;
}

static s64 device_seek(struct ntfs_device *dev, s64 offset, int whence)
{
	struct ntfs_source *s = source_of(dev);
	uint64_t base = whence == SEEK_CUR ? s->position : whence == SEEK_END ? s->size : 0;
	s64 to;
	if (__builtin_add_overflow((s64)base, offset, &to) || to < 0 || (uint64_t)to > s->size) {
		errno = EINVAL;
		return -1;
	}
	s->position = (uint64_t)to;
	return to;
}

/* What of the range is within the volume; -1 and errno where it makes no sense. */
static s64 length_within(const struct ntfs_source *s, s64 count, s64 offset)
{
	if (count < 0 || offset < 0) {
		errno = EINVAL;
		return -1;
	}
	if ((uint64_t)offset >= s->size)
		return 0;
	return (s64)min_u64((uint64_t)count, s->size - (uint64_t)offset);
}

static s64 keep_error(struct ntfs_source *s, struct error **err)
{
	err_move(&s->error, err);
	errno = EIO;
	return -1;
}

static s64 device_pread(struct ntfs_device *dev, void *buf, s64 count, s64 offset)
{
	struct ntfs_source *s = source_of(dev);
	struct error *err = NULL;
	s64 len = length_within(s, count, offset);
	if (len <= 0)
		return len;
	if (s->reads++ == READS_MAX)
		err_set(&err, ERR_NTFS_DAMAGED, "more than %u reads: its structures go in circles",
			READS_MAX);
	else
		disk_pread(s->disk, buf, (size_t)len, s->offset + (uint64_t)offset, &err);
	return err ? keep_error(s, &err) : len;
}

static s64 device_read(struct ntfs_device *dev, void *buf, s64 count)
{
	struct ntfs_source *s = source_of(dev);
	s64 n = device_pread(dev, buf, count, (s64)s->position);
	if (n > 0)
		s->position += (uint64_t)n;
	return n;
}

static s64 device_pwrite(struct ntfs_device *dev, const void *buf, s64 count, s64 offset)
{
	struct ntfs_source *s = source_of(dev);
	struct error *err = NULL;
	if (!s->writable) {
		errno = EROFS;
		return -1;
	}
	s64 len = length_within(s, count, offset);
	if (len <= 0)
		return len;
	if (disk_pwrite(s->disk, buf, (size_t)len, s->offset + (uint64_t)offset, &err) < 0)
		return keep_error(s, &err);
	return len;
}

static s64 device_write(struct ntfs_device *dev, const void *buf, s64 count)
{
	struct ntfs_source *s = source_of(dev);
	s64 n = device_pwrite(dev, buf, count, (s64)s->position);
	if (n > 0)
		s->position += (uint64_t)n;
	return n;
}

static int device_sync(struct ntfs_device *dev)
{
	struct ntfs_source *s = source_of(dev);
	struct error *err = NULL;
	if (s->writable && disk_flush(s->disk, &err) < 0)
		return (int)keep_error(s, &err);
	return 0;
}

static int device_stat(struct ntfs_device *dev, struct stat *st)
{
	(void)dev, (void)st;
	errno = ENOTSUP;
	return -1;
}

static int device_ioctl(struct ntfs_device *dev, unsigned long request, void *arg)
{
	(void)dev, (void)request, (void)arg;
	errno = ENOTSUP;
	return -1;
}

static struct ntfs_device_operations device_ops = {
	.open = device_open,
	.close = device_close,
	.seek = device_seek,
	.read = device_read,
	.write = device_write,
	.pread = device_pread,
	.pwrite = device_pwrite,
	.sync = device_sync,
	.stat = device_stat,
	.ioctl = device_ioctl,
};

/* ---- complaints ---- */

static _Thread_local char complaint[256];

/* In place of libntfs-3g's own log, which goes to standard error: the last word is kept for ours. */
static int keep_complaint(const char *function, const char *file, int line, u32 level, void *data,
	const char *format, va_list args)
{
	(void)function, (void)file, (void)line, (void)data;
	int saved = errno;
	if (level & (NTFS_LOG_LEVEL_ERROR | NTFS_LOG_LEVEL_PERROR | NTFS_LOG_LEVEL_CRITICAL)) {
		vsnprintf(complaint, sizeof(complaint), format, args);
		complaint[strcspn(complaint, "\r\n")] = '\0';
		for (char *p = complaint; *p; p++)
			if (*p < ' ' || *p > '~')
				*p = '?';
	}
	errno = saved;
	return 0;
}

const char *ntfs_complaint(void)
{
	return complaint;
}

void ntfs_complaint_clear(void)
{
	complaint[0] = '\0';
}

struct ntfs_device *ntfs_device_open(struct ntfs_source *source, struct error **err)
{
	ntfs_log_set_handler(keep_complaint);
	struct ntfs_device *dev = ntfs_device_alloc(source->disk->name, 0, &device_ops, source);
	if (!dev)
		err_errno(err, ERR_NO_MEMORY, ENOMEM, "an NTFS device");
	return dev;
}
