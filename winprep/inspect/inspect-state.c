/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a Windows is set up and in what state it was left. */
#include <string.h>
#include <strings.h>

#include "guest-state.h"
#include "inspect-private.h"
#include "mem.h"
#include "net-first-boot.h"
#include "net-handover.h"

/* ---- pagefile, hibernation ---- */

static json_t *files_on_volume(const struct guest *g)
{
	static const char *const names[] = {"pagefile.sys", "swapfile.sys", "hiberfil.sys"};
	json_t *list = json_array();
	for (size_t i = 0; g->volume && i < ARRAY_SIZE(names); i++) {
		struct ntfs_stat st = {0};
		CLEANUP_ERR struct error *ignored = NULL;
		CLEANUP_FREE char *path = xasprintf("\\%s", names[i]);
		if (ntfs_file_stat(g->volume, path, &st, &ignored) < 0 || !st.exists)
			continue;
		json_t *o = json_object();
		jsonx_set_string(o, "name", names[i]);
		jsonx_set_u64(o, "sizeBytes", st.size);
		json_array_append_new(list, o);
	}
	return list;
}

json_t *inspect_pagefile(const struct guest *g)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	if (!h)
		return json_null();
	hive_node node = guest_current_key(g, "Control\\Session Manager\\Memory Management");
	json_t *o = json_object(), *files = inspect_texts(h, node, "PagingFiles");
	bool automatic = false;
	for (size_t i = 0; i < json_array_size(files); i++)
		automatic = automatic || json_string_value(json_array_get(files, i))[0] == '?';
	jsonx_set(o, "configured", files);
	jsonx_set_bool(o, "automatic", automatic);
	jsonx_set(o, "inUse", inspect_texts(h, node, "ExistingPageFiles"));
	jsonx_set(o, "files", files_on_volume(g));
	return o;
}

json_t *inspect_hibernation(const struct guest *g)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	json_t *o = json_object();
	jsonx_set(o, "hibernated",
		g->volume ? json_boolean(ntfs_volume_facts(g->volume)->hibernated) : json_null());
	inspect_set_number(
		o, "enabled", h, guest_current_key(g, "Control\\Power"), "HibernateEnabled");
	inspect_set_number(o, "fastStartup", h,
		guest_current_key(g, "Control\\Session Manager\\Power"), "HiberbootEnabled");
	return o;
}

/* ---- updates, setup ---- */

json_t *inspect_servicing(const struct guest *g)
{
	struct guest_servicing s;
	json_t *o = json_object();
	guest_servicing_read(g, &s);
	jsonx_set_bool(o, "pendingXml", s.pending_xml);
	jsonx_set_bool(o, "rebootPending", s.reboot_pending);
	jsonx_set_bool(o, "packagesPending", s.packages_pending);
	jsonx_set_bool(o, "sessionsPending", s.sessions_pending);
	jsonx_set_bool(o, "updateRebootRequired", s.update_reboot);
	jsonx_set_u64(o, "pendingRenames", s.pending_renames);
	return o;
}

json_t *inspect_setup(const struct guest *g)
{
	struct guest_setup s;
	json_t *o = json_object();
	guest_setup_read(g, &s);
	jsonx_set_string(o, "imageState", s.image_state);
	jsonx_set(o, "generalizationState",
		s.generalization ? json_integer(s.generalization) : json_null());
	jsonx_set_bool(o, "oobeInProgress", s.oobe);
	jsonx_set_bool(o, "setupInProgress", s.in_progress);
	guest_setup_done(&s);
	return o;
}

/* ---- CompactOS ---- */

/* CompactOS compresses the system's files, all but those of the boot: some of the largest stand for them. */
json_t *inspect_compact_os(const struct guest *g)
{
	static const char *const files[] = {"explorer.exe", "System32\\shell32.dll",
		"System32\\kernel32.dll", "System32\\ntdll.dll", "System32\\mmc.exe"};
	bool compressed = false, seen = false;
	for (size_t i = 0; g->volume && i < ARRAY_SIZE(files); i++) {
		struct ntfs_stat st = {0};
		CLEANUP_ERR struct error *ignored = NULL;
		CLEANUP_FREE char *path = xasprintf("%s\\%s", g->root, files[i]);
		if (ntfs_file_stat(g->volume, path, &st, &ignored) < 0 || !st.exists)
			continue;
		seen = true;
		compressed = compressed || st.wof;
	}
	return seen ? json_boolean(compressed) : json_null();
}

