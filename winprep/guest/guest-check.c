/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-check.h"

#include <strings.h>

#include "guest-state.h"
#include "mem.h"

#define OLDEST_BUILD 10240 /* Windows 10, first release; Server 2016 is 14393 */

/* ---- hives ---- */

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
	return 0;
}

static int check_control_sets(const struct guest *g, struct op *op, struct error **err)
{
	(void)op;
	if (!g->hives[HIVE_SYSTEM].h)
		return 0; /* check_hives() says so */
	for (unsigned i = 0; i < g->n_control_sets; i++)
		if (g->control_sets[i] == g->current_control_set)
			return 0;
	if (!g->current_control_set)
		return err_set(err, ERR_HIVE_DAMAGED,
			"SYSTEM: Select\\Current is missing: no control set is the current one");
	return err_set(err, ERR_HIVE_DAMAGED,
		"SYSTEM: Select\\Current names ControlSet%03u, which does not exist or has no Services",
		g->current_control_set);
}

/* ---- the Windows ---- */

static int check_version(const struct guest *g, struct op *op, struct error **err)
{
	(void)op;
	const char *name = g->product_name ? g->product_name : "Windows";
	if (g->hives[HIVE_SYSTEM].h && g->arch != INF_AMD64)
		return err_set(err, ERR_WINDOWS_UNSUPPORTED, "%s is no x64 Windows but %s", name,
			guest_arch_name(g->arch));
	if (g->hives[HIVE_SOFTWARE].h && (g->major < 10 || g->build < OLDEST_BUILD))
		return err_set(err, ERR_WINDOWS_UNSUPPORTED, "%s (%u.%u, build %u) is too old",
			name, g->major, g->minor, g->build);
	return 0;
}

static int check_disk(const struct guest *g, struct op *op, struct error **err)
{
	if (g->unread)
		op_warn(op, "volume-unread", "%s", g->unread);
	for (size_t i = 0; g->table && i < g->table->n; i++) {
		const struct partition *part = &g->table->v[i];
		if (part->role == ROLE_LDM)
			return err_set(err, ERR_DYNAMIC_DISK,
				"partition %u belongs to a dynamic disk", part->number);
		if (part->role == ROLE_STORAGE_POOL)
			return err_set(err, ERR_STORAGE_SPACES,
				"partition %u is a member of a storage pool or replica (Storage Spaces)",
				part->number);
		if (strcasecmp(part->fs, "BitLocker") == 0)
			op_warn(op, "bitlocker-data",
				"partition %u is encrypted with BitLocker: it is left alone",
				part->number);
	}
	return 0;
}

/* Updates that wait for a restart have files in two places: changing either breaks them. */
static int check_servicing(const struct guest *g, struct op *op, struct error **err)
{
	struct guest_servicing s;
	guest_servicing_read(g, &s);
	if (s.pending_xml)
		return err_set(err, ERR_PENDING_SERVICING,
			"\"%s\\WinSxS\\pending.xml\" exists: an update waits for a restart",
			g->root);
	if (s.reboot_pending || s.packages_pending)
		return err_set(err, ERR_PENDING_SERVICING,
			"Component Based Servicing waits for a restart (%s)",
			s.reboot_pending ? "RebootPending" : "PackagesPending");
	if (s.sessions_pending)
		return err_set(err, ERR_PENDING_SERVICING,
			"Component Based Servicing is in the middle of a session (SessionsPending)");
	if (s.update_reboot)
		op_warn(op, "update-reboot", "Windows Update asks for a restart of this Windows");
	if (s.pending_renames)
		op_warn(op, "pending-renames",
			"%u files wait to be renamed or deleted at the next start of this Windows",
			s.pending_renames);
	return 0;
}

static int check_setup(const struct guest *g, struct op *op, struct error **err)
{
	struct guest_setup s;
	(void)err;
	guest_setup_read(g, &s);
	if (s.in_progress || s.oobe)
		op_warn(op, "setup-in-progress",
			"Windows Setup has not ended (%s): it goes on at the next start",
			s.in_progress ? "SystemSetupInProgress" : "OOBEInProgress");
	else if (s.image_state && strcasecmp(s.image_state, "IMAGE_STATE_COMPLETE") != 0)
		op_warn(op, "sysprep", "this Windows is generalized (%s): it sets itself up anew",
			s.image_state);
	guest_setup_done(&s);
	return 0;
}

guest_check_fn *const guest_checks[] = {check_hives, check_control_sets, check_version, check_disk,
	check_servicing, check_setup, NULL};

int guest_check(const struct guest *g, struct op *op, struct error **err)
{
	for (size_t i = 0; guest_checks[i]; i++)
		if (guest_checks[i](g, op, err) < 0)
			return -1;
	return 0;
}
