/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntfs-tool.h"

/* libntfs-3g's headers expect these to be there. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/logging.h>
#include <ntfs-3g/mft.h>
#include <ntfs-3g/runlist.h>
#include <ntfs-3g/unistr.h>
#include <ntfs-3g/volume.h>

#include "unit.h"

/* Read by the leak sanitizer: what libntfs-3g forgets where a mount fails (as in lib/lsan.supp). */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libntfs-3g.so\n";
}

static ntfs_volume *mount_image(const char *image, bool writable)
{
	ntfs_log_set_handler(ntfs_log_handler_null);
	ntfs_volume *vol = ntfs_mount(
		image, writable ? NTFS_MNT_RECOVER | NTFS_MNT_IGNORE_HIBERFILE : NTFS_MNT_RDONLY);
	ck_assert_msg(vol, "%s: ntfs_mount: %m", image);
	NVolSetCompression(vol);
	return vol;
}

static void unmount(ntfs_volume *vol)
{
	ck_assert_int_eq(ntfs_umount(vol, FALSE), 0);
}

void ntfs_tool_make(const char *image, uint64_t size, unsigned cluster, unsigned sector)
{
	ck_assert_int_eq(unit_run("rm -f '%s' && truncate -s %llu '%s' && mkntfs -F -q -Q -c %u -s"
				  " %u -p 0 -H 16 -S 63 '%s' >/dev/null 2>&1",
				 image, (unsigned long long)size, image, cluster, sector, image),
		0);
}

/* ---- making ---- */

static uint64_t random_state;

static uint64_t next_random(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return random_state >> 33;
}

static ntfs_inode *open_path(ntfs_volume *vol, const char *path)
{
	ntfs_inode *ni = ntfs_pathname_to_inode(vol, NULL, path);
	ck_assert_msg(ni, "%s: not found", path);
	return ni;
}

/* Opens the folder of path and gives the name in it as UTF-16. */
static ntfs_inode *open_folder(
	ntfs_volume *vol, const char *path, ntfschar **ret_name, int *ret_len)
{
	char folder[512];
	const char *slash = strrchr(path, '/');
	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 0, path);
	*ret_name = NULL;
	*ret_len = ntfs_mbstoucs(slash ? slash + 1 : path, ret_name);
	ck_assert_int_gt(*ret_len, 0);
	return open_path(vol, folder[0] ? folder : "/");
}

static ntfs_inode *create(ntfs_volume *vol, const char *path, mode_t type)
{
	ntfschar *name;
	int len;
	ntfs_inode *dir = open_folder(vol, path, &name, &len);
	ntfs_inode *ni = ntfs_create(dir, const_cpu_to_le32(0), name, (u8)len, type);
	ck_assert_msg(ni, "%s: create: %m", path);
	free(name);
	ntfs_inode_close(dir);
	return ni;
}

static void append_random(ntfs_inode *ni, ntfschar *stream, unsigned stream_len, uint64_t size)
{
	static uint64_t chunk[8192];
	ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, stream, stream_len);
	ck_assert_msg(na, "open: %m");
	for (uint64_t end = (uint64_t)na->data_size + size; (uint64_t)na->data_size < end;) {
		uint64_t n = end - (uint64_t)na->data_size;
		n = n < sizeof(chunk) ? n : sizeof(chunk);
		for (size_t i = 0; i < (n + 7) / 8; i++)
			chunk[i] = next_random() * 0x9e3779b97f4a7c15u;
		ck_assert_int_eq(ntfs_attr_pwrite(na, na->data_size, (s64)n, chunk), (s64)n);
	}
	ntfs_attr_close(na);
}

static void remove_file(ntfs_volume *vol, const char *path)
{
	ntfschar *name;
	int len;
	ntfs_inode *dir = open_folder(vol, path, &name, &len);
	u64 found = ntfs_inode_lookup_by_name(dir, name, len);
	ck_assert_msg(found != (u64)-1, "%s: not found", path);
	ntfs_inode *ni = ntfs_inode_open(vol, MREF(found));
	ck_assert_int_eq(ntfs_delete(vol, path, ni, dir, name, (u8)len), 0);
	free(name);
}

