/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sign that a dirty volume is dirty because we discarded a hibernated session, and for nothing else. Three
 * things together say so; whoever has had the volume since has undone one of them at least:
 *   - $LogFile is empty: a system that mounts the volume for writing begins a new one;
 *   - a file of ours is there;
 *   - it holds the log sequence numbers of the volume's own records as they are. Windows gives a record another
 *     number with each change, libntfs-3g none. So a journal that was emptied again is not taken for ours.
 * docs/design/ntfs-changes.md.
 */
#include "ntfs-private.h"

#include <inttypes.h>
#include <string.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>

#include "mem.h"

#define SIGN	 "\\ce-session-discarded.txt"
#define SIGN_MAX 1000
#define LOG_LOOKED \
	(64 * KiB) /* both restart pages, and the first records, whatever the page size is */

static int lsn_of(struct ntfs_volume *v, u64 record, uint64_t *ret, struct error **err)
{
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = NULL;
	if (ntfs_open(v, record, "the volume's own file", &ni, err) < 0)
		return -1;
	*ret = le64_to_cpu(ni->mrec->lsn);
	return 0;
}

/* What the sign has to say on this volume as it is now; NULL: *err. */
static char *make_sign(struct ntfs_volume *v, struct error **err)
{
	uint64_t root, secure;
	if (lsn_of(v, FILE_root, &root, err) < 0 || lsn_of(v, FILE_Secure, &secure, err) < 0)
		return NULL;
	return xasprintf(
		"CE Agent discarded a hibernated session: Windows checks this volume when it starts.\r\n"
		"%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\r\n",
		(uint64_t)le64_to_cpu(v->vol->mft_ni->mrec->lsn),
		(uint64_t)le64_to_cpu(v->vol->vol_ni->mrec->lsn), root,
		(uint64_t)le64_to_cpu(v->vol->lcnbmp_ni->mrec->lsn), secure);
}

static bool log_is_empty(struct ntfs_volume *v)
{
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = ntfs_inode_open(v->vol, FILE_LogFile);
	CLEANUP(ntfs_free_attr)
	ntfs_attr *na = ni ? ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0) : NULL;
	CLEANUP_FREE uint8_t *buf = xmalloc(LOG_LOOKED);
	s64 n = na ? ntfs_attr_pread(na, 0, LOG_LOOKED, buf) : -1;
	for (s64 i = 0; i < n; i++)
		if (buf[i] != 0xff)
			return false;
	return n == LOG_LOOKED;
}

bool ntfs_discarded_is(struct ntfs_volume *v)
{
	CLEANUP_ERR struct error *ignored = NULL;
	CLEANUP_FREE uint8_t *have = NULL;
	CLEANUP_FREE char *want = NULL;
	struct ntfs_stat st = {0};
	size_t n = 0;
	if (ntfs_file_stat(v, SIGN, &st, &ignored) < 0 || !st.exists || !log_is_empty(v))
		return false;
	want = make_sign(v, &ignored);
	return want && ntfs_file_read(v, SIGN, SIGN_MAX, &have, &n, &ignored) == 0 &&
	       n == strlen(want) && memcmp(have, want, n) == 0;
}

int ntfs_discarded_say(struct ntfs_volume *v, struct error **err)
{
	CLEANUP_FREE char *sign = make_sign(v, err);
	return sign ? ntfs_file_put(v, SIGN, sign, strlen(sign), err) : -1;
}

int ntfs_discarded_forget(struct ntfs_volume *v, struct error **err)
{
	struct op op = {0};
	struct ntfs_stat st = {0};
	if (ntfs_file_stat(v, SIGN, &st, err) < 0)
		return -1;
	return st.exists && !st.directory ? ntfs_file_delete(v, SIGN, &op, err) : 0;
}
