/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The step inject on guests made in the test, with packs of stand-ins: choice, numbers, hives, refusals. */
#include "plan-notes.h"
#include "unit.h"

#include <string.h>
#include <strings.h>

#include "boot-drivers.h"
#include "driver-choice.h"
#include "hive-guest.h"
#include "hive-make.h"
#include "io.h"
#include "made-guest.h"
#include "mem.h"
#include "pack.h"

#define DB "DriverDatabase\\"

/* ---- packs ---- */

static struct pack_set *open_folder(const char *folder)
{
	const char *const folders[] = {folder, NULL};
	struct pack_set *set = NULL;
	ck_ok(pack_set_open(&set, folders, &err));
	return set;
}

static struct pack_set *stand_ins(void)
{
	CLEANUP_FREE char *folder = xasprintf("%s/stand-ins", unit_tmp());
	ck_assert_int_eq(unit_run("'%s/tests/fixtures/make-pack.sh' '%s' vioscsi netkvm balloon",
				 unit_source_root(), folder),
		0);
	return open_folder(folder);
}

/* A vioscsi.inf in FOLDER of pack "made"; decorations follow Models. */
static void add_inf(const char *folder, const char *name, const char *version,
	const char *decoration, const char *id, bool x86_driver)
{
	CLEANUP_FREE char *path = xasprintf("%s/made/%s", unit_tmp(), folder);
	CLEANUP_FREE char *inf = xasprintf("%s/%s.inf", path, name);
	CLEANUP_FREE char *text = xasprintf(
		"[Version]\nClass=SCSIAdapter\nClassGuid={4d36e97b-e325-11ce-bfc1-08002be10318}\n"
		"Provider=Maker\nDriverVer=%s\nCatalogFile=x.cat\n[Manufacturer]\nMaker=M%s%s\n"
		"[M%s%s]\n\"Disk controller\"=I,%s\n[I]\nCopyFiles=F\n[I.Services]\nAddService=vioscsi,2,S\n"
		"[F]\n%s.sys\n[S]\nServiceType=1\nStartType=3\nErrorControl=1\n"
		"ServiceBinary=%%12%%\\%s.sys\n[DestinationDirs]\nDefaultDestDir=12\n"
		"[SourceDisksNames]\n1=D\n[SourceDisksFiles]\n%s.sys=1\n",
		version, *decoration ? "," : "", decoration, *decoration ? "." : "", decoration, id,
		name, name, name);
	ck_assert_int_eq(unit_run("mkdir -p '%s' && '%s/tests/fixtures/make-pe.sh' '%s/%s.sys' %s",
				 path, unit_source_root(), path, name, name),
		0);
	if (x86_driver) /* the machine, behind "PE\0\0" */
		ck_assert_int_eq(unit_run("printf '\\114\\001' | dd of='%s/%s.sys' bs=1 seek=68 "
					  "conv=notrunc status=none",
					 path, name),
			0);
	ck_ok(file_write_atomic(inf, text, strlen(text), 0600, &err));
}

static struct pack_set *made_pack(void)
{
	CLEANUP_FREE char *folder = xasprintf("%s/made", unit_tmp());
	return open_folder(folder);
}

static void forget_made_pack(void)
{
	ck_assert_int_eq(unit_run("rm -rf '%s/made'", unit_tmp()), 0);
}

/* ---- guests ---- */

static const struct platform_device disks[] = {
	{"PCI\\VEN_1AF4&DEV_1004", "disk controller", "vioscsi", 1},
	{"PCI\\VEN_1AF4&DEV_1048", "newer disk controller", "vioscsi", 1}, {0}};
static const struct platform_device all_devices[] = {
	{"PCI\\VEN_1AF4&DEV_1004", "disk controller", "vioscsi", 1},
	{"PCI\\VEN_1AF4&DEV_1048", "newer disk controller", "vioscsi", 1},
	{"PCI\\VEN_1AF4&DEV_1000", "network adapter", "netkvm", 0},
	{"PCI\\VEN_1AF4&DEV_1002", "balloon", "BALLOON", 0},
	{"PCI\\VEN_DEAD&DEV_BEEF", "nothing", "none", 0}, {0}};

