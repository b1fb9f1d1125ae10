/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-state.h"

#include <stdlib.h>

#include "mem.h"

#define CBS "Microsoft\\Windows\\CurrentVersion\\Component Based Servicing"

bool guest_has_file(const struct guest *g, const char *path)
{
	struct ntfs_stat st = {0};
	CLEANUP_ERR struct error *ignored = NULL;
	return g->volume && ntfs_file_stat(g->volume, path, &st, &ignored) == 0 && st.exists;
}

hive_node guest_current_key(const struct guest *g, const char *rest)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	return h ? hive_findf(h, hive_root(h), "ControlSet%03u\\%s", g->current_control_set, rest)
		 : 0;
}

static bool is_set(struct hive *h, const char *key, const char *name)
{
	uint32_t n = 0;
	return hive_get_number(h, hive_find(h, hive_root(h), key), name, &n) && n != 0;
}

/* The list has two texts a file, from and to, and to is empty where the file is to be deleted: as a MULTI_SZ
 * it would end there. */
static unsigned count_renames(struct hive *h, hive_node manager)
{
	CLEANUP_REG_VALUE struct reg_value v = {0};
	CLEANUP_ERR struct error *ignored = NULL;
	unsigned n = 0;
	bool to = false, empty = true;
	if (hive_get(h, manager, "PendingFileRenameOperations", &v, &ignored) != 1)
		return 0;
	for (size_t i = 0; i + 1 < v.len; i += 2) {
		if (v.data[i] || v.data[i + 1]) {
			empty = false;
			continue;
		}
		if (!to && empty)
			break;
		n += !to;
		to = !to;
		empty = true;
	}
	return n;
}

static void read_cbs(struct hive *h, struct guest_servicing *s)
{
	hive_node cbs = hive_find(h, hive_root(h), CBS);
	s->reboot_pending = hive_find(h, cbs, "RebootPending");
	s->packages_pending = hive_find(h, cbs, "PackagesPending");
	s->sessions_pending = is_set(h, CBS "\\SessionsPending", "Exclusive");
	s->update_reboot = hive_find(h, hive_root(h),
		"Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Auto Update\\RebootRequired");
}

void guest_servicing_read(const struct guest *g, struct guest_servicing *ret)
{
	CLEANUP_FREE char *pending = xasprintf("%s\\WinSxS\\pending.xml", g->root ? g->root : "");
	*ret = (struct guest_servicing){.pending_xml = guest_has_file(g, pending)};
	if (g->hives[HIVE_SOFTWARE].h)
		read_cbs(g->hives[HIVE_SOFTWARE].h, ret);
	if (g->hives[HIVE_SYSTEM].h)
		ret->pending_renames = count_renames(
			g->hives[HIVE_SYSTEM].h, guest_current_key(g, "Control\\Session Manager"));
}

void guest_setup_read(const struct guest *g, struct guest_setup *ret)
{
	struct hive *system = g->hives[HIVE_SYSTEM].h, *software = g->hives[HIVE_SOFTWARE].h;
	*ret = (struct guest_setup){0};
	if (software)
		ret->image_state = hive_get_text(software,
			hive_find(software, hive_root(software),
				"Microsoft\\Windows\\CurrentVersion\\Setup\\State"),
			"ImageState");
	if (!system)
		return;
	hive_get_number(system,
		hive_find(system, hive_root(system), "Setup\\Status\\SysprepStatus"),
		"GeneralizationState", &ret->generalization);
	ret->oobe = is_set(system, "Setup", "OOBEInProgress");
	ret->in_progress = is_set(system, "Setup", "SystemSetupInProgress");
}

void guest_setup_done(struct guest_setup *s)
{
	free(s->image_state);
	*s = (struct guest_setup){0};
}
