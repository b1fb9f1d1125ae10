/* SPDX-License-Identifier: GPL-3.0-or-later */
/* New files and folders: their security, and their names. */
#include "ntfs-private.h"

#include <string.h>

#include <ntfs-3g/acls.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/security.h>

#include "mem.h"
#include "ntfs-sd.h"
#include "ntfs-short-name.h"
#include "utf16.h"

/* Two ACLs of 64 KiB and two SIDs. */
#define SECURITY_MAX (256u * 1024)

int ntfs_close(struct ntfs_volume *v, ntfs_inode **ni, const char *what, struct error **err)
{
	ntfs_inode *closing = *ni;
	*ni = NULL;
	errno = 0;
	return ntfs_inode_close(closing) < 0 || v->source.error ? ntfs_failure(v, err, what) : 0;
}

/* ---- security ---- */

static int inherited_security(struct ntfs_volume *v, ntfs_inode *folder, bool is_folder,
	uint8_t **ret, size_t *ret_len, struct error **err)
{
	struct SECURITY_CONTEXT context = {.vol = v->vol};
	CLEANUP_FREE uint8_t *parent = xmalloc(SECURITY_MAX);
	ntfs_complaint_clear();
	errno = 0;
	int len = ntfs_get_ntfs_acl(&context, folder, (char *)parent, SECURITY_MAX);
	/* Where it finds none it makes one up, and complains. */
	if (len <= 0 || (unsigned)len > SECURITY_MAX || *ntfs_complaint() || v->source.error)
		return ntfs_failure(v, err, "the folder's security");
	return sd_inherit(
		parent, (size_t)len, is_folder, sd_sid_system, sd_sid_system, ret, ret_len, err);
}

static int set_security(
	struct ntfs_volume *v, ntfs_inode *ni, const uint8_t *sd, size_t len, struct error **err)
{
	struct SECURITY_CONTEXT context = {.vol = v->vol};
	errno = 0;
	if (ntfs_set_ntfs_acl(&context, ni, (const char *)sd, len, 0) < 0 || v->source.error)
		return ntfs_failure(v, err, "setting security");
	return 0;
}

/* ---- 8.3 names ---- */

struct name_habit {
	unsigned plain; /* names that Windows gives a second one, without it */
	bool pairs;	/* there are second names */
};

/* So many names without a second one tell enough. */
#define HABIT_SAMPLE 32u

static bool see_habit(void *data, const ntfschar *name, unsigned len, unsigned space, u64 mref)
{
	struct name_habit *h = data;
	CLEANUP_FREE char *text = utf16_to_utf8(name, len);
	(void)mref;
	if (space == FILE_NAME_DOS)
		h->pairs = true;
	else if (!short_name_fits(text))
		h->plain++;
	return !h->pairs && h->plain < HABIT_SAMPLE;
}

static int find_habit(struct ntfs_volume *v, u64 folder, struct name_habit *ret, struct error **err)
{
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = NULL;
	*ret = (struct name_habit){0};
	if (ntfs_open(v, folder, "the folder", &ni, err) < 0)
		return -1;
	return ntfs_each_entry(v, ni, "the folder", see_habit, ret, err);
}

/* Windows can be told not to make 8.3 names on a volume: as the other files of this folder have it, or
 * those of the root where they do not tell. */
static int wants_short_name(struct ntfs_volume *v, u64 folder, bool *ret, struct error **err)
{
	struct name_habit h;
	if (find_habit(v, folder, &h, err) < 0)
		return -1;
	if (!h.pairs && !h.plain && find_habit(v, FILE_root, &h, err) < 0)
		return -1;
	*ret = h.pairs;
	return 0;
}