/* With the driver databases of both hives. */
static void make_guest(struct guest *g)
{
	static const struct made_row rows[] = {ROW_KEY("SYSTEM\\DriverDatabase\\DriverPackages"),
		ROW_TEXT("SYSTEM\\DriverDatabase\\DriverInfFiles\\oem2.inf", "Active", "x"),
		ROW_TEXT(
			"SYSTEM\\DriverDatabase\\DeviceIds\\{4d36e97b-e325-11ce-bfc1-08002be10318}",
			"lsi_sas.inf", ""),
		ROW_NUMBER("CCS\\Services\\vioscsi\\StartOverride", "0", 3), {0}};
	made_guest_init(g);
	made_guest_add(g, rows);
	g->major = 10;
	g->minor = 0;
	g->build = 19041;
	g->arch = INF_AMD64;
	g->product_type = INF_PRODUCT_WORKSTATION;
	g->root = (char *)"\\Windows";
	g->current_control_set = 1;
	g->hives[HIVE_DRIVERS].h = hive_make_open("DRIVERS");
	struct reg_value map = reg_binary("\x80", 1), other = reg_binary("\x40", 1);
	hive_node node;
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	ck_ok(hive_set(h, hive_find(h, hive_root(h), "DriverDatabase"), "OemInfMap", &map, &err));
	h = g->hives[HIVE_DRIVERS].h;
	ck_ok(hive_make(h, hive_root(h), "DriverDatabase\\DeviceIds", &node, &err));
	ck_ok(hive_set(h, hive_find(h, hive_root(h), "DriverDatabase"), "OemInfMap", &other, &err));
	reg_value_done(&map);
	reg_value_done(&other);
}

static void done_guest(struct guest *g)
{
	g->root = NULL;
	made_guest_done(g);
}

struct setting {
	struct platform to;
	struct plan plan;
	struct prep p;
	struct op op; /* nobody hears it */
};

static void make_setting(struct setting *s, struct guest *g, const struct platform_device *devices,
	struct pack_set *packs)
{
	*s = (struct setting){.to = {.name = "test", .title = "Test", .devices = devices},
		.plan = {.step = "inject"}};
	s->p = (struct prep){
		.guest = g, .to = &s->to, .packs = packs, .plan = &s->plan, .op = &s->op};
}

static void expect_text(
	struct guest *g, enum hive_id id, const char *key, const char *name, const char *want)
{
	struct hive *h = g->hives[id].h;
	CLEANUP_FREE char *text = hive_get_text(h, hive_find(h, hive_root(h), key), name);
	ck_assert_msg(want ? text && strcmp(text, want) == 0 : !text,
		"%s [%s]: \"%s\" (\"%s\" expected)", key, name, text ? text : "(none)",
		want ? want : "(none)");
}

static void expect_number(
	struct guest *g, enum hive_id id, const char *key, const char *name, uint32_t want)
{
	struct hive *h = g->hives[id].h;
	uint32_t n = 0xbad;
	ck_assert_msg(hive_get_number(h, hive_find(h, hive_root(h), key), name, &n) && n == want,
		"%s [%s]: %u (%u expected)", key, name, n, want);
}

static void expect_map(struct guest *g, enum hive_id id, uint8_t want)
{
	CLEANUP_REG_VALUE struct reg_value v = {0};
	struct hive *h = g->hives[id].h;
	int found = 0;
	ck_ok(found = hive_get(
		      h, hive_find(h, hive_root(h), "DriverDatabase"), "OemInfMap", &v, &err));
	ck_assert(found == 1 && v.len == 1);
	ck_assert_uint_eq(v.data[0], want);
}

static char *active(struct guest *g, const char *published)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	return hive_get_text(
		h, hive_findf(h, hive_root(h), DB "DriverInfFiles\\%s", published), "Active");
}

/* ---- what is written where ---- */