void ntfs_tool_fill(const char *image, unsigned seed, unsigned files)
{
	ntfs_volume *vol = mount_image(image, true);
	ntfschar stream[] = {const_cpu_to_le16('s')};
	char path[64];
	random_state = seed;
	for (unsigned d = 0; d < 8; d++) {
		snprintf(path, sizeof(path), "/folder %u", d);
		ntfs_inode_close(create(vol, path, S_IFDIR));
	}
	for (unsigned i = 0; i < files; i++) {
		snprintf(path, sizeof(path), "/folder %u/file with some name %u", i % 8, i);
		ntfs_inode *ni = create(vol, path, S_IFREG);
		append_random(
			ni, AT_UNNAMED, 0, i % 5 ? next_random() % 30000 : next_random() % 300);
		if (i % 11 == 0) {
			ck_assert_int_eq(ntfs_attr_add(ni, AT_DATA, stream, 1, NULL, 0), 0);
			append_random(ni, stream, 1, 5000);
		}
		ntfs_inode_close(ni);
	}
	/* Holes, and files that grow in turn into them. */
	for (unsigned i = 0; i < files; i += 3) {
		snprintf(path, sizeof(path), "/folder %u/file with some name %u", i % 8, i);
		remove_file(vol, path);
	}
	for (unsigned i = 0; i < 4 * 20; i++) {
		snprintf(path, sizeof(path), "/large %u", i % 4);
		ntfs_inode *ni = i < 4 ? create(vol, path, S_IFREG) : open_path(vol, path);
		append_random(ni, AT_UNNAMED, 0, 10000 + next_random() % 20000);
		ntfs_inode_close(ni);
	}
	unmount(vol);
}

void ntfs_tool_file(const char *image, const char *path, uint64_t size)
{
	ntfs_volume *vol = mount_image(image, true);
	ntfs_inode *ni = ntfs_pathname_to_inode(vol, NULL, path);
	if (!ni)
		ni = create(vol, path, S_IFREG);
	append_random(ni, AT_UNNAMED, 0, size);
	ntfs_inode_close(ni);
	unmount(vol);
}

void ntfs_tool_reserve(const char *image, const char *path, uint64_t size)
{
	ntfs_volume *vol = mount_image(image, true);
	ntfs_inode *ni = create(vol, path, S_IFREG);
	ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	ck_assert_msg(ntfs_attr_truncate_solid(na, (s64)size) == 0, "%s: %m", path);
	ntfs_attr_close(na);
	ntfs_inode_close(ni);
	unmount(vol);
}

void ntfs_tool_write(const char *image, const char *path, const void *bytes, uint64_t len)
{
	ntfs_volume *vol = mount_image(image, true);
	ntfs_inode *ni = open_path(vol, path);
	ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	ck_assert_int_eq(ntfs_attr_pwrite(na, 0, (s64)len, bytes), (s64)len);
	ntfs_attr_close(na);
	ntfs_inode_close(ni);
	unmount(vol);
}

void ntfs_tool_mkdir(const char *image, const char *path)
{
	ntfs_volume *vol = mount_image(image, true);
	ntfs_inode_close(create(vol, path, S_IFDIR));
	unmount(vol);
}

void ntfs_tool_link(const char *image, const char *path, const char *other)
{
	ntfs_volume *vol = mount_image(image, true);
	ntfschar *name;
	int len;
	ntfs_inode *dir = open_folder(vol, other, &name, &len), *ni = open_path(vol, path);
	ck_assert_int_eq(ntfs_link(ni, dir, name, (u8)len), 0);
	free(name);
	ck_assert_int_eq(ntfs_inode_close(dir), 0);
	ck_assert_int_eq(ntfs_inode_close(ni), 0);
	unmount(vol);
}

void ntfs_tool_compressed_file(const char *image, const char *path)
{
	ntfs_volume *vol = mount_image(image, true);
	ntfs_inode *ni = create(vol, path, S_IFREG);
	ni->flags |= FILE_ATTR_COMPRESSED;
	NInoFileNameSetDirty(ni);
	ntfs_inode_close(ni);
	unmount(vol);
}

void ntfs_tool_steal(const char *image, const char *path, uint64_t lcn)
{
	ntfs_volume *vol = mount_image(image, true);
	ntfs_inode *ni = open_path(vol, path);
	ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	ck_assert_int_eq(ntfs_attr_map_whole_runlist(na), 0);
	na->rl[0].lcn = (LCN)lcn;
	ck_assert_int_eq(ntfs_attr_update_mapping_pairs(na, 0), 0);
	ntfs_attr_close(na);
	ntfs_inode_close(ni);
	unmount(vol);
}

void ntfs_tool_set_dirty(const char *image)
{
	ntfs_volume *vol = mount_image(image, true);
	ck_assert_int_eq(ntfs_volume_write_flags(vol, vol->flags | VOLUME_IS_DIRTY), 0);
	unmount(vol);
}

/* ---- reading ---- */

uint64_t ntfs_tool_inode(const char *image, const char *path)
{
	ntfs_volume *vol = mount_image(image, false);
	ntfs_inode *ni = open_path(vol, path);
	uint64_t number = ni->mft_no;
	ntfs_inode_close(ni);
	unmount(vol);
	return number;
}

uint64_t ntfs_tool_free_clusters(const char *image)
{
	ntfs_volume *vol = mount_image(image, false);
	ck_assert_int_eq(ntfs_volume_get_free_space(vol), 0);
	uint64_t n = (uint64_t)vol->free_clusters;
	unmount(vol);
	return n;
}

