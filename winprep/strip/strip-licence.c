/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The licence server (KMS) of a cloud: only its own machines reach it. Without a name Windows looks for one
 * in DNS, as it does by default. The name stands in the platform's key and may stand in keys for one
 * application and one licence below it.
 */
#include "mem.h"
#include "strip-software.h"

#define WHY "licence server of the source platform"

static int strip_server(
	struct prep *p, const char *key, hive_node node, unsigned deeper, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SOFTWARE);
	CLEANUP_CHILDREN struct hive_children keys = {0};
	CLEANUP_FREE char *name = hive_get_text(h, node, "KeyManagementServiceName");
	if (name && strip_has(p, STRIP_FIELD(kms_servers), name) &&
		(strip_value(p, HIVE_SOFTWARE, key, "KeyManagementServiceName", WHY, err) < 0 ||
			strip_value(p, HIVE_SOFTWARE, key, "KeyManagementServicePort", WHY, err) <
				0))
		return -1;
	if (!deeper)
		return 0;
	if (hive_children(h, node, &keys, err) < 0)
		return -1;
	for (size_t i = 0; i < keys.n; i++) {
		CLEANUP_FREE char *sub = xasprintf("%s\\%s", key, keys.v[i].name);
		if (strip_server(p, sub, keys.v[i].node, deeper - 1, err) < 0)
			return -1;
	}
	return 0;
}

int strip_licence(struct prep *p, struct error **err)
{
	static const char *const keys[] = {
		"Microsoft\\Windows NT\\CurrentVersion\\SoftwareProtectionPlatform",
		"Wow6432Node\\Microsoft\\Windows NT\\CurrentVersion\\SoftwareProtectionPlatform"};
	struct hive *h = strip_hive(p, HIVE_SOFTWARE);
	for (size_t i = 0; h && i < ARRAY_SIZE(keys); i++)
		if (strip_server(p, keys[i], hive_find(h, hive_root(h), keys[i]), 2, err) < 0)
			return -1;
	return 0;
}