START_TEST(packages_go_where_windows_has_them)
{
	struct guest g;
	struct setting s;
	struct pack_set *packs = stand_ins();
	make_guest(&g);
	make_setting(&s, &g, all_devices, packs);
	hive_guest_run(&s.p, &step_inject);
	/* oem0 and oem1 are taken in one bitmap each, oem2 by an INF file's key. */
	expect_text(&g, HIVE_SYSTEM, "ControlSet001\\Services\\vioscsi", "ImagePath",
		"System32\\drivers\\vioscsi.sys");
	expect_text(&g, HIVE_SYSTEM, "ControlSet002\\Services\\vioscsi", "DisplayName",
		"@oem3.inf,%Service%;Stand-in virtio SCSI controller service");
	for (int i = 1; i <= 2; i++) {
		CLEANUP_FREE char *disk = xasprintf("ControlSet00%d\\Services\\vioscsi", i);
		CLEANUP_FREE char *net = xasprintf("ControlSet00%d\\Services\\netkvm", i);
		CLEANUP_FREE char *bus = xasprintf("%s\\Parameters\\PnpInterface", disk);
		expect_number(&g, HIVE_SYSTEM, disk, "Start", 0);
		expect_number(&g, HIVE_SYSTEM, net, "Start", 3);
		expect_number(&g, HIVE_SYSTEM, bus, "5", 1);
		expect_text(&g, HIVE_SYSTEM, net, "ImagePath",
			"\\SystemRoot\\System32\\drivers\\netkvm.sys");
		struct hive *h = g.hives[HIVE_SYSTEM].h;
		ck_assert_uint_eq(hive_findf(h, hive_root(h), "%s\\StartOverride", disk), 0);
	}
	/* The disk in SYSTEM, the network in DRIVERS; bits of all in both. */
	CLEANUP_FREE char *net = hive_get_text(g.hives[HIVE_DRIVERS].h,
		hive_find(g.hives[HIVE_DRIVERS].h, hive_root(g.hives[HIVE_DRIVERS].h),
			DB "DriverInfFiles\\oem4.inf"),
		"Active");
	ck_assert_ptr_nonnull(net);
	ck_assert(strncmp(net, "netkvm.inf_amd64_", 17) == 0 && strlen(net) == 33);
	expect_text(&g, HIVE_SYSTEM, DB "DriverInfFiles\\oem4.inf", "Active", NULL);
	CLEANUP_FREE char *balloon = active(&g, "oem5.inf");
	ck_assert_ptr_nonnull(balloon); /* a class that a boot needs, though this device does not */
	expect_map(&g, HIVE_SYSTEM, 0x80 | 0x1c);
	expect_map(&g, HIVE_DRIVERS, 0x40 | 0x1c);
	expect_number(&g, HIVE_SOFTWARE,
		"Microsoft\\Windows\\CurrentVersion\\Setup\\PnpLockdownFiles\\%SystemRoot%/System32/"
		"drivers/vioscsi.sys",
		"Class", 5);
	expect_number(&g, HIVE_SOFTWARE,
		"Microsoft\\Windows\\CurrentVersion\\Setup\\PnpLockdownFiles\\%SystemRoot%/System32/"
		"drivers/netkvm.sys",
		"Class", 4);
	ck_assert(plan_notes_have(&s.plan, "PCI\\VEN_DEAD&DEV_BEEF"));
	plan_done(&s.plan);
	pack_set_free(packs);
	done_guest(&g);
}
END_TEST

START_TEST(windows_8_has_one_hive_and_no_scopes)
{
	struct guest g;
	struct setting s;
	struct pack_set *packs;
	make_guest(&g);
	hive_close(g.hives[HIVE_DRIVERS].h);
	g.hives[HIVE_DRIVERS].h = NULL;
	g.major = 6;
	g.minor = 3;
	g.build = 9600;
	forget_made_pack();
	add_inf("a", "vioscsi", "01/02/2020,1.2.3.4", "NTamd64.6.3", "PCI\\VEN_1AF4&DEV_1004",
		false);
	packs = made_pack();
	make_setting(&s, &g, disks, packs);
	hive_guest_run(&s.p, &step_inject);
	CLEANUP_FREE char *key = active(&g, "oem1.inf");
	ck_assert_ptr_nonnull(key);
	CLEANUP_FREE char *config = xasprintf(DB "DriverPackages\\%s\\Configurations\\I", key);
	struct hive *h = g.hives[HIVE_SYSTEM].h;
	uint32_t scope;
	expect_text(&g, HIVE_SYSTEM, config, "Service", "vioscsi");
	ck_assert(!hive_get_number(h, hive_find(h, hive_root(h), config), "ConfigScope", &scope));
	/* The INF says demand start; this device is what Windows starts from. */
	expect_number(&g, HIVE_SYSTEM, "ControlSet001\\Services\\vioscsi", "Start", 0);
	plan_done(&s.plan);
	pack_set_free(packs);
	done_guest(&g);
}
END_TEST

