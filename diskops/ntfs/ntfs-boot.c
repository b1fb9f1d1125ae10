/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntfs-boot.h"

#include <inttypes.h>

#include "ntfs-format.h"

#define CLUSTER_MAX (2 * MiB)
#define RECORD_MIN  512u
#define RECORD_MAX  (64 * KiB)

/* The field counts sectors, or over 128 is an exponent; 0: nonsense. */
static uint64_t sectors_per_cluster(const struct ntfs_boot_sector *b)
{
	unsigned n = b->sectors_per_cluster;
	if (n > 128)
		return n >= 240 ? UINT64_C(1) << (256 - n) : 0;
	return n;
}

/* A record's size field counts clusters, or negative is an exponent. */
static bool record_size_ok(int8_t field, uint64_t cluster)
{
	uint64_t size = field > 0		   ? (uint64_t)field * cluster
			: field < 0 && field > -32 ? UINT64_C(1) << -field
						   : 0;
	return is_power_of_2(size) && size >= RECORD_MIN && size <= max_u64(RECORD_MAX, cluster);
}

static int check_geometry(const struct ntfs_boot_sector *b, uint64_t volume_end, struct error **err)
{
	uint64_t sector = le16_get(b->bytes_per_sector), per_cluster = sectors_per_cluster(b);
	uint64_t cluster = sector * per_cluster, bytes;
	if (!is_power_of_2(sector) || sector < 256 || sector > 4096)
		return err_set(err, ERR_NTFS_DAMAGED,
			"sectors of %" PRIu64 " bytes (256 to 4096 expected)", sector);
	if (!is_power_of_2(per_cluster) || cluster > CLUSTER_MAX)
		return err_set(err, ERR_NTFS_DAMAGED,
			"clusters of %" PRIu64 " bytes (a power of two up to 2 MiB expected)",
			cluster);
	if (!record_size_ok(b->clusters_per_mft_record, cluster) ||
		!record_size_ok(b->clusters_per_index_record, cluster))
		return err_set(err, ERR_NTFS_DAMAGED, "MFT or index records of impossible size");
	if (!u64_mul(le64_get(b->sectors), sector, &bytes) || !bytes || bytes > volume_end)
		return err_set(err, ERR_NTFS_DAMAGED,
			"the volume has %" PRIu64 " sectors of %" PRIu64
			" bytes, its partition %" PRIu64 " bytes",
			le64_get(b->sectors), sector, volume_end);
	return 0;
}

/* Volume shadow copies: {3808876b-c176-4e48-b7ae-04046e6cc752} at 0x1e00, the catalog's place 48 bytes
 * on, 0 where there is none (libyal's "Volume Shadow Snapshot format", 3). */
static int find_shadow_copies(
	struct ntfs_boot *ret, struct disk *d, uint64_t offset, uint64_t size, struct error **err)
{
	static const struct guid vss = GUID_INIT(
		0x3808876b, 0xc176, 0x4e48, 0xb7, 0xae, 0x04, 0x04, 0x6e, 0x6c, 0xc7, 0x52);
	uint8_t header[56];
	ret->shadow_copies = false;
	if (!u64_range_ok(0x1e00, sizeof(header), size))
		return 0;
	if (disk_pread(d, header, sizeof(header), offset + 0x1e00, err) < 0)
		return -1;
	ret->shadow_copies = memcmp(header, &vss, sizeof(vss)) == 0 && le64_at(header + 48) != 0;
	return 0;
}

static bool is_boot_sector(const void *sector)
{
	return memcmp(((const struct ntfs_boot_sector *)sector)->oem_id, "NTFS    ", 8) == 0;
}

/* The volume's last sector is a copy of the first. */
static bool has_copy(struct disk *d, uint64_t offset, uint64_t size)
{
	static const unsigned sectors[] = {512, 4096};
	uint8_t end[4096];
	CLEANUP_ERR struct error *ignored = NULL;
	if (size < 2 * sizeof(end) ||
		disk_pread(d, end, sizeof(end), offset + size - sizeof(end), &ignored) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(sectors); i++)
		if (is_boot_sector(end + sizeof(end) - sectors[i]))
			return true;
	return false;
}

bool ntfs_boot_seen(struct disk *d, uint64_t offset, uint64_t size)
{
	struct ntfs_boot_sector b;
	CLEANUP_ERR struct error *ignored = NULL;
	if (size < sizeof(b) || disk_pread(d, &b, sizeof(b), offset, &ignored) < 0)
		return false;
	return is_boot_sector(&b) || has_copy(d, offset, size);
}

static int no_boot_sector(struct disk *d, uint64_t offset, uint64_t size, struct error **err)
{
	if (!has_copy(d, offset, size))
		return err_set(err, ERR_NTFS_DAMAGED, "no NTFS boot sector");
	err_set(err, ERR_NTFS_DAMAGED,
		"the boot sector was overwritten: only its copy, the volume's last sector, is one of NTFS");
	return err_hint(err,
		"copy the volume's last sector over its first one and run chkdsk /f in Windows, or take the disk from its source again");
}

int ntfs_boot_read(
	struct ntfs_boot *ret, struct disk *d, uint64_t offset, uint64_t size, struct error **err)
{
	struct ntfs_boot_sector b;
	if (size < sizeof(b))
		return err_set(err, ERR_NTFS_DAMAGED, "a volume of %" PRIu64 " bytes", size);
	if (disk_pread(d, &b, sizeof(b), offset, err) < 0)
		return -1;
	if (!is_boot_sector(&b))
		return no_boot_sector(d, offset, size, err);
	if (check_geometry(&b, size, err) < 0)
		return -1;
	ret->sector_size = le16_get(b.bytes_per_sector);
	ret->cluster_size = (uint32_t)(ret->sector_size * sectors_per_cluster(&b));
	ret->clusters = le64_get(b.sectors) / sectors_per_cluster(&b);
	return find_shadow_copies(ret, d, offset, size, err);
}
