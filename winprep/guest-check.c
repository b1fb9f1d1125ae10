/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-check.h"

#include <strings.h>

#include "mem.h"

#define OLDEST_BUILD 10240 /* Windows 10, first release; Server 2016 is 14393 */

static int check_hive(const struct guest *g, enum hive_id id, struct error **err)
{
	const struct guest_hive *gh = &g->hives[id];
	if (gh->problem) {
		*err = err_copy(gh->problem);
		return -1;
	}
	if (!gh->h)
		return err_set(err, ERR_HIVE_DAMAGED,
			"\"%s\\System32\\config\\%s\" is missing or empty", g->root,
			hive_id_name(id));
	return 0;
}

static int check_hives(const struct guest *g, struct op *op, struct error **err)
{
	if (check_hive(g, HIVE_SYSTEM, err) < 0 || check_hive(g, HIVE_SOFTWARE, err) < 0)
		return -1;
	if (g->hives[HIVE_DRIVERS].problem)
		return check_hive(g, HIVE_DRIVERS, err);
	for (enum hive_id id = 0; id < _HIVE_MAX; id++) {
		const struct hive_replay_report *r = &g->hives[id].replay;
		if (r->dirty)
			op_warn(op, "hive-replayed",
				"hive %s was not closed cleanly: %u log entries replayed%s%s",
				hive_id_name(id), r->entries, r->stopped ? "; stopped at " : "",
				r->stopped ? r->stopped : "");
	}
	for (unsigned i = 0; i < g->n_control_sets; i++)
		if (g->control_sets[i] == g->current_control_set)
			return 0;
	return err_set(err, ERR_HIVE_DAMAGED,
		"Select\\Current names ControlSet%03u, which does not exist",
		g->current_control_set);
}

static int check_version(const struct guest *g, struct error **err)
{
	const char *name = g->product_name ? g->product_name : "Windows";
	if (g->arch != INF_AMD64)
		return err_set(err, ERR_WINDOWS_UNSUPPORTED, "%s is no x64 Windows", name);
	if (g->major < 10 || g->build < OLDEST_BUILD)
		return err_set(err, ERR_WINDOWS_UNSUPPORTED, "%s (%u.%u, build %u) is too old",
			name, g->major, g->minor, g->build);
	return 0;
}

/* Updates that wait for a restart have files in two places: changing either breaks them. */
static int check_servicing(const struct guest *g, struct op *op, struct error **err)
{
	static const char *const keys[] = {"RebootPending", "PackagesPending"};
	struct hive *h = g->hives[HIVE_SOFTWARE].h;
	struct ntfs_stat st = {0};
	CLEANUP_FREE char *path = xasprintf("%s\\WinSxS\\pending.xml", g->root);
	if (ntfs_file_stat(g->volume, path, &st, err) < 0)
		return -1;
	if (st.exists)
		return err_set(err, ERR_PENDING_SERVICING,
			"\"%s\" exists: an update waits for a restart", path);
	hive_node cbs = hive_find(
		h, hive_root(h), "Microsoft\\Windows\\CurrentVersion\\Component Based Servicing");
	if (hive_find(h, cbs, keys[0]) || hive_find(h, cbs, keys[1]))
		return err_set(err, ERR_PENDING_SERVICING,
			"Component Based Servicing waits for a restart");
	CLEANUP_REG_VALUE struct reg_value renames = {0};
	struct hive *system = g->hives[HIVE_SYSTEM].h;
	hive_node manager = hive_findf(system, hive_root(system),
		"ControlSet%03u\\Control\\Session Manager", g->current_control_set);
	int found = hive_get(system, manager, "PendingFileRenameOperations", &renames, err);
	if (found == 1 && renames.len > 2)
		op_warn(op, "pending-renames",
			"files wait to be renamed at the next start of this Windows");
	return found < 0 ? -1 : 0;
}

static int check_disk(const struct guest *g, struct op *op, struct error **err)
{
	for (size_t i = 0; i < g->table->n; i++) {
		const struct partition *part = &g->table->v[i];
		if (part->role == ROLE_LDM)
			return err_set(err, ERR_DYNAMIC_DISK,
				"partition %u belongs to a dynamic disk or storage pool",
				part->number);
		if (strcasecmp(part->fs, "BitLocker") == 0)
			op_warn(op, "bitlocker-data",
				"partition %u is encrypted with BitLocker: it is left alone",
				part->number);
	}
	return 0;
}

int guest_check(const struct guest *g, struct op *op, struct error **err)
{
	if (check_hives(g, op, err) < 0 || check_version(g, err) < 0 || check_disk(g, op, err) < 0)
		return -1;
	return check_servicing(g, op, err);
}
