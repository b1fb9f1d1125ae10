/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Volumes in the states that Windows leaves behind, and what opening them for changes says. */
#pragma once

#include <fcntl.h>

#include "le.h"
#include "ntfs-write-util.h"

static inline void make(const char *image)
{
	ntfs_tool_make(image, 32 * MiB, 4096, 512);
	ntfs_tool_mkdir(image, "/Windows");
	ntfs_tool_file(image, "/Windows/file", 30000);
}

static inline void check_refused(
	const char *image, unsigned flags, enum err_code code, const char *text)
{
	struct changing c;
	ck_fails(change_try(&c, image, flags, &err), code, text);
	/* Not a byte was written, not even on the overlay. */
	CLEANUP_RANGES struct ranges changed = {0};
	overlay_changed(c.overlay, &changed);
	ck_assert_uint_eq(changed.n, 0);
	change_drop(&c);
}

/* The restart pages of $LogFile as after a crash of Windows: a client that still has records. */
static inline void make_journal_unclean(const char *image, uint16_t major)
{
	uint8_t page[4096];
	uint64_t at = ntfs_tool_data_offset(image, 2);
	CLEANUP_CLOSE int fd = open(image, O_RDWR);
	memset(page, 0, sizeof(page));
	/* RESTART_PAGE_HEADER, 2 sectors of 512 bytes and more: 8 + 1 update sequence numbers. */
	memcpy(page, "RSTR", 4);
	le16_put(page + 4, 30);
	le16_put(page + 6, 9);
	le32_put(page + 16, 4096); /* system and log page size */
	le32_put(page + 20, 4096);
	le16_put(page + 24, 48); /* restart area */
	le16_put(page + 26, major == 1 ? 1 : 0);
	le16_put(page + 28, major);
	le16_put(page + 30, 1); /* update sequence number */
	uint8_t *area = page + 48;
	le16_put(area + 8, 1);	       /* log clients */
	le16_put(area + 10, 0xffff);   /* free list: empty */
	le16_put(area + 12, 0);	       /* client 0 is in use */
	le16_put(area + 14, 0);	       /* not cleanly dismounted */
	le32_put(area + 16, 45);       /* bits of a sequence number: 67 - 22 */
	le16_put(area + 20, 48 + 160); /* restart area length */
	le16_put(area + 22, 48);       /* client array */
	le64_put(area + 24, 2097152);
	le16_put(area + 36, 48);
	le16_put(area + 38, 64);
	le64_put(area + 40, 1);
	uint8_t *client = area + 48;
	le16_put(client + 16, 0xffff); /* previous and next client */
	le16_put(client + 18, 0xffff);
	le32_put(client + 28, 8);
	memcpy(client + 32, "N\0T\0F\0S\0", 8);
	for (int i = 1; i <= 8; i++) {
		memcpy(page + 30 + 2 * i, page + i * 512 - 2, 2);
		le16_put(page + i * 512 - 2, 1);
	}
	ck_assert_int_eq(pwrite_full(fd, page, sizeof(page), at), 0);
	ck_assert_int_eq(pwrite_full(fd, page, sizeof(page), at + 4096), 0);
}

static inline void make_hibernated(const char *image)
{
	ntfs_tool_file(image, "/hiberfil.sys", 200000);
	ntfs_tool_write(image, "/hiberfil.sys", "HIBR", 4);
}

/* What the driver says of writing to it: 0 fine, 14 hibernated or kept in a cache, 15 unclean. */
static inline void check_probe(const char *image, int status)
{
	ck_assert_int_eq(unit_run("ntfs-3g.probe --readwrite '%s' 2>/dev/null", image), status);
}
