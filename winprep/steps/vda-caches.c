/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Facts ips 4.1: caches that outrank the registry, and state of the last registration. */
#include "vda-caches.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

#define WHY "remembers the old controllers"

/* ---- registry ---- */

static const struct {
	const char *key, *name;
} stale_values[] = {
	{"Citrix\\VirtualDesktopAgent", "ListOfSIDs"}, /* made from ListOfDDCs */
	{"Citrix\\VirtualDesktopAgent\\State", "RegisteredDdcFqdn"},
	{"Citrix\\VirtualDesktopAgent\\State", "FarmName"},
	{"Citrix\\VirtualDesktopAgent\\State", "DesktopGroupName"},
	{"Citrix\\VirtualDesktopAgent\\State", "LicenseServerName"},
	{"Citrix\\MachineIdentityServiceAgent\\VdaStateMirror", "RegisteredDdcFqdn"},
};

static int forget_values(struct prep *p, struct error **err)
{
	static const char *const views[] = {"", "Wow6432Node\\"};
	struct hive *h = p->guest->hives[HIVE_SOFTWARE].h;
	for (size_t v = 0; v < ARRAY_SIZE(views); v++)
		for (size_t i = 0; i < ARRAY_SIZE(stale_values); i++) {
			CLEANUP_FREE char *key = xasprintf("%s%s", views[v], stale_values[i].key);
			if (plan_reg_unset(p->plan, h, HIVE_SOFTWARE, key, stale_values[i].name,
				    WHY, err) < 0)
				return -1;
		}
	return 0;
}

/* ---- caches below ProgramData ---- */

#define TREE	    "\\ProgramData\\Citrix"
#define LIKELY	    "PvsAgent" /* where they were seen; other releases have other places */
#define DEPTH_MAX   6
#define ENTRIES_MAX 4000

/* A walk through the folder, with an end however many logs lie in it. */
struct walk {
	struct prep *p;
	unsigned entries;
};

static bool is_cache(const char *name)
{
	return strcasecmp(name, "SavedListOfDDCsSids.xml") == 0 ||
	       strcasecmp(name, "CCMCFG.BAK") == 0;
}

static int walk_folder(
	struct walk *w, const char *folder, const char *skip, unsigned depth, struct error **err);

static int walk_entry(
	struct walk *w, const char *path, const char *name, unsigned depth, struct error **err)
{
	struct ntfs_stat st = {0};
	if (ntfs_file_stat(w->p->guest->volume, path, &st, err) < 0)
		return -1;
	if (st.exists && !st.directory && is_cache(name))
		plan_file_delete(w->p->plan, path, WHY);
	return st.directory && depth < DEPTH_MAX ? walk_folder(w, path, "", depth + 1, err) : 0;
}

static int walk_folder(
	struct walk *w, const char *folder, const char *skip, unsigned depth, struct error **err)
{
	char **names = NULL;
	int rc = ntfs_dir_list(w->p->guest->volume, folder, &names, err);
	if (rc < 0 && (*err)->code == ERR_FILE_UNSUPPORTED) { /* a link: not ours to follow */
		err_free(*err);
		*err = NULL;
		return 0;
	}
	for (size_t i = 0; rc == 0 && names[i] && w->entries < ENTRIES_MAX; i++) {
		CLEANUP_FREE char *path = xasprintf("%s\\%s", folder, names[i]);
		w->entries++;
		if (strcasecmp(names[i], skip) != 0)
			rc = walk_entry(w, path, names[i], depth, err);
	}
	reg_texts_free(names);
	return rc;
}

static int forget_caches(struct prep *p, struct error **err)
{
	struct walk w = {.p = p};
	if (walk_folder(&w, TREE "\\" LIKELY, "", 1, err) < 0 ||
		walk_folder(&w, TREE, LIKELY, 0, err) < 0)
		return -1;
	if (w.entries >= ENTRIES_MAX)
		plan_note(p->plan, TREE " was not searched to its end: it has more than %d files",
			ENTRIES_MAX);
	return 0;
}

/* ---- what provisioning left in the root folder ---- */

#define INI_MAX (64u << 10)

static bool names_controllers(const uint8_t *data, size_t len)
{
	static const char plain[] = "ListOfDDCs=", wide[] = "L\0i\0s\0t\0O\0f\0D\0D\0C\0s\0=";
	return memmem(data, len, plain, sizeof(plain) - 1) || memmem(data, len, wide, sizeof(wide));
}

/* Provisioning writes these at every start of a machine of its own: one in an image is of another machine. */
static int forget_personality(struct prep *p, const char *path, struct error **err)
{
	struct ntfs_volume *v = p->guest->volume;
	struct ntfs_stat st = {0};
	CLEANUP_FREE uint8_t *data = NULL;
	size_t len;
	if (ntfs_file_stat(v, path, &st, err) < 0)
		return -1;
	if (!st.exists || st.directory)
		return 0;
	if (st.size > INI_MAX) {
		plan_note(p->plan, "%s left alone: too large to be Provisioning's", path);
		return 0;
	}
	if (ntfs_file_read(v, path, INI_MAX, &data, &len, err) < 0)
		return -1;
	if (names_controllers(data, len))
		plan_file_delete(p->plan, path, "names the controllers of another machine");
	return 0;
}

int vda_plan_forget(struct prep *p, struct error **err)
{
	if (forget_values(p, err) < 0)
		return -1;
	if (!p->guest->volume)
		return 0; /* hives alone: a test of the registry side */
	if (forget_caches(p, err) < 0 || forget_personality(p, "\\Personality.ini", err) < 0)
		return -1;
	return forget_personality(p, "\\MCSPersonality.ini", err);
}
