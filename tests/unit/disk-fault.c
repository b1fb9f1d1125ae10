/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk-fault.h"

#include <inttypes.h>

#include "mem.h"

static bool must_fail(struct disk_fault *f, uint64_t start, uint64_t end)
{
	if (start < f->bad_end && f->bad_start < end)
		return true;
	uint64_t left = f->reads_left;
	while (left != UINT64_MAX && left > 0)
		if (atomic_compare_exchange_weak(&f->reads_left, &left, left - 1))
			return false;
	return left == 0;
}

static int fault_pread(struct disk *d, void *buf, size_t len, uint64_t offset, struct error **err)
{
	struct disk_fault *f = (struct disk_fault *)d;
	f->reads++;
	if (must_fail(f, offset, offset + len)) {
		f->failures++;
		return err_errno(err, ERR_DISK_READ, EIO, "\"%s\": reading %zu bytes at 0x%" PRIx64,
			d->name, len, offset);
	}
	f->bytes += len;
	return disk_pread(f->under, buf, len, offset, err);
}

static int fault_pwrite(
	struct disk *d, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	return disk_pwrite(((struct disk_fault *)d)->under, buf, len, offset, err);
}

static int fault_flush(struct disk *d, struct error **err)
{
	return disk_flush(((struct disk_fault *)d)->under, err);
}

static int fault_data_ranges(
	struct disk *d, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)
{
	return disk_data_ranges(((struct disk_fault *)d)->under, start, end, ret, err);
}

static void fault_close(struct disk *d)
{
	struct disk_fault *f = (struct disk_fault *)d;
	disk_close(f->under);
	free(f);
}

static const struct disk_ops fault_ops = {
	.name = "fault",
	.pread = fault_pread,
	.pwrite = fault_pwrite,
	.flush = fault_flush,
	.data_ranges = fault_data_ranges,
	.close = fault_close,
};

struct disk_fault *disk_fault_new(struct disk *under)
{
	struct disk_fault *f = xcalloc(1, sizeof(*f));
	f->disk = *under;
	f->disk.ops = &fault_ops;
	f->disk.name = xstrdup(under->name);
	f->disk.image = (struct image_info){.format = under->image.format};
	f->under = under;
	f->reads_left = UINT64_MAX;
	return f;
}