/* ---- choosing ---- */

static const char *chosen(const struct prep *p, const char *id, char **ret_why)
{
	const struct platform_device d = {id, "device", "vioscsi", 1};
	const struct pack_inf *inf = driver_choose(p, &d, ret_why);
	return inf ? inf->folder : NULL;
}

START_TEST(the_best_inf_is_chosen)
{
	struct guest g;
	struct setting s;
	const char *id = "PCI\\VEN_1AF4&DEV_1004", *more = "PCI\\VEN_1AF4&DEV_1048&SUBSYS_1";
	make_guest(&g);
	forget_made_pack();
	add_inf("old", "vioscsi", "01/02/2020,1.0.0.0", "NTamd64.6.1", id, false);
	add_inf("same", "vioscsi", "01/02/2020,1.0.0.0", "NTamd64.10.0", id, false);
	add_inf("later", "vioscsi", "01/02/2020,1.10.0.0", "NTamd64.10.0", id, false);
	add_inf("dated", "vioscsi", "01/01/2020,9.0.0.0", "NTamd64.10.0", id, false);
	add_inf("older/2k19", "vioscsi", "01/02/2022,9.0.0.0", "NTamd64.10.0", id, false);
	add_inf("future", "vioscsi", "01/02/2022,9.0.0.0", "NTamd64.10.0...22000", id, false);
	add_inf("server", "vioscsi", "01/02/2022,9.0.0.0", "NTamd64.10.0.3", id, false);
	add_inf("x86", "vioscsi", "01/02/2022,9.0.0.0", "NTx86", id, false);
	add_inf("other", "other", "01/02/2022,9.0.0.0", "NTamd64.10.0", more, false);
	struct pack_set *packs = made_pack();
	make_setting(&s, &g, disks, packs);
	ck_assert_str_eq(chosen(&s.p, id, NULL), "later");
	ck_assert_str_eq(chosen(&s.p, "PCI\\VEN_1AF4&DEV_1048", NULL), "other");
	g.build = 22621;
	ck_assert_str_eq(chosen(&s.p, id, NULL), "future");
	g.build = 17763;
	g.product_type = INF_PRODUCT_SERVER;
	ck_assert_str_eq(chosen(&s.p, id, NULL), "server");
	g.major = 6;
	g.minor = 1;
	g.build = 7601;
	ck_assert_str_eq(chosen(&s.p, id, NULL), "old");
	pack_set_free(packs);
	add_inf("first/w10", "vioscsi", "01/02/2019,1.0.0.0", "NTamd64.10.0", id, false);
	packs = made_pack();
	s.p.packs = packs;
	g.major = 10;
	g.minor = 0;
	g.build = 19045;
	g.product_type = INF_PRODUCT_WORKSTATION;
	ck_assert_str_eq(chosen(&s.p, id, NULL), "first/w10");
	pack_set_free(packs);
	plan_done(&s.plan);
	done_guest(&g);
}
END_TEST

