/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "partition-window.h"

#include <sys/mman.h>

#include "mem.h"
#include "ntfs-format.h"

#define PAGE 4096u
/* Superblocks of every file system that Windows disks hold lie in the first 68 KiB; RAID metadata in
 * the last 64 KiB. */
#define FS_HEAD (256 * KiB)
#define FS_TAIL (64 * KiB)
#define MFT_HEAD \
	(64 * KiB) /* $MFT to $Volume: four records of at most 4 KiB, clusters up to 16 KiB */

int partition_window_open(struct partition_window *ret, struct disk *d, struct error **err)
{
	CLEANUP_CLOSE int fd = memfd_create("partition-window", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)d->size) < 0)
		return err_errno(
			err, ERR_SYSTEM, errno, "\"%s\": a memory file of its size", d->name);
	*ret = (struct partition_window){.fd = TAKE_FD(fd)};
	return 0;
}

void partition_window_close(struct partition_window *w)
{
	cleanup_close(&w->fd);
	w->fd = -1;
}

int partition_window_copy(struct partition_window *w, struct disk *d, uint64_t start, uint64_t end,
	struct error **err)
{
	uint8_t buf[16 * PAGE];
	end = min_u64(end, d->size);
	while (start < end) {
		size_t len = (size_t)min_u64(end - start, sizeof(buf));
		if (disk_pread(d, buf, len, start, err) < 0)
			return -1;
		for (size_t at = 0; at < len; at += PAGE) {
			size_t n = (size_t)min_u64(len - at, PAGE);
			if (!mem_is_zero(buf + at, n) &&
				pwrite_full(w->fd, buf + at, n, start + at) < 0)
				return err_errno(err, ERR_SYSTEM, errno, "writing a memory file");
		}
		start += len;
	}
	return 0;
}

/* Bytes of a cluster as the boot sector says; 0: it says nonsense. */
static uint64_t cluster_size(const struct ntfs_boot_sector *b)
{
	uint64_t sector = le16_get(b->bytes_per_sector), per_cluster = b->sectors_per_cluster;
	if (per_cluster > 128)
		per_cluster = per_cluster >= 240 ? UINT64_C(1) << (256 - per_cluster) : 0;
	return is_power_of_2(sector) && is_power_of_2(per_cluster) ? sector * per_cluster : 0;
}

static int copy_mft_head(struct partition_window *w, struct disk *d, uint64_t start, uint64_t size,
	struct error **err)
{
	struct ntfs_boot_sector b;
	uint64_t offset;
	if (size < sizeof(b))
		return 0;
	if (disk_pread(d, &b, sizeof(b), start, err) < 0)
		return -1;
	if (memcmp(b.oem_id, "NTFS    ", 8) != 0)
		return 0;
	if (!u64_mul(le64_get(b.mft_lcn), cluster_size(&b), &offset) || offset >= size)
		return 0;
	return partition_window_copy(
		w, d, start + offset, start + offset + min_u64(MFT_HEAD, size - offset), err);
}

int partition_window_copy_fs(struct partition_window *w, struct disk *d, uint64_t start,
	uint64_t size, struct error **err)
{
	uint64_t head = min_u64(size, FS_HEAD), tail = min_u64(size, FS_TAIL);
	if (partition_window_copy(w, d, start, start + head, err) < 0)
		return -1;
	if (partition_window_copy(w, d, start + size - tail, start + size, err) < 0)
		return -1;
	return copy_mft_head(w, d, start, size, err);
}
