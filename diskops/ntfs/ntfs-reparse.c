/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reparse points: what another part of Windows than NTFS makes of a file. */
#include "ntfs-private.h"

#include <string.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>

#include "mem.h"

/* Windows' ntifs.h, IO_REPARSE_TAG_…; the form fits "is %s". */
static const struct {
	uint32_t tag;
	const char *name;
} tags[] = {
	{0xa0000003, "a junction or mount point"},
	{0xa000000c, "a symbolic link"},
	{0xa000001d, "a symbolic link of Linux"},
	{0x80000007, "a single-instance copy"},
	{0x80000008, "backed by a WIM image"},
	{0x80000013, "deduplicated"},
	{0x80000017, "compressed by CompactOS (WOF)"},
	{0x80000018, "a container's"},
	{0x8000001b, "an app execution alias"},
	{0x9000001a, "kept in the cloud"},
	{0x9000001c, "projected by a program"},
	{0xc0000004, "kept in remote storage"},
};

/* Cloud tags have their flavour in bits 12 to 15. */
static uint32_t tag_kind(uint32_t tag)
{
	return (tag & 0xffff0fff) == 0x9000001a ? 0x9000001a : tag;
}

char *ntfs_reparse_name(uint32_t tag)
{
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (tags[i].tag == tag_kind(tag))
			return xstrdup(tags[i].name);
	return xasprintf("a reparse point with tag 0x%08x", tag);
}

/* The "name surrogate" bit. */
bool ntfs_reparse_is_link(uint32_t tag)
{
	return tag & 0x20000000;
}

int ntfs_reparse_read(struct ntfs_volume *v, ntfs_inode *ni, const char *what,
	uint8_t ret[REPARSE_DATA_MAX], size_t *ret_len, struct error **err)
{
	*ret_len = 0;
	if (!(ni->flags & FILE_ATTR_REPARSE_POINT))
		return 0;
	errno = 0;
	CLEANUP(ntfs_free_attr) ntfs_attr *na = ntfs_attr_open(ni, AT_REPARSE_POINT, AT_UNNAMED, 0);
	s64 n = na ? ntfs_attr_pread(na, 0, REPARSE_DATA_MAX, ret) : -1;
	if (n < 8)
		return ntfs_failure(v, err, what);
	*ret_len = (size_t)n;
	return 0;
}

int ntfs_reparse_tag(
	struct ntfs_volume *v, ntfs_inode *ni, const char *what, uint32_t *ret, struct error **err)
{
	uint8_t data[REPARSE_DATA_MAX];
	size_t len;
	le32 tag = const_cpu_to_le32(0);
	if (ntfs_reparse_read(v, ni, what, data, &len, err) < 0)
		return -1;
	if (len)
		memcpy(&tag, data, sizeof(tag));
	*ret = le32_to_cpu(tag);
	return 0;
}