START_TEST(no_driver_to_start_from_is_refused)
{
	struct guest g;
	struct setting s;
	make_guest(&g);
	make_setting(&s, &g, disks, NULL);
	ck_fails(boot_drivers_check(&s.p, &err), ERR_BOOT_DRIVER_MISSING,
		"no driver packs were given");
	forget_made_pack();
	add_inf("x86", "viostor", "01/02/2022,9.0.0.0", "NTx86", disks[0].id, false);
	add_inf("new", "vioscsi", "01/02/2022,9.0.0.0", "NTamd64.10.0...22000", disks[0].id, false);
	add_inf("odd", "damaged", "01/02/2022,9.0.0.0", "NTamd64", "PCI\\X", false);
	ck_assert_int_eq(unit_run("printf '[Version' >'%s/made/odd/damaged.inf'", unit_tmp()), 0);
	struct pack_set *packs = made_pack();
	s.p.packs = packs;
	ck_fails(boot_drivers_check(&s.p, &err), ERR_BOOT_DRIVER_MISSING,
		"disk controller (PCI\\VEN_1AF4&DEV_1004)");
	ck_fails(boot_drivers_check(&s.p, &err), ERR_BOOT_DRIVER_MISSING,
		"vioscsi.inf: no model for this Windows");
	ck_fails(boot_drivers_check(&s.p, &err), ERR_BOOT_DRIVER_MISSING, "viostor.inf is for x86");
	ck_fails(boot_drivers_check(&s.p, &err), ERR_BOOT_DRIVER_MISSING, "damaged.inf");
	pack_set_free(packs);
	add_inf("good", "vioscsi", "01/02/2022,9.0.0.0", "NTamd64", disks[1].id, false);
	packs = made_pack();
	s.p.packs = packs;
	ck_ok(boot_drivers_check(&s.p, &err));
	pack_set_free(packs);
	done_guest(&g);
}
END_TEST

START_TEST(drivers_of_another_machine_are_refused)
{
	struct guest g;
	struct setting s;
	make_guest(&g);
	forget_made_pack();
	add_inf("a", "vioscsi", "01/02/2022,9.0.0.0", "NTamd64", disks[0].id, true);
	struct pack_set *packs = made_pack();
	make_setting(&s, &g, disks, packs);
	ck_fails(step_inject.plan(&s.p, &err), ERR_PACK_INVALID,
		"\"vioscsi.sys\" of \"vioscsi.inf\" is x86");
	ck_assert_int_eq(unit_run("echo text >'%s/made/a/vioscsi.sys'", unit_tmp()), 0);
	plan_done(&s.plan);
	ck_fails(step_inject.plan(&s.p, &err), ERR_PACK_INVALID, "no program");
	ck_assert_int_eq(unit_run("rm '%s/made/a/vioscsi.sys'", unit_tmp()), 0);
	plan_done(&s.plan);
	ck_fails(step_inject.plan(&s.p, &err), ERR_PACK_INVALID, "vioscsi.sys");
	plan_done(&s.plan);
	pack_set_free(packs);
	done_guest(&g);
}
END_TEST

/* ---- what the guest has ---- */

static void inject_version(struct guest *g, const char *version, struct setting *s)
{
	forget_made_pack();
	add_inf("a", "vioscsi", version, "NTamd64", disks[0].id, false);
	struct pack_set *packs = made_pack();
	make_setting(s, g, disks, packs);
	hive_guest_run(&s->p, &step_inject);
	pack_set_free(packs);
}

START_TEST(newer_packages_come_beside_older_ones)
{
	struct guest g;
	struct setting s;
	make_guest(&g);
	inject_version(&g, "01/02/2022,9.0.0.0", &s);
	plan_done(&s.plan);
	CLEANUP_FREE char *first = active(&g, "oem3.inf");
	ck_assert_ptr_nonnull(first);
	inject_version(&g, "01/02/2021,9.0.0.0", &s);
	ck_assert_uint_eq(s.plan.n, 0);
	ck_assert(plan_notes_have(&s.plan, "no older than"));
	plan_done(&s.plan);
	inject_version(&g, "01/02/2023,9.0.0.0", &s);
	ck_assert_uint_gt(s.plan.n, 10);
	plan_done(&s.plan);
	CLEANUP_FREE char *still = active(&g, "oem3.inf"), *second = active(&g, "oem4.inf");
	ck_assert_str_eq(first, still);
	ck_assert_ptr_nonnull(second);
	ck_assert_str_ne(first, second);
	done_guest(&g);
}
END_TEST

