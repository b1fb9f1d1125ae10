/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scheduled tasks: the file, and the scheduler's own record of it: a key by path (Tree) that names an id,
 * and keys by that id. Folders of the tree stay, even empty.
 */
#include "mem.h"
#include "msi-guid.h"
#include "strip-software.h"

#define CACHE "Microsoft\\Windows NT\\CurrentVersion\\Schedule\\TaskCache"
#define WHY   "task of the source platform's agent"

static int strip_cached(struct prep *p, const char *name, struct error **err)
{
	static const char *const by_id[] = {"Tasks", "Boot", "Logon", "Maintenance", "Plain"};
	struct hive *h = strip_hive(p, HIVE_SOFTWARE);
	char packed[MSI_PACKED_SIZE];
	CLEANUP_FREE char *tree = xasprintf(CACHE "\\Tree\\%s", name);
	hive_node node = hive_find(h, hive_root(h), tree);
	CLEANUP_FREE char *id = hive_get_text(h, node, "Id");
	/* An id that is none could name any key. */
	bool valid = id && msi_pack(id, packed);
	for (size_t i = 0; valid && i < ARRAY_SIZE(by_id); i++) {
		CLEANUP_FREE char *key = xasprintf(CACHE "\\%s\\%s", by_id[i], id);
		if (strip_key(p, HIVE_SOFTWARE, key, WHY, err) < 0)
			return -1;
	}
	return strip_key(p, HIVE_SOFTWARE, tree, WHY, err);
}

static int strip_task(struct prep *p, const char *name, struct error **err)
{
	CLEANUP_FREE char *file = xasprintf(
		"%s\\System32\\Tasks\\%s", p->guest->root ? p->guest->root : "\\Windows", name);
	if (strip_hive(p, HIVE_SOFTWARE) && strip_cached(p, name, err) < 0)
		return -1;
	return strip_file(p, file, WHY, err);
}

int strip_tasks(struct prep *p, struct error **err)
{
	return strip_each(p, STRIP_FIELD(tasks), strip_task, err);
}
