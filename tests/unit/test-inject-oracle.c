/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The driver database that we write from the real vmci and pvscsi INFs, against what Windows wrote from
 * them in a real hive: key by key, value by value. hivexregedit is the second reader.
 */
#include "unit.h"

#include <string.h>
#include <strings.h>

#include "driver-db.h"
#include "hive-guest.h"
#include "inf-package.h"
#include "io.h"
#include "le.h"
#include "mem.h"
#include "pack.h"
#include "strbuf.h"

#define REAL "win10-19041-vmware-efi.SYSTEM"
#define DB   "DriverDatabase"

/* ---- comparing two trees ---- */

struct diff {
	const char *path, *name, *why; /* path below the tree's root; name NULL: the key itself */
};

struct comparison {
	struct hive *real, *ours;
	const struct diff *known;
	bool seen[16];
	struct strbuf unknown;
	unsigned values;
};

static void differs(struct comparison *c, const char *path, const char *name, const char *what)
{
	for (size_t i = 0; c->known[i].path; i++) {
		const struct diff *k = &c->known[i];
		if (strcasecmp(k->path, path) == 0 &&
			(k->name ? name && strcasecmp(k->name, name) == 0 : !name)) {
			c->seen[i] = true;
			return;
		}
	}
	strbuf_addf(&c->unknown, "\"%s\" [%s]: %s\n", path, name ? name : "(key)", what);
}

/* What a has and b has not, or has otherwise. */
static void compare_values(struct comparison *c, hive_node real, hive_node ours, const char *path)
{
	char **names = NULL;
	ck_ok(hive_value_names(c->real, real, &names, &err));
	for (size_t i = 0; names[i]; i++) {
		CLEANUP_REG_VALUE struct reg_value a = {0}, b = {0};
		int found = 0;
		ck_ok(hive_get(c->real, real, names[i], &a, &err));
		ck_ok(found = hive_get(c->ours, ours, names[i], &b, &err));
		c->values++;
		if (found && reg_value_equal(&a, &b))
			continue;
		CLEANUP_FREE char *x = reg_value_describe(&a), *y = reg_value_describe(&b);
		CLEANUP_FREE char *text = xasprintf("Windows %s, we %s", x, found ? y : "nothing");
		differs(c, path, names[i], text);
	}
	reg_texts_free(names);
	ck_ok(hive_value_names(c->ours, ours, &names, &err));
	for (size_t i = 0; names[i]; i++) {
		CLEANUP_REG_VALUE struct reg_value a = {0};
		int found = 0;
		ck_ok(found = hive_get(c->real, real, names[i], &a, &err));
		if (!found)
			differs(c, path, names[i], "only we have it");
	}
	reg_texts_free(names);
}

static void compare_keys(struct comparison *c, hive_node real, hive_node ours, const char *path)
{
	CLEANUP_CHILDREN struct hive_children a = {0}, b = {0};
	compare_values(c, real, ours, path);
	ck_ok(hive_children(c->real, real, &a, &err));
	ck_ok(hive_children(c->ours, ours, &b, &err));
	for (size_t i = 0; i < a.n; i++) {
		CLEANUP_FREE char *below = xasprintf("%s\\%s", path, a.v[i].name);
		hive_node other = hive_find(c->ours, ours, a.v[i].name);
		if (other)
			compare_keys(c, a.v[i].node, other, below);
		else
			differs(c, below, NULL, "we have no such key");
	}
	for (size_t i = 0; i < b.n; i++) {
		CLEANUP_FREE char *below = xasprintf("%s\\%s", path, b.v[i].name);
		if (!hive_find(c->real, real, b.v[i].name))
			differs(c, below, NULL, "only we have that key");
	}
}

/* All differences are known, and every known one is there. */
static unsigned compare(struct hive *real, const char *real_key, struct hive *ours,
	const char *our_key, const struct diff *known)
{
	struct comparison c = {.real = real, .ours = ours, .known = known};
	hive_node a = hive_find(real, hive_root(real), real_key),
		  b = hive_find(ours, hive_root(ours), our_key);
	ck_assert_msg(a, "%s", real_key);
	ck_assert_msg(b, "%s", our_key);
	compare_keys(&c, a, b, "");
	CLEANUP_FREE char *unknown = strbuf_take(&c.unknown);
	ck_assert_msg(!*unknown, "%s differs from what Windows wrote:\n%s", our_key, unknown);
	for (size_t i = 0; known[i].path; i++)
		ck_assert_msg(c.seen[i], "no such difference any more: \"%s\" [%s] (%s)",
			known[i].path, known[i].name ? known[i].name : "", known[i].why);
	return c.values;
}