/* Without packs, but with a driver that an earlier preparation brought: it only has to load. */
START_TEST(a_driver_that_is_there_is_enabled)
{
	struct guest g;
	struct setting s;
	make_guest(&g);
	inject_version(&g, "01/02/2022,9.0.0.0", &s);
	plan_done(&s.plan);
	hive_put_number(g.hives[HIVE_SYSTEM].h, "ControlSet002\\Services\\vioscsi", "Start", 4);
	hive_put_number(
		g.hives[HIVE_SYSTEM].h, "ControlSet001\\Services\\vioscsi\\StartOverride", "0", 3);
	make_setting(&s, &g, disks, NULL);
	ck_ok(boot_drivers_check(&s.p, &err));
	hive_guest_run(&s.p, &step_inject);
	ck_assert_uint_eq(s.plan.n, 2);
	expect_number(&g, HIVE_SYSTEM, "ControlSet002\\Services\\vioscsi", "Start", 0);
	plan_done(&s.plan);
	done_guest(&g);
}
END_TEST

/* A staged package of the same version is completed under its own name and number. */
START_TEST(staged_packages_are_completed)
{
	struct guest g;
	struct setting s;
	make_guest(&g);
	inject_version(&g, "01/02/2022,9.0.0.0", &s);
	plan_done(&s.plan);
	struct hive *h = g.hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *key = active(&g, "oem3.inf");
	CLEANUP_FREE char *package = xasprintf(DB "DriverPackages\\%s", key);
	CLEANUP_FREE char *configs = xasprintf("%s\\Configurations", package);
	ck_ok(hive_delete(h, hive_find(h, hive_root(h), configs), &err));
	hive_put_number(h, package, "StatusFlags", 0x112);
	make_setting(&s, &g, disks, NULL);
	ck_fails(boot_drivers_check(&s.p, &err), ERR_BOOT_DRIVER_MISSING, NULL);
	inject_version(&g, "01/02/2022,9.0.0.0", &s);
	plan_done(&s.plan);
	expect_number(&g, HIVE_SYSTEM, package, "StatusFlags", 0x12);
	ck_assert_uint_ne(hive_find(h, hive_root(h), configs), 0);
	expect_text(&g, HIVE_SYSTEM, DB "DriverInfFiles\\oem4.inf", "Active", NULL);
	ck_ok(boot_drivers_check(&s.p, &err));
	done_guest(&g);
}
END_TEST

/* In DRIVERS, staged is enough: Windows installs from it when the device shows up. */
START_TEST(newer_packages_in_drivers_are_kept)
{
	static const struct platform_device net[] = {
		{"PCI\\VEN_1AF4&DEV_1000", "network adapter", "netkvm", 0}, {0}};
	struct guest g;
	struct setting s;
	struct pack_set *packs = stand_ins();
	make_guest(&g);
	make_setting(&s, &g, net, packs);
	hive_guest_run(&s.p, &step_inject);
	ck_assert_uint_gt(s.plan.n, 10);
	plan_done(&s.plan);
	pack_set_free(packs);
	struct hive *h = g.hives[HIVE_DRIVERS].h;
	CLEANUP_FREE char *key = hive_get_text(
		h, hive_find(h, hive_root(h), DB "DriverInfFiles\\oem3.inf"), "Active");
	ck_ok(hive_delete(h,
		hive_findf(h, hive_root(h), DB "DriverPackages\\%s\\Configurations", key), &err));
	ck_assert_int_eq(unit_run("sed -i 's/^DriverVer.*/DriverVer=01\\/01\\/2020,1.0.0.0/' "
				  "'%s'/stand-ins/netkvm/w10/amd64/netkvm.inf",
				 unit_tmp()),
		0);
	CLEANUP_FREE char *folder = xasprintf("%s/stand-ins", unit_tmp());
	packs = open_folder(folder);
	make_setting(&s, &g, net, packs);
	ck_ok(step_inject.plan(&s.p, &err));
	ck_assert_uint_eq(s.plan.n, 0);
	ck_assert(plan_notes_have(&s.plan, "oem3.inf of this Windows is newer"));
	plan_done(&s.plan);
	pack_set_free(packs);
	done_guest(&g);
}
END_TEST

UNIT_MAIN("inject", packages_go_where_windows_has_them, windows_8_has_one_hive_and_no_scopes,
	the_best_inf_is_chosen, no_driver_to_start_from_is_refused,
	drivers_of_another_machine_are_refused, newer_packages_come_beside_older_ones,
	a_driver_that_is_there_is_enabled, staged_packages_are_completed,
	newer_packages_in_drivers_are_kept)
