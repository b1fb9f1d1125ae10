/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PnpLockdownFiles: which driver package guards which file. One key a file, named with '/' between the
 * parts; the packages are its Owners.
 */
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "strip-software.h"

#define LOCKDOWN "Microsoft\\Windows\\CurrentVersion\\Setup\\PnpLockdownFiles"

static int strip_owners(struct prep *p, const struct driver_packages *packages,
	const struct hive_child *file, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SOFTWARE);
	CLEANUP_FREE char *key = xasprintf(LOCKDOWN "\\%s", file->name);
	char **owners = NULL;
	int rc = strip_read_owners(h, file->node, key, &owners, err);
	if (rc <= 0)
		return rc;
	size_t n = 0, go = 0;
	for (; owners[n]; n++)
		go += strip_owner_goes(p, packages, owners[n]);
	rc = 0;
	if (go && go == n)
		rc = strip_key(p, HIVE_SOFTWARE, key, "the packages that guarded it go", err);
	for (size_t i = 0; rc == 0 && go && go < n && owners[i]; i++)
		if (strip_owner_goes(p, packages, owners[i]))
			rc = plan_reg_list_remove(p->plan, h, HIVE_SOFTWARE, key, "Owners",
				owners[i], "its package goes", err);
	reg_texts_free(owners);
	return rc;
}

int strip_lockdown(struct prep *p, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SOFTWARE);
	CLEANUP(driver_packages_done) struct driver_packages packages = {0};
	CLEANUP_CHILDREN struct hive_children files = {0};
	if (!h)
		return 0;
	if (driver_packages_read(p->guest, &packages, err) < 0 ||
		hive_children(h, hive_find(h, hive_root(h), LOCKDOWN), &files, err) < 0)
		return -1;
	for (size_t i = 0; i < files.n; i++)
		if (strip_owners(p, &packages, &files.v[i], err) < 0)
			return -1;
	return 0;
}