uint64_t ntfs_tool_data_offset(const char *image, uint64_t inode)
{
	ntfs_volume *vol = mount_image(image, false);
	ntfs_inode *ni = ntfs_inode_open(vol, inode);
	ck_assert(ni);
	ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	uint64_t offset = (uint64_t)ntfs_attr_vcn_to_lcn(na, 0) * vol->cluster_size;
	ntfs_attr_close(na);
	ntfs_inode_close(ni);
	unmount(vol);
	return offset;
}

typedef void attribute_fn(void *data, ntfs_inode *ni, ATTR_RECORD *a);

/* Calls fn for each attribute of each file in use, attribute lists included. */
static unsigned each_attribute(ntfs_volume *vol, attribute_fn *fn, void *data)
{
	unsigned n = 0;
	s64 records = vol->mft_na->initialized_size >> vol->mft_record_size_bits;
	for (s64 i = 0; i < records; i++) {
		ntfs_inode *ni = ntfs_inode_open(vol, (MFT_REF)i);
		if (!ni)
			continue; /* not in use, or part of another file */
		ntfs_attr_search_ctx *ctx = ntfs_attr_get_search_ctx(ni, NULL);
		while (!ntfs_attrs_walk(ctx))
			fn(data, ni, ctx->attr);
		ntfs_attr_put_search_ctx(ctx);
		ntfs_inode_close(ni);
		n++;
	}
	return n;
}

struct run_call {
	ntfs_tool_run_fn *fn;
	void *data;
};

static void attribute_runs(void *data, ntfs_inode *ni, ATTR_RECORD *a)
{
	const struct run_call *call = data;
	if (!a->non_resident)
		return;
	runlist_element *rl = ntfs_mapping_pairs_decompress(ni->vol, a, NULL);
	ck_assert(rl);
	for (runlist_element *r = rl; r->length; r++)
		if (r->lcn >= 0)
			call->fn(call->data, ni->mft_no, a->type == AT_DATA && !a->name_length,
				(uint64_t)r->lcn * ni->vol->cluster_size,
				(uint64_t)r->length * ni->vol->cluster_size);
	free(rl);
}

unsigned ntfs_tool_runs(const char *image, ntfs_tool_run_fn *fn, void *data)
{
	struct run_call call = {fn, data};
	ntfs_volume *vol = mount_image(image, false);
	unsigned n = each_attribute(vol, attribute_runs, &call);
	unmount(vol);
	return n;
}

struct hash_state {
	uint64_t hash;
	const uint64_t *skip;
	unsigned n_skip;
};

static void hash_bytes(struct hash_state *h, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	for (; len >= 8; len -= 8, p += 8) {
		uint64_t x;
		memcpy(&x, p, 8);
		h->hash = (h->hash ^ x) * UINT64_C(0x9e3779b97f4a7c15);
		h->hash ^= h->hash >> 29;
	}
	while (len--)
		h->hash = (h->hash ^ *p++) * UINT64_C(0x100000001b3);
}

static void hash_attribute(void *data, ntfs_inode *ni, ATTR_RECORD *a)
{
	struct hash_state *h = data;
	ntfschar name[256];
	static uint8_t buf[65536];
	uint64_t head[] = {ni->mft_no, le32_to_cpu(a->type), 0};
	for (unsigned i = 0; i < h->n_skip; i++)
		if (h->skip[i] == ni->mft_no && a->type == AT_DATA && !a->name_length)
			return;
	if (a->non_resident && a->lowest_vcn)
		return; /* read with the first part */
	if (ni->mft_no == FILE_BadClus && a->name_length)
		return; /* a hole as large as the volume */
	memcpy(name, (uint8_t *)a + le16_to_cpu(a->name_offset), a->name_length * sizeof(*name));
	ntfs_attr *na = ntfs_attr_open(ni, a->type, name, a->name_length);
	head[2] = na ? (uint64_t)na->data_size : UINT64_MAX;
	hash_bytes(h, head, sizeof(head));
	for (s64 at = 0; na && at < na->data_size;) {
		s64 n = ntfs_attr_pread(na, at, sizeof(buf), buf);
		hash_bytes(h, &n, sizeof(n));
		if (n <= 0)
			break;
		hash_bytes(h, buf, (size_t)n);
		at += n;
	}
	if (na)
		ntfs_attr_close(na);
}

uint64_t ntfs_tool_hash(const char *image, const uint64_t *skip, unsigned n_skip)
{
	struct hash_state h = {.skip = skip, .n_skip = n_skip};
	ntfs_volume *vol = mount_image(image, false);
	each_attribute(vol, hash_attribute, &h);
	unmount(vol);
	return h.hash;
}
