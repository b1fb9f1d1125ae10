/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys and values of the source platform's tools in SOFTWARE, native and Wow6432Node. */
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "strip-software.h"

#define WHY "key of the source platform's tools"

static int strip_software_key(struct prep *p, const char *name, struct error **err)
{
	CLEANUP_FREE char *wow = xasprintf("Wow6432Node\\%s", name);
	if (strip_key(p, HIVE_SOFTWARE, name, WHY, err) < 0 ||
		strip_key(p, HIVE_SOFTWARE, wow, WHY, err) < 0)
		return -1;
	if (strncasecmp(name, "Classes\\", 8) != 0)
		return 0;
	CLEANUP_FREE char *classes = xasprintf("Classes\\Wow6432Node\\%s", name + 8);
	return strip_key(p, HIVE_SOFTWARE, classes, WHY, err);
}

/* prefix: "" or "Wow6432Node\\"; the vendor's key, where all that is in it is listed. */
static int strip_parent_below(
	struct prep *p, const char *prefix, const char *name, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SOFTWARE);
	CLEANUP_FREE char *key = xasprintf("%s%s", prefix, name);
	hive_node node = hive_find(h, hive_root(h), key);
	char **subkeys = NULL, **values = NULL;
	if (!node)
		return 0;
	if (hive_subkeys(h, node, &subkeys, err) < 0)
		return -1;
	int rc = hive_value_names(h, node, &values, err);
	bool ours = rc == 0 && !values[0];
	for (size_t i = 0; ours && subkeys[i]; i++) {
		CLEANUP_FREE char *sub = xasprintf("%s\\%s", name, subkeys[i]);
		ours = strip_has(p, STRIP_FIELD(software_keys), sub);
	}
	if (ours)
		rc = strip_key(p, HIVE_SOFTWARE, key, "nothing is left in it", err);
	else if (rc == 0)
		plan_note(p->plan, "%s left: another product has keys in it", key);
	reg_texts_free(values);
	reg_texts_free(subkeys);
	return rc;
}

static int strip_parent(struct prep *p, const char *name, struct error **err)
{
	return strip_parent_below(p, "", name, err) < 0
		       ? -1
		       : strip_parent_below(p, "Wow6432Node\\", name, err);
}

static int strip_run(struct prep *p, const char *name, struct error **err)
{
	static const char *const keys[] = {"Microsoft\\Windows\\CurrentVersion\\Run",
		"Wow6432Node\\Microsoft\\Windows\\CurrentVersion\\Run",
		"Microsoft\\Windows\\CurrentVersion\\Explorer\\StartupApproved\\Run",
		"Microsoft\\Windows\\CurrentVersion\\Explorer\\StartupApproved\\Run32"};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strip_value(p, HIVE_SOFTWARE, keys[i], name,
			    "program of the source platform at logon", err) < 0)
			return -1;
	return 0;
}

static int strip_registered_app(struct prep *p, const char *name, struct error **err)
{
	static const char *const keys[] = {
		"RegisteredApplications", "Wow6432Node\\RegisteredApplications"};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strip_value(p, HIVE_SOFTWARE, keys[i], name, WHY, err) < 0)
			return -1;
	return 0;
}

int strip_software(struct prep *p, struct error **err)
{
	if (!strip_hive(p, HIVE_SOFTWARE))
		return 0;
	if (strip_each(p, STRIP_FIELD(software_keys), strip_software_key, err) < 0 ||
		strip_each(p, STRIP_FIELD(software_parents), strip_parent, err) < 0 ||
		strip_each(p, STRIP_FIELD(run_values), strip_run, err) < 0)
		return -1;
	return strip_each(p, STRIP_FIELD(registered_apps), strip_registered_app, err);
}