/* ---- the packages ---- */

static const struct platform_device vmci_devices[] = {
	{"PCI\\VEN_15AD&DEV_0740", "VMware VMCI device", "vmci", 1}, {0}};
static const struct platform_device pvscsi_devices[] = {
	{"PCI\\VEN_15AD&DEV_07C0", "VMware PVSCSI controller", "pvscsi", 0}, {0}};

/* The vendor's INF and catalog, and a stand-in for the driver, which the data does not have. */
static struct pack_set *open_pack(const char *package, const char *driver)
{
	CLEANUP_FREE char *folder = xasprintf("%s/%s", unit_tmp(), driver);
	const char *const folders[] = {folder, NULL};
	struct pack_set *set = NULL;
	ck_assert_int_eq(unit_run("mkdir -p '%s' && cp '%s/inf/packages/%s'/*.??? '%s' && "
				  "chmod u+w '%s'/* && '%s/tests/fixtures/make-pe.sh' '%s/%s.sys'",
				 folder, unit_data_dir(), package, folder, folder,
				 unit_source_root(), folder, driver),
		0);
	ck_ok(pack_set_open(&set, folders, &err));
	return set;
}

static char *active_package(struct hive *h, const char *published)
{
	return hive_get_text(
		h, hive_findf(h, hive_root(h), DB "\\DriverInfFiles\\%s", published), "Active");
}

static void delete_key(struct hive *h, const char *key)
{
	hive_node node = hive_find(h, hive_root(h), key);
	ck_assert_msg(node, "%s", key);
	ck_ok(hive_delete(h, node, &err));
}

/* Everything of oem2.inf out of the hive, as if vmci had never been installed. */
static void forget_vmci(struct guest *g)
{
	struct plan plan = {.step = "test"};
	const struct prep p = {.guest = g,
		.from = platform_find("vsphere"),
		.to = platform_find("hyperv"),
		.plan = &plan};
	struct prep copy = p;
	hive_guest_run(&copy, &step_packages);
	plan_done(&plan);
	delete_key(g->hives[HIVE_SYSTEM].h, "ControlSet001\\Services\\vmci");
	delete_key(g->hives[HIVE_SYSTEM].h, "ControlSet001\\Services\\EventLog\\System\\vmci");
}

static void inject(struct guest *g, const struct platform_device *devices, struct pack_set *packs)
{
	const struct platform to = {.name = "test", .title = "Test", .devices = devices};
	struct plan plan = {.step = "test"};
	struct prep p = {.guest = g, .to = &to, .packs = packs, .plan = &plan};
	hive_guest_run(&p, &step_inject);
	ck_assert_uint_gt(plan.n, 10);
	plan_done(&plan);
}

static void expect_id(struct hive *h, const char *id, const char *inf, const char *bytes)
{
	CLEANUP_REG_VALUE struct reg_value v = {0};
	int found = 0;
	ck_ok(found = hive_get(
		      h, hive_findf(h, hive_root(h), DB "\\DeviceIds\\%s", id), inf, &v, &err));
	ck_assert_msg(found == 1, "%s", id);
	ck_assert_uint_eq(v.type, REG_BINARY);
	ck_assert_uint_eq(v.len, 4);
	ck_assert_mem_eq(v.data, bytes, 4);
}

