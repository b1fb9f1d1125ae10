/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Steps that change SYSTEM alone, on the real hive of a Windows 10 that ran on VMware. */
#include "unit.h"

#include <string.h>

#include "hive-guest.h"
#include "io.h"
#include "mem.h"
#include "plan-notes.h"
#include "strip.h"

#define REAL "win10-19041-vmware-efi.SYSTEM"

static struct prep make_prep(struct guest *g, struct plan *plan, const char *to)
{
	return (struct prep){.guest = g,
		.from = platform_find("vsphere"),
		.to = platform_find(to),
		.plan = plan};
}

static bool plan_has(
	const struct plan *p, enum action_kind kind, const char *path, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].kind == kind && strcasecmp(p->v[i].path, path) == 0 &&
			(!name || (p->v[i].name && strcasecmp(p->v[i].name, name) == 0)))
			return true;
	return false;
}

START_TEST(filters_go_from_devices)
{
	struct guest g;
	struct plan plan = {0};
	hive_guest_init(&g, REAL);
	struct prep p = make_prep(&g, &plan, "kvm");
	hive_guest_run(&p, &step_filters);
	ck_assert_uint_ge(plan.n, 1);
	for (size_t i = 0; i < plan.n; i++) {
		ck_assert_int_eq(plan.v[i].kind, ACT_REG_LIST_REMOVE);
		ck_assert(strcasecmp(plan.v[i].text, "vmmouse") == 0 ||
			  strcasecmp(plan.v[i].text, "vmusbmouse") == 0);
	}
	plan_done(&plan);
	hive_guest_done(&g);
}
END_TEST

static void put_filters(struct guest *g, const char *class, const char *name, const char *const *v)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *key = xasprintf("ControlSet001\\Control\\Class\\%s", class);
	CLEANUP_REG_VALUE struct reg_value value = reg_multi_sz(v);
	hive_node node;
	ck_ok(hive_make(h, hive_root(h), key, &node, &err));
	ck_ok(hive_set(h, node, name, &value, &err));
}

/* What kept the source's disk from starting nowhere can at the target: its controller is of another class. */
START_TEST(storage_filters_without_a_driver_go)
{
	struct guest g;
	struct plan plan = {0};
	hive_guest_init(&g, REAL);
	struct prep p = make_prep(&g, &plan, "vsphere"); /* nothing is stripped */
	put_filters(&g, "{4D36E96A-E325-11CE-BFC1-08002BE10318}", "UpperFilters",
		(const char *const[]){"gone1", NULL});
	put_filters(&g, "{4d36e967-e325-11ce-bfc1-08002be10318}", "LowerFilters",
		(const char *const[]){"EhStorClass", "GONE2", "storahci", NULL});
	/* The filters of other classes are nobody's business. */
	put_filters(&g, "{4d36e96b-e325-11ce-bfc1-08002be10318}", "UpperFilters",
		(const char *const[]){"gone3", "kbdclass", NULL});
	hive_guest_run(&p, &step_filters);
	ck_assert_uint_eq(plan.n, 2);
	for (size_t i = 0; i < plan.n; i++)
		ck_assert_int_eq(plan.v[i].kind, ACT_REG_LIST_REMOVE);
	ck_assert_str_eq(plan.v[0].text, "GONE2");
	ck_assert_str_eq(plan.v[1].text, "gone1");
	ck_assert(plan_notes_have(&plan, "\"storahci\" of class DiskDrive stays"));
	ck_assert(!plan_notes_have(&plan, "EhStorClass"));
	plan_done(&plan);
	hive_guest_done(&g);
}
END_TEST

START_TEST(services_are_disabled_then_removed)
{
	struct guest g;
	struct plan plan = {0};
	hive_guest_init(&g, REAL);
	struct prep p = make_prep(&g, &plan, "hyperv");
	hive_guest_run(&p, &step_services);
	/* vmci has a device that names it; VMTools has none. */
	ck_assert(plan_has(&plan, ACT_REG_SET, "ControlSet001\\Services\\vmci", "Start"));
	ck_assert(plan_has(&plan, ACT_REG_LIST_REMOVE, "ControlSet001\\Services\\vmci", "Owners"));
	ck_assert(plan_has(&plan, ACT_REG_DELETE_KEY, "ControlSet001\\Services\\VMTools", NULL));
	struct hive *h = g.hives[HIVE_SYSTEM].h;
	static const char *const stay[] = {
		"vmbus", "storvsc", "vmgid", "gencounter", "stornvme", "mouclass"};
	for (size_t i = 0; i < ARRAY_SIZE(stay); i++)
		ck_assert_msg(hive_findf(h, hive_root(h), "ControlSet001\\Services\\%s", stay[i]),
			"%s", stay[i]);
	plan_done(&plan);
	hive_guest_done(&g);
}
END_TEST

/* What is left in the hive of the packages, as a program of another project sees it. */
static int left_in(struct guest *g, const char *pattern)
{
	uint8_t *data = NULL;
	size_t size;
	CLEANUP_FREE char *path = xasprintf("%s/stripped", unit_tmp());
	ck_ok(hive_save(g->hives[HIVE_SYSTEM].h, &data, &size, &err));
	ck_ok(file_write_atomic(path, data, size, 0600, &err));
	free(data);
	return unit_run("hivexregedit --export --unsafe-printable-strings '%s' '\\' 2>/dev/null | "
			"grep -a -i -q -E '%s'",
		path, pattern);
}

