/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PnpLockdownFiles in SOFTWARE: which package guards which file of the system's folders. */
#include <stdlib.h>
#include <string.h>

#include "driver-install.h"
#include "mem.h"

#define WHY	 "driver of the target"
#define LOCKDOWN "Microsoft\\Windows\\CurrentVersion\\Setup\\PnpLockdownFiles"

/* What Windows writes for files of packages in SYSTEM, and for those in DRIVERS. */
enum { CLASS_BOOT = 5, CLASS_OTHER = 4 };

static int guard(struct driver_install *d, const struct inf_file *f, struct error **err)
{
	struct prep *p = d->s->p;
	struct hive *h = p->guest->hives[HIVE_SOFTWARE].h;
	CLEANUP_FREE char *folder = driver_dirid_folder(d, f->dirid);
	if (!folder || f->dirid == 13)
		return 0;
	CLEANUP_FREE char *file = xasprintf("%s%s%s%s%s", folder, *folder ? "\\" : "", f->subdir,
		*f->subdir ? "\\" : "", f->name);
	for (char *c = file; *c; c++)
		*c = *c == '\\' ? '/' : *c;
	CLEANUP_FREE char *key = xasprintf(LOCKDOWN "\\%%SystemRoot%%/%s", file);
	CLEANUP_FREE char *source = xasprintf(
		"%%SystemRoot%%\\System32\\DriverStore\\FileRepository\\%s\\%s", d->key, f->source);
	if (plan_reg_set(p->plan, h, HIVE_SOFTWARE, key, "Class",
		    reg_dword(d->hive == HIVE_SYSTEM ? CLASS_BOOT : CLASS_OTHER), WHY, err) < 0 ||
		plan_reg_set(p->plan, h, HIVE_SOFTWARE, key, "Source", reg_expand_sz(source), WHY,
			err) < 0)
		return -1;
	return plan_reg_list_add(
		p->plan, h, HIVE_SOFTWARE, key, "Owners", d->published, false, WHY, err);
}

/* A file that two configurations copy is guarded once. */
static bool is_first(const struct driver_install *d, size_t config, size_t file)
{
	const struct inf_config *configs = d->package->configs;
	const struct inf_file *f = &configs[config].files[file];
	for (size_t i = 0; i <= config; i++)
		for (size_t k = 0; d->wanted[i] && k < configs[i].n_files; k++) {
			const struct inf_file *o = &configs[i].files[k];
			if (i == config && k == file)
				return true;
			if (o->dirid == f->dirid && strcasecmp(o->name, f->name) == 0 &&
				strcasecmp(o->subdir, f->subdir) == 0)
				return false;
		}
	return true;
}

int driver_plan_lockdown(struct driver_install *d, struct error **err)
{
	const struct inf_package *p = d->package;
	if (!p->lockdown || !d->s->p->guest->hives[HIVE_SOFTWARE].h)
		return 0;
	for (size_t i = 0; i < p->n_configs; i++)
		for (size_t k = 0; d->wanted[i] && k < p->configs[i].n_files; k++)
			if (is_first(d, i, k) && guard(d, &p->configs[i].files[k], err) < 0)
				return -1;
	return 0;
}
