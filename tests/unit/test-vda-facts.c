/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of Citrix is found in hives, and what is not mistaken for it. */
#include "unit.h"

#include <string.h>

#include "hive-make.h"
#include "jsonx.h"
#include "vda-facts.h"

#define UNINSTALL "Microsoft\\Windows\\CurrentVersion\\Uninstall\\"

static struct guest make_guest(void)
{
	struct guest g = {.n_control_sets = 1, .control_sets = {1}, .current_control_set = 1};
	g.hives[HIVE_SYSTEM].h = hive_make_open("SYSTEM");
	g.hives[HIVE_SOFTWARE].h = hive_make_open("SOFTWARE");
	return g;
}

static void guest_done(struct guest *g)
{
	hive_close(g->hives[HIVE_SYSTEM].h);
	hive_close(g->hives[HIVE_SOFTWARE].h);
}

START_TEST(all_components_with_their_versions)
{
	struct guest g = make_guest();
	struct hive *sw = g.hives[HIVE_SOFTWARE].h, *sys = g.hives[HIVE_SYSTEM].h;
	struct vda_facts f;
	hive_put_text(sw, UNINSTALL "{11111111-2222-3333-4444-555555555555}", "DisplayName",
		"Citrix Virtual Desktop Agent - x64");
	hive_put_text(sw, UNINSTALL "{11111111-2222-3333-4444-555555555555}", "DisplayVersion",
		"7.33.2000.9");
	hive_put_text(
		sw, UNINSTALL "Citrix Virtual Desktop Agent", "DisplayVersion", "2203.0.2000.2076");
	hive_put_text(sw, UNINSTALL "{22222222-2222-3333-4444-555555555555}", "DisplayName",
		"Citrix Provisioning Target Device x64");
	hive_put_text(sw, UNINSTALL "{22222222-2222-3333-4444-555555555555}", "DisplayVersion",
		"7.41.100.62");
	hive_put_text(sw, "Citrix\\MachineIdentityServiceAgent", "CleanOnBoot", "1");
	hive_put_text(sw, "Citrix\\VirtualDesktopAgent", "ListOfDDCs", "ddc1.a.local ddc2.a.local");
	hive_put_text(sw, "Policies\\Citrix\\VirtualDesktopAgent", "ListOfDDCs", "p.a.local");
	hive_put_number(sys, "ControlSet001\\Services\\CVhdFilter", "Start", 0);
	hive_put_number(sys, "ControlSet001\\Services\\BNDevice", "Start", 2);
	hive_put_number(sys, "ControlSet001\\Services\\ulayer", "Start", 1);
	hive_put_number(sys, "ControlSet001\\Services\\ctxProfile", "Start", 2);
	hive_put_number(sys, "ControlSet001\\Services\\WemAgentSvc", "Start", 2);
	vda_facts_read(&g, &f);
	for (int c = 0; c < _VDA_COMPONENT_MAX; c++)
		ck_assert_msg(f.components[c].present, "%s", vda_component_key(c));
	ck_assert_str_eq(f.components[VDA_AGENT].version, "2203.0.2000.2076");
	ck_assert_str_eq(f.components[VDA_PVS].version, "7.41.100.62");
	ck_assert_ptr_null(f.components[VDA_MISA].version);
	ck_assert_str_eq(f.local.controllers, "ddc1.a.local ddc2.a.local");
	ck_assert_ptr_null(f.local.site_guid);
	ck_assert_str_eq(f.policy.controllers, "p.a.local");
	CLEANUP_JSON json_t *o = vda_facts_to_json(&f);
	const json_t *vda = json_object_get(o, "vda");
	ck_assert_str_eq(json_string_value(json_object_get(vda, "release")), "2203");
	ck_assert_int_eq(json_integer_value(json_object_get(vda, "cumulativeUpdate")), 2);
	ck_assert_str_eq(
		json_string_value(json_object_get(json_object_get(o, "pvs"), "release")), "2402");
	vda_facts_done(&f);
	guest_done(&g);
}
END_TEST

START_TEST(a_plain_windows_has_none)
{
	struct guest g = make_guest();
	struct vda_facts f;
	/* What an uninstall leaves, and a program that only begins alike. */
	hive_put_text(g.hives[HIVE_SOFTWARE].h, "Citrix\\VirtualDesktopAgent", "InstallDir", "C:");
	hive_put_text(g.hives[HIVE_SOFTWARE].h, UNINSTALL "Citrix Workspace", "DisplayName",
		"Citrix Virtual Desktop Agent Tools");
	vda_facts_read(&g, &f);
	for (int c = 0; c < _VDA_COMPONENT_MAX; c++)
		ck_assert_msg(!f.components[c].present, "%s", vda_component_key(c));
	ck_assert_ptr_nonnull(f.local.key);
	CLEANUP_JSON json_t *o = vda_facts_to_json(&f);
	ck_assert(json_is_null(json_object_get(o, "vda")));
	vda_facts_done(&f);
	hive_close(g.hives[HIVE_SOFTWARE].h);
	g.hives[HIVE_SOFTWARE].h = NULL;
	vda_facts_read(&g, &f);
	ck_assert_ptr_null(f.local.key);
	vda_facts_done(&f);
	hive_close(g.hives[HIVE_SYSTEM].h);
}
END_TEST

START_TEST(versions_name_releases)
{
	static const struct {
		const char *version, *release;
		unsigned update;
	} known[] = {{"1912.0.5000.5174", "1912", 5}, {"7.24.5000.0", "1912", 5},
		{"2402.0.100.629", "2402", 0}, {"7.21", "1903", 0}, {"1912.0.3100.1", "1912", 3}};
	static const char *const unknown[] = {"", "x", "7", "6.5.0", "7.99", NULL};
	char release[8];
	unsigned update;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		ck_assert(vda_release(known[i].version, release, &update));
		ck_assert_str_eq(release, known[i].release);
		ck_assert_uint_eq(update, known[i].update);
	}
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		ck_assert(!vda_release(unknown[i], release, &update));
}
END_TEST

UNIT_MAIN("vda-facts", all_components_with_their_versions, a_plain_windows_has_none,
	versions_name_releases)
