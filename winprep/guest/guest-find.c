/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-find.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bitlocker.h"
#include "mem.h"
#include "ntfs-boot.h"
#include "ntfs-file.h"
#include "reg-value.h"
#include "strbuf.h"

/* Names in a volume's root are few; where somebody keeps thousands of files, only \Windows is looked at. */
#define ROOT_NAMES_MAX 1000

void guest_places_done(struct guest_places *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].root);
	free(p->v);
	err_free(p->failure);
	*p = (struct guest_places){0};
}

/* 1, 0; a folder that leads elsewhere holds none. */
static int holds_windows(struct ntfs_volume *v, const char *root, struct error **err)
{
	struct ntfs_stat st = {0};
	CLEANUP_ERR struct error *failure = NULL;
	CLEANUP_FREE char *path = xasprintf("%s\\System32\\config\\SYSTEM", root);
	if (ntfs_file_stat(v, path, &st, &failure) == 0)
		return st.exists && !st.directory;
	if (failure->code == ERR_FILE_UNSUPPORTED)
		return 0;
	err_move(err, &failure);
	return -1;
}

/* Windows is one of the folders of the volume's root, whatever it is called. */
static int find_on_volume(struct guest_places *p, const struct partition *part,
	struct ntfs_volume *v, struct error **err)
{
	char **names = NULL;
	size_t n = 0;
	CLEANUP_ERR struct error *failure = NULL;
	if (ntfs_dir_list(v, "\\", &names, err) < 0)
		return -1;
	while (names[n])
		n++;
	for (size_t i = 0; i < n; i++) {
		CLEANUP_ERR struct error *later = NULL;
		if (n > ROOT_NAMES_MAX && strcasecmp(names[i], "Windows") != 0)
			continue;
		CLEANUP_FREE char *root = xasprintf("\\%s", names[i]);
		int holds = holds_windows(v, root, failure ? &later : &failure);
		if (holds <= 0)
			continue;
		p->v = xrealloc_array(p->v, p->n + 1, sizeof(*p->v));
		p->v[p->n++] = (struct guest_place){.partition = part, .root = TAKE_PTR(root)};
	}
	reg_texts_free(names);
	if (!failure)
		return 0;
	err_move(err, &failure);
	return -1;
}

/* libblkid calls nothing NTFS that has no sound $MFT. */
static bool is_ntfs(struct disk *disk, const struct partition *part)
{
	if (strcmp(part->fs, "ntfs") == 0)
		return true;
	return !*part->fs && !part->ambiguous &&
	       (part->role == ROLE_BASIC || part->role == ROLE_RECOVERY) &&
	       ntfs_boot_seen(disk, part->start, part->size);
}

/* A volume that cannot be read may be the one. */
static void keep_failure(
	struct guest_places *p, const struct partition *part, struct error **failure)
{
	if (p->unread && p->unread->size >= part->size)
		return;
	err_free(p->failure);
	p->failure = TAKE_PTR(*failure);
	p->unread = part;
}

void guest_places_find(
	struct guest_places *ret, struct disk *disk, const struct partition_table *table)
{
	struct guest_places p = {0};
	for (size_t i = 0; i < table->n; i++) {
		CLEANUP_ERR struct error *failure = NULL;
		struct ntfs_volume *v CLEANUP(ntfs_volume_close_p) = NULL;
		const struct partition *part = &table->v[i];
		if (!is_ntfs(disk, part))
			continue;
		if (ntfs_volume_open(&v, disk, part->start, part->size, &failure) < 0 ||
			find_on_volume(&p, part, v, &failure) < 0)
			keep_failure(&p, part, &failure);
	}
	*ret = p;
}

/* ---- none ---- */

static const struct partition *with_role(const struct partition_table *t, enum partition_role role)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].role == role)
			return &t->v[i];
	return NULL;
}

static int is_encrypted(struct disk *disk, const struct partition *p, struct error **err)
{
	struct bitlocker_facts facts = {0};
	CLEANUP_ERR struct error *ignored = NULL;
	bool known = bitlocker_read(disk, p->start, p->size, &facts, &ignored) == 0;
	if (!known || !facts.clear_key)
		return err_set(err, ERR_BITLOCKER,
			"partition %u is encrypted with BitLocker, and no Windows is outside of it",
			p->number);
	/* The key is there, but preparing would have to encrypt what it writes: not offered. */
	err_set(err, ERR_BITLOCKER,
		"partition %u is encrypted with BitLocker; its protection is only suspended, the content is still encrypted",
		p->number);
	return err_hint(err,
		"decrypt the volume in Windows (manage-bde -off C:) until manage-bde -status says 0 %%, and take the disk again: suspending is not enough");
}

static int none_found(const struct guest_places *p, struct disk *disk,
	const struct partition_table *t, struct error **err)
{
	const struct partition *pool = with_role(t, ROLE_STORAGE_POOL),
			       *ldm = with_role(t, ROLE_LDM);
	for (size_t i = 0; i < t->n; i++)
		if (strcasecmp(t->v[i].fs, "BitLocker") == 0)
			return is_encrypted(disk, &t->v[i], err);
	if (pool)
		return err_set(err, ERR_STORAGE_SPACES,
			"partition %u is a member of a storage pool or replica (Storage Spaces)",
			pool->number);
	if (ldm)
		return err_set(err, ERR_DYNAMIC_DISK, "partition %u is one of a dynamic disk",
			ldm->number);
	if (p->failure) {
		*err = err_copy(p->failure);
		return err_prefix(err, "no Windows was found, and partition %u cannot be read",
			p->unread->number);
	}
	return err_set(err, ERR_NO_WINDOWS, "no NTFS volume of the disk holds a Windows");
}

/* ---- one of them ---- */

char *guest_place_name(const struct guest_place *p)
{
	return xasprintf("%u:%s", p->partition->number, p->root);
}

static bool is_meant(const struct guest_place *p, const char *root)
{
	CLEANUP_FREE char *name = guest_place_name(p);
	return strcasecmp(root, p->root) == 0 || strcasecmp(root, name) == 0;
}

const struct guest_place *guest_places_choose(const struct guest_places *p, struct disk *disk,
	const struct partition_table *table, const char *root, struct error **err)
{
	struct strbuf list = {0};
	const struct guest_place *chosen = NULL;
	size_t matches = 0;
	if (p->n == 0) {
		none_found(p, disk, table, err);
		return NULL;
	}
	for (size_t i = 0; i < p->n; i++) {
		CLEANUP_FREE char *name = guest_place_name(&p->v[i]);
		strbuf_addf(&list, "%s%s", i ? ", " : "", name);
		if (root && !is_meant(&p->v[i], root))
			continue;
		chosen = &p->v[i];
		matches++;
	}
	CLEANUP_FREE char *names = strbuf_take(&list);
	if (matches == 0) {
		err_set(err, ERR_NO_WINDOWS, "no Windows in \"%s\": there is %s%s%s", root, names,
			p->failure ? "; not to be read: " : "",
			p->failure ? p->failure->message : "");
		err_hint(err, "name one that is there with --root (root in a request), or none");
	}
	if (matches > 1)
		err_set(err, ERR_TWO_WINDOWS, "the disk holds more than one Windows: %s", names);
	return matches == 1 ? chosen : NULL;
}