START_TEST(packages_leave_the_driver_database)
{
	struct guest g;
	struct plan plan = {0};
	hive_guest_init(&g, REAL);
	struct prep p = make_prep(&g, &plan, "hyperv");
	struct hive *h = g.hives[HIVE_SYSTEM].h;
	ck_assert_int_eq(left_in(&g, "^.oem[2567]\\.inf.=hex"), 0);
	hive_guest_run(&p, &step_packages);
	ck_assert(plan_has(&plan, ACT_REG_DELETE_KEY,
		"DriverDatabase\\DriverPackages\\vmci.inf_amd64_5e38a278d114b813", NULL));
	ck_assert(plan_has(
		&plan, ACT_REG_LIST_REMOVE, "ControlSet001\\Services\\mouclass", "Owners"));
	/* No id, no INF file, no package of VMware's is left; those of others are. */
	ck_assert_int_ne(
		left_in(&g, "DriverInfFiles.oem[257]\\.inf|DriverPackages.(vmci|pvscsi|vmmouse)"),
		0);
	ck_assert_int_ne(left_in(&g, "^.oem[257]\\.inf.=hex"), 0);
	ck_assert_int_eq(left_in(&g, "DriverPackages.stornvme.inf_amd64"), 0);
	CLEANUP_REG_VALUE struct reg_value map = {0};
	int rc = 0;
	ck_ok(rc = hive_get(
		      h, hive_find(h, hive_root(h), "DriverDatabase"), "OemInfMap", &map, &err));
	ck_assert_int_eq(map.data[0] & 0x20, 0); /* oem2.inf */
	plan_done(&plan);
	hive_guest_done(&g);
}
END_TEST

START_TEST(tools_leave_no_name_behind)
{
	static const char *const gone[] = {"ProviderOrder\"=.*vmhgfs", "^\"vmhgfs\"=",
		"EventLog.(Application|System).(VMware Tools|vmtools|VGAuth|vmci)\\]",
		"Video.\\{62517184-F29B-11EC-85E0-806E6F6E6963"};
	struct guest g;
	struct plan plan = {0};
	hive_guest_init(&g, REAL);
	struct prep p = make_prep(&g, &plan, "azure");
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
		ck_assert_msg(left_in(&g, gone[i]) == 0, "%s", gone[i]);
	hive_guest_run(&p, &step_software);
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
		ck_assert_msg(left_in(&g, gone[i]) != 0, "%s", gone[i]);
	ck_assert_int_eq(left_in(&g, "ProviderOrder\"=.*RDPNP,LanmanWorkstation,webclient"), 0);
	ck_assert_int_eq(left_in(&g, "vSockets STREAM"), 0); /* the Winsock catalog */
	plan_done(&plan);
	hive_guest_done(&g);
}
END_TEST

START_TEST(boot_paths_lose_their_override)
{
	for (const struct platform *to = platforms; to->name; to++) {
		struct guest g;
		struct plan plan = {0};
		if (!to->is_target)
			continue;
		hive_guest_init(&g, REAL);
		struct prep p = make_prep(&g, &plan, to->name);
		struct hive *h = g.hives[HIVE_SYSTEM].h;
		hive_guest_run(&p, &step_boot_paths);
		for (const char *const *s = to->boot_services; *s; s++) {
			hive_node node =
				hive_findf(h, hive_root(h), "ControlSet001\\Services\\%s", *s);
			uint32_t start = 9;
			ck_assert_msg(hive_get_number(h, node, "Start", &start) && start == 0,
				"%s %s", to->name, *s);
			ck_assert_uint_eq(hive_find(h, node, "StartOverride"), 0);
		}
		plan_done(&plan);
		hive_guest_done(&g);
	}
	/* The real hive had overrides to take away: storvsc's among them. */
	struct guest g;
	struct plan plan = {0};
	hive_guest_init(&g, REAL);
	struct prep p = make_prep(&g, &plan, "azure");
	hive_guest_run(&p, &step_boot_paths);
	ck_assert(plan_has(&plan, ACT_REG_DELETE_KEY,
		"ControlSet001\\Services\\storvsc\\StartOverride", NULL));
	ck_assert(plan_has(
		&plan, ACT_REG_DELETE_KEY, "ControlSet001\\Services\\vmbus\\StartOverride", NULL));
	plan_done(&plan);
	hive_guest_done(&g);
}
END_TEST

START_TEST(nothing_is_stripped_without_a_reason)
{
	struct plan plan = {0};
	struct guest g = {0};
	struct prep p = make_prep(&g, &plan, "vsphere");
	ck_assert(!strip_applies(&p)); /* from vSphere to vSphere */
	p.to = platform_find("kvm");
	p.from = NULL;
	ck_assert(!step_services.applies(&p)); /* from nobody knows where */
	p.from = platform_find("gcp");
	p.to = platform_find("ahv"); /* both run on virtio: Google's agent goes, the drivers stay */
	ck_assert_ptr_nonnull(strip_find_service(&p, "GCEAgent"));
	ck_assert_ptr_null(strip_find_service(&p, "vioscsi"));
}
END_TEST

UNIT_MAIN("steps-system", filters_go_from_devices, storage_filters_without_a_driver_go,
	services_are_disabled_then_removed, packages_leave_the_driver_database,
	tools_leave_no_name_behind, boot_paths_lose_their_override,
	nothing_is_stripped_without_a_reason)