START_TEST(vmci_as_windows_wrote_it)
{
	static const struct diff package_differences[] = {
		{"", "ImportDate", "Windows' clock; we take the day of DriverVer"},
		{"", "OemPath", "where the installer had it; we name the driver store"},
		{"", "Version", "the data's INF is a later release, 9.8.18.0"},
		{"\\Properties", NULL, "ids of the submission, from the catalog's attributes"},
		{0}};
	static const struct diff inf_differences[] = {
		{"", "", "the package's name has another hash"},
		{"", "Active", "the package's name has another hash"}, {0}};
	static const struct diff service_differences[] = {
		{"", "Tag", "the service manager gives it when it starts"},
		{"", "vwdk.installers", "VMware's installer wrote MSI over it"}, {0}};
	static const struct diff none[] = {{0}};
	struct guest real, g;
	hive_guest_init(&real, REAL);
	hive_guest_init(&g, REAL);
	struct pack_set *packs = open_pack("vmware_vmci_9.8.18.0", "vmci");
	forget_vmci(&g);
	inject(&g, vmci_devices, packs);
	struct hive *a = real.hives[HIVE_SYSTEM].h, *b = g.hives[HIVE_SYSTEM].h;
	/* The lowest number that is free again is the one that Windows gave. */
	CLEANUP_FREE char *theirs = active_package(a, "oem2.inf"),
			  *ours = active_package(b, "oem2.inf");
	ck_assert_ptr_nonnull(ours);
	CLEANUP_FREE char *their_key = xasprintf(DB "\\DriverPackages\\%s", theirs);
	CLEANUP_FREE char *our_key = xasprintf(DB "\\DriverPackages\\%s", ours);
	ck_assert_uint_ge(compare(a, their_key, b, our_key, package_differences), 30);
	compare(a, DB "\\DriverInfFiles\\oem2.inf", b, DB "\\DriverInfFiles\\oem2.inf",
		inf_differences);
	compare(a, "ControlSet001\\Services\\vmci", b, "ControlSet001\\Services\\vmci",
		service_differences);
	compare(a, "ControlSet001\\Services\\EventLog\\System\\vmci", b,
		"ControlSet001\\Services\\EventLog\\System\\vmci", none);
	static const char *const ids[] = {"PCI\\VEN_15AD&DEV_0740",
		"PCI\\VEN_15AD&DEV_0740&SUBSYS_074015AD", "ROOT\\VMWVMCIHOSTDEV"};
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		CLEANUP_FREE char *key = xasprintf(DB "\\DeviceIds\\%s", ids[i]);
		compare(a, key, b, key, none);
	}
	expect_id(b, ids[0], "oem2.inf", "\2\xff\0\0");
	expect_id(b, ids[1], "oem2.inf", "\1\xff\0\0");
	/* The class key: the same values, but those of the other VMware packages. */
	CLEANUP_REG_VALUE struct reg_value claim = {0}, map = {0};
	int found = 0;
	ck_ok(found = hive_get(b,
		      hive_find(b, hive_root(b),
			      DB "\\DeviceIds\\{4d36e97d-e325-11ce-bfc1-08002be10318}"),
		      "oem2.inf", &claim, &err));
	ck_assert_int_eq(found, 1);
	ck_assert_uint_eq(claim.type, REG_NONE);
	ck_assert_uint_eq(claim.len, 0);
	ck_ok(found = hive_get(b, hive_find(b, hive_root(b), DB), "OemInfMap", &map, &err));
	ck_assert_uint_eq(map.data[0] & 0x20, 0x20);
	pack_set_free(packs);
	hive_guest_done(&g);
	hive_guest_done(&real);
}
END_TEST

/* 10/29/2021, 9.8.18.0: bytes as in 858 packages of real hives. */
START_TEST(version_bytes)
{
	static const uint8_t want[DRIVER_VERSION_SIZE] = {0x00, 0xff, 0x09, 0, 0, 0, 0, 0, 0x7b,
		0xe9, 0x36, 0x4d, 0x25, 0xe3, 0xce, 0x11, 0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03,
		0x18, 0x00, 0xc0, 0xb6, 0x19, 0x2f, 0x3a, 0xd7, 0x01, 0x00, 0x00, 0x11, 0x00, 0x03,
		0x00, 0x01, 0x00};
	uint8_t got[DRIVER_VERSION_SIZE];
	struct guid scsi;
	uint64_t date;
	uint16_t version[4];
	struct inf *inf = NULL;
	/* pvscsi of the real hive: its INF said 04/26/2021. */
	const char *text = "[Version]\nDriverVer=04/26/2021,1.3.17.0\n";
	ck_ok(inf_parse(&inf, text, strlen(text), "x.inf", &err));
	ck_assert(inf_driver_version(inf, &date, version));
	ck_assert(guid_parse("{4D36E97B-E325-11CE-BFC1-08002BE10318}", &scsi));
	driver_version_blob(got, INF_AMD64, &scsi, date, version);
	ck_assert_mem_eq(got, want, sizeof(want));
	inf_free(inf);
}
END_TEST