static int is_taken(
	struct ntfs_volume *v, u64 folder, const char *text, bool *ret, struct error **err)
{
	u64 found;
	CLEANUP(ntfs_free_inode) ntfs_inode *ni = NULL;
	CLEANUP(ntfs_name_done) struct ntfs_name name = ntfs_name_of(text, strlen(text));
	if (ntfs_open(v, folder, "the folder", &ni, err) < 0 ||
		ntfs_lookup(v, ni, &name, &found, err) < 0)
		return -1;
	*ret = found != NTFS_NONE;
	return 0;
}

/* The short name to give besides name; "": none. Where name is one itself, it is both. */
static int choose_short_name(struct ntfs_volume *v, u64 folder, const struct ntfs_name *name,
	char ret[13], struct error **err)
{
	bool wanted, taken = true;
	if (wants_short_name(v, folder, &wanted, err) < 0)
		return -1;
	ret[0] = '\0';
	if (wanted && short_name_fits(name->text))
		snprintf(ret, 13, "%s", name->text);
	else if (wanted)
		for (unsigned i = 1; taken && i <= SHORT_NAME_ATTEMPTS; i++) {
			short_name_make(name->text, i, ret);
			if (is_taken(v, folder, ret, &taken, err) < 0)
				return -1;
			if (taken)
				ret[0] = '\0';
		}
	return 0;
}

static int set_short_name(
	struct ntfs_volume *v, u64 folder, u64 file, const char *text, struct error **err)
{
	CLEANUP(ntfs_free_inode) ntfs_inode *dir = NULL, *ni = NULL;
	if (ntfs_open(v, folder, text, &dir, err) < 0 || ntfs_open(v, file, text, &ni, err) < 0)
		return -1;
	errno = 0;
	/* Closes both, whatever comes of it. */
	int result = ntfs_set_ntfs_dos_name(TAKE_PTR(ni), TAKE_PTR(dir), text, strlen(text), 0);
	return result < 0 || v->source.error ? ntfs_failure(v, err, "setting an 8.3 name") : 0;
}

/* ---- making ---- */

static int create(struct ntfs_volume *v, ntfs_inode *dir, const struct ntfs_name *name,
	bool is_folder, u64 *ret, struct error **err)
{
	CLEANUP_FREE uint8_t *sd = NULL;
	size_t len;
	if (inherited_security(v, dir, is_folder, &sd, &len, err) < 0)
		return -1;
	errno = 0;
	CLEANUP(ntfs_free_inode)
	ntfs_inode *ni = ntfs_create(
		dir, dir->security_id, name->units, name->len, is_folder ? S_IFDIR : S_IFREG);
	if (!ni || v->source.error)
		return ntfs_failure(v, err, name->text);
	if (set_security(v, ni, sd, len, err) < 0)
		return -1;
	if (is_folder)
		ni->flags &= ~FILE_ATTR_ARCHIVE; /* a file's, in Windows */
	NInoFileNameSetDirty(ni);
	NInoSetDirty(ni);
	*ret = MK_MREF(ni->mft_no, le16_to_cpu(ni->mrec->sequence_number));
	/* The name's copy in the folder is written by closing, which must not open dir once more. */
	errno = 0;
	if (ntfs_inode_close_in_dir(TAKE_PTR(ni), dir) < 0 || v->source.error)
		return ntfs_failure(v, err, name->text);
	return 0;
}

int ntfs_make(struct ntfs_volume *v, u64 folder, const struct ntfs_name *name, bool is_folder,
	u64 *ret, struct error **err)
{
	char short_name[13];
	CLEANUP(ntfs_free_inode) ntfs_inode *dir = NULL;
	if (ntfs_folder_check(v, folder, name->text, err) < 0 ||
		choose_short_name(v, folder, name, short_name, err) < 0 ||
		ntfs_open(v, folder, name->text, &dir, err) < 0 ||
		create(v, dir, name, is_folder, ret, err) < 0)
		return -1;
	ntfs_inode_update_times(dir, NTFS_UPDATE_MCTIME);
	if (ntfs_close(v, &dir, "the folder", err) < 0)
		return -1;
	return *short_name ? set_short_name(v, folder, *ret, short_name, err) : 0;
}