/* ---- the first start that a preparation planned ---- */

json_t *inspect_first_boot(const struct guest *g)
{
	struct hive *h = g->hives[HIVE_SOFTWARE].h;
	if (!g->hives[HIVE_SYSTEM].h || !h)
		return json_null();
	json_t *o = json_object();
	hive_node node = hive_find(h, hive_root(h), NET_HANDOVER_KEY);
	jsonx_set_bool(o, "pending", first_boot_pending(g));
	inspect_set_number(o, "starts", h, node, FIRST_BOOT_STARTS);
	inspect_set_text(o, "state", h, hive_find(h, node, FIRST_BOOT_RESULT), FIRST_BOOT_STATE);
	return o;
}

/* ---- what may work against a preparation ---- */

/* Products by a service of theirs. */
static const struct {
	const char *service, *product;
} guards[] = {
	{"avast! Antivirus", "Avast"},
	{"AVG Antivirus", "AVG"},
	{"CbDefense", "Carbon Black"},
	{"CSFalconService", "CrowdStrike Falcon"},
	{"cyserver", "Cortex XDR"},
	{"CylanceSvc", "Cylance"},
	{"ds_agent", "Trend Micro Deep Security"},
	{"ekrn", "ESET"},
	{"EPSecurityService", "Bitdefender"},
	{"klif", "Kaspersky"},
	{"MBAMService", "Malwarebytes"},
	{"mfemms", "McAfee/Trellix"},
	{"ntrtscan", "Trend Micro"},
	{"SAVService", "Sophos"},
	{"SentinelAgent", "SentinelOne"},
	{"SepMasterService", "Symantec Endpoint Protection"},
	{"Sophos Endpoint Defense Service", "Sophos"},
	{"WRSVC", "Webroot"},
	{"xagt", "FireEye/Trellix HX"},
};

static json_t *antivirus(const struct guest *g, struct hive *h)
{
	json_t *list = json_array();
	hive_node services = guest_current_key(g, "Services");
	for (size_t i = 0; i < ARRAY_SIZE(guards); i++) {
		uint32_t start;
		if (!hive_get_number(
			    h, hive_find(h, services, guards[i].service), "Start", &start) ||
			start > 3)
			continue;
		json_t *o = json_object();
		jsonx_set_string(o, "product", guards[i].product);
		jsonx_set_string(o, "service", guards[i].service);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *group_policy(const struct guest *g)
{
	struct hive *h = g->hives[HIVE_SOFTWARE].h;
	CLEANUP_ERR struct error *ignored = NULL;
	char **names = NULL;
	if (!h || hive_subkeys(h,
			  hive_find(h, hive_root(h),
				  "Microsoft\\Windows\\CurrentVersion\\Group Policy\\History"),
			  &names, &ignored) < 0)
		return json_null();
	bool applied = names[0] != NULL;
	reg_texts_free(names);
	return json_boolean(applied);
}

static bool is_on(struct hive *h, hive_node node, const char *name)
{
	uint32_t n = 0;
	return hive_get_number(h, node, name, &n) && n != 0;
}

json_t *inspect_security(const struct guest *g)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	if (!h)
		return json_null();
	json_t *o = json_object();
	jsonx_set(o, "antivirus", antivirus(g, h));
	jsonx_set(o, "groupPolicy", group_policy(g));
	jsonx_set_bool(o, "virtualizationBasedSecurity",
		is_on(h, guest_current_key(g, "Control\\DeviceGuard"),
			"EnableVirtualizationBasedSecurity"));
	jsonx_set_bool(o, "credentialGuard",
		is_on(h, guest_current_key(g, "Control\\Lsa"), "LsaCfgFlags"));
	return o;
}