/* In the real hive pvscsi is staged only: that is completed beside it, and its claim dropped. */
START_TEST(pvscsi_is_completed)
{
	static const struct diff package_differences[] = {
		{"", "", "a number of its own: the real one is of another provider's package"},
		{"", "ImportDate", "Windows' clock; we take the day of DriverVer"},
		{"", "OemPath", "where the installer had it; we name the driver store"},
		{"", "Version", "the data's INF is a later release, 1.3.28.0"},
		{"", "Provider", "the later release is of Broadcom Inc."},
		{"", "StatusFlags", "0x112 is staged; ours is installed"},
		{"\\Configurations", NULL, "staged packages have none"},
		{"\\Descriptors", NULL, "staged packages have none"},
		{"\\Strings", NULL, "staged packages have none"},
		{"\\Properties", NULL, "ids of the submission, from the catalog's attributes"},
		{0}};
	struct guest real, g;
	hive_guest_init(&real, REAL);
	hive_guest_init(&g, REAL);
	struct pack_set *packs = open_pack("vmware_pvscsi_1.3.28.0", "pvscsi");
	g.build = 20348; /* which the INF asks for */
	g.product_type = INF_PRODUCT_SERVER;
	inject(&g, pvscsi_devices, packs);
	struct hive *a = real.hives[HIVE_SYSTEM].h, *b = g.hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *theirs = active_package(a, "oem5.inf"),
			  *ours = active_package(b, "oem9.inf");
	ck_assert_ptr_nonnull(ours); /* OemInfMap: ff 80, the first free one is 9 */
	CLEANUP_FREE char *their_key = xasprintf(DB "\\DriverPackages\\%s", theirs);
	CLEANUP_FREE char *our_key = xasprintf(DB "\\DriverPackages\\%s", ours);
	compare(a, their_key, b, our_key, package_differences);
	expect_id(b, "PCI\\VEN_15AD&DEV_07C0", "oem9.inf", "\1\xff\0\0");
	CLEANUP_REG_VALUE struct reg_value v = {0};
	int found = 0;
	ck_ok(found = hive_get(b,
		      hive_find(b, hive_root(b), DB "\\DeviceIds\\PCI\\VEN_15AD&DEV_07C0"),
		      "oem5.inf", &v, &err));
	ck_assert_int_eq(found, 0);
	pack_set_free(packs);
	hive_guest_done(&g);
	hive_guest_done(&real);
}
END_TEST

/* What hivexregedit reads of it: lines that a person checked against facts 1.4.3 and 1.4.4. */
START_TEST(pvscsi_by_another_reader)
{
	static const char *const lines[] = {"\"oem9.inf\"=hex(3):01,ff,00,00",
		"\"OemInfMap\"=hex(3):ff,c0",
		"\"Version\"=hex(3):00,ff,09,00,00,00,00,00,7b,e9,36,4d,25,e3,ce,11,bf,c1,08,00,2b,"
		"e1,03,18,00,80,64,79,a4,b7,da,01,00,00,1c,00,03,00,01,00,00,00,00,00,00,00,00,00",
		"\"Configuration\"=str(1):\"DDInstall.NT\"",
		"\"IncludedInfs\"=hex(7):70,00,63,00,69,00,2e,00,69,00,6e,00,66,00,00,00,00,00",
		"\"ImagePath\"=str(2):\"System32\\drivers\\pvscsi.sys\"",
		"\"DisplayName\"=str(1):\"@oem9.inf,%pvscsi.DiskName%;pvscsi Storage Controller Driver\"",
		"\"Group\"=str(1):\"SCSI Miniport\"", "\"MSISupported\"=dword:00000001",
		"\"BusType\"=dword:0000000a"};
	struct guest g;
	uint8_t *data = NULL;
	size_t size;
	hive_guest_init(&g, REAL);
	struct pack_set *packs = open_pack("vmware_pvscsi_1.3.28.0", "pvscsi");
	g.build = 20348;
	inject(&g, pvscsi_devices, packs);
	CLEANUP_FREE char *path = xasprintf("%s/injected", unit_tmp());
	ck_ok(hive_save(g.hives[HIVE_SYSTEM].h, &data, &size, &err));
	ck_ok(file_write_atomic(path, data, size, 0600, &err));
	free(data);
	ck_assert_int_eq(
		unit_run("for k in DriverDatabase ControlSet001; do hivexregedit --export "
			 "--unsafe-printable-strings '%s' \"\\\\$k\" 2>/dev/null; done >'%s.reg'",
			path, path),
		0);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		CLEANUP_FREE char *list = xasprintf("%s.line", path);
		ck_ok(file_write_atomic(list, lines[i], strlen(lines[i]), 0600, &err));
		ck_assert_msg(unit_run("grep -a -q -x -F -f '%s' '%s.reg'", list, path) == 0, "%s",
			lines[i]);
	}
	pack_set_free(packs);
	hive_guest_done(&g);
}
END_TEST

UNIT_MAIN("inject-oracle", vmci_as_windows_wrote_it, version_bytes, pvscsi_is_completed,
	pvscsi_by_another_reader)
