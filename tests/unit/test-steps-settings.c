/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Page files and settings, on real SYSTEM hives that are bent into the states in question. What came of
 * it is read by hivexregedit, too.
 */
#include "ntfs-write-util.h"
#include "plan-notes.h"

#include "hive-guest.h"
#include "io.h"
#include "prepare.h"

#define REAL	 "win10-19041-vmware-efi.SYSTEM"
#define TWO_SETS "win7-x86-vmware.SYSTEM" /* a registry with two control sets */

#define MEMORY "Control\\Session Manager\\Memory Management"
#define RULES  "Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules"

struct fixture {
	struct guest g;
	struct plan plan;
	struct prepare_request request;
	struct prep p;
};

static void begin(struct fixture *f, const char *hive, const char *from, const char *to)
{
	*f = (struct fixture){0};
	hive_guest_init(&f->g, hive);
	f->p = (struct prep){.guest = &f->g,
		.from = from ? platform_find(from) : NULL,
		.to = platform_find(to),
		.request = &f->request,
		.plan = &f->plan};
}

static void end(struct fixture *f)
{
	plan_done(&f->plan);
	hive_guest_done(&f->g);
}

/* Plans from nothing: what was planned before is done. */
static void rerun(struct fixture *f, const struct step *step)
{
	plan_done(&f->plan);
	hive_guest_run(&f->p, step);
}

static struct hive *hive_of(struct fixture *f)
{
	return f->g.hives[HIVE_SYSTEM].h;
}

static hive_node node_of(struct fixture *f, unsigned set, const char *key)
{
	return hive_findf(hive_of(f), hive_root(hive_of(f)), "ControlSet%03u\\%s", set, key);
}

static void put(struct fixture *f, const char *key, const char *name, struct reg_value v)
{
	hive_node node;
	ck_ok(hive_make(hive_of(f), hive_root(hive_of(f)), key, &node, &err));
	ck_ok(hive_set(hive_of(f), node, name, &v, &err));
	reg_value_done(&v);
}

static void put_set(
	struct fixture *f, unsigned set, const char *key, const char *name, struct reg_value v)
{
	CLEANUP_FREE char *full = xasprintf("ControlSet%03u\\%s", set, key);
	put(f, full, name, v);
}

static void set_paging(struct fixture *f, unsigned set, const char *a, const char *b)
{
	put_set(f, set, MEMORY, "PagingFiles", reg_multi_sz((const char *const[]){a, b, NULL}));
}

/* The value as a person reads it: 'multi-sz "C:\\pagefile.sys 0 0"'; "" where there is none. */
static const char *value_of(struct fixture *f, hive_node node, const char *name)
{
	static char *text;
	CLEANUP_REG_VALUE struct reg_value v = {0};
	int found = 0;
	ck_ok(found = hive_get(hive_of(f), node, name, &v, &err));
	free(text);
	text = found ? reg_value_describe(&v) : xstrdup("");
	return text;
}

static const char *paging(struct fixture *f, unsigned set)
{
	return value_of(f, node_of(f, set, MEMORY), "PagingFiles");
}

/* ---- page files ---- */

START_TEST(automatic_page_file_is_left_alone)
{
	struct fixture f;
	begin(&f, REAL, "vsphere", "gcp");
	rerun(&f, &step_pagefile);
	ck_assert_uint_eq(f.plan.n, 0);
	f.p.to = platform_find("azure");
	rerun(&f, &step_pagefile);
	ck_assert_uint_eq(f.plan.n, 0);
	set_paging(&f, 1, "C:\\pagefile.sys 4096 8192", NULL);
	rerun(&f, &step_pagefile);
	ck_assert_uint_eq(f.plan.n, 0);
	end(&f);
}
END_TEST

/* MountedDevices of a disk nobody has here, as a temporary disk's are. */
static void letter_of_other_disk(struct fixture *f, const char *letter)
{
	put(f, "MountedDevices", letter, reg_binary("\x11\x22\x33\x44\0\0\x10\0\0\0\0\0", 12));
}

START_TEST(leaving_azure_brings_the_page_file_back)
{
	struct fixture f;
	begin(&f, TWO_SETS, "azure", "vsphere");
	letter_of_other_disk(&f, "\\DosDevices\\D:");
	for (unsigned set = 1; set <= 2; set++)
		set_paging(&f, set, "D:\\pagefile.sys", NULL);
	put_set(&f, 2, MEMORY, "TempPageFile", reg_dword(1));
	put_set(&f, 2, MEMORY, "ExistingPageFiles",
		reg_multi_sz((const char *const[]){"\\??\\D:\\pagefile.sys", NULL}));
	rerun(&f, &step_pagefile);
	for (unsigned set = 1; set <= 2; set++)
		ck_assert_str_eq(paging(&f, set), "multi-sz \"C:\\pagefile.sys 0 0\"");
	ck_assert_str_eq(value_of(&f, node_of(&f, 2, MEMORY), "TempPageFile"), "");
	ck_assert_str_eq(value_of(&f, node_of(&f, 2, MEMORY), "ExistingPageFiles"), "");
	/* One that Azure's user keeps on the system drive stays, with its sizes. */
	set_paging(&f, 1, "D:\\pagefile.sys", "c:\\pagefile.sys 1024 1024");
	rerun(&f, &step_pagefile);
	ck_assert_str_eq(paging(&f, 1), "multi-sz \"c:\\pagefile.sys 1024 1024\"");
	end(&f);
}
END_TEST

START_TEST(page_files_of_other_disks_are_told_apart)
{
	struct fixture f;
	begin(&f, REAL, "vsphere", "gcp");
	letter_of_other_disk(&f, "\\DosDevices\\E:");
	set_paging(&f, 1, "E:\\pagefile.sys 1 2", NULL);
	rerun(&f, &step_pagefile); /* a data disk, which may come along */
	ck_assert_uint_eq(f.plan.n, 0);
	ck_assert(plan_notes_have(&f.plan, "E:\\pagefile.sys"));
	set_paging(&f, 1, "F:\\pagefile.sys 1 2", NULL);
	rerun(&f, &step_pagefile); /* no such drive at all */
	ck_assert_str_eq(paging(&f, 1), "multi-sz \"C:\\pagefile.sys 0 0\"");
	/* Azure to Azure, and as Azure's instructions want it before the disk is uploaded. */
	set_paging(&f, 1, "D:\\pagefile.sys", NULL);
	f.p.to = platform_find("azure");
	rerun(&f, &step_pagefile);
	ck_assert_uint_eq(f.plan.n, 0);
	end(&f);
}
END_TEST

START_TEST(page_file_goes_where_it_was_asked_for)
{
	struct fixture f;
	begin(&f, REAL, "vsphere", "azure");
	f.request.pagefile = PAGEFILE_TEMPORARY_DISK;
	rerun(&f, &step_pagefile); /* D: is a CD-ROM drive: the letter is made free */
	ck_assert_str_eq(paging(&f, 1), "multi-sz \"D:\\pagefile.sys\"");
	ck_assert(plan_notes_have(&f.plan, "no memory dumps"));
	letter_of_other_disk(&f, "\\DosDevices\\D:");
	rerun(&f, &step_pagefile); /* D: is somebody's data */
	ck_assert_str_eq(paging(&f, 1), "multi-sz \"C:\\pagefile.sys 0 0\"");
	ck_assert(plan_notes_have(&f.plan, "not the temporary disk's letter"));
	f.request.pagefile = PAGEFILE_NONE;
	rerun(&f, &step_pagefile);
	ck_assert_str_eq(paging(&f, 1), "multi-sz");
	f.request.pagefile = PAGEFILE_SYSTEM;
	rerun(&f, &step_pagefile);
	ck_assert_str_eq(paging(&f, 1), "multi-sz \"C:\\pagefile.sys 0 0\"");
	f.request.pagefile = PAGEFILE_TEMPORARY_DISK;
	f.p.to = platform_find("gcp");
	ck_fails(step_pagefile.plan(&f.p, &err), ERR_INVALID_FIELD, "Google Cloud");
	end(&f);
}
END_TEST

/* A page file of 1 GiB costs its bits in $Bitmap and nothing more. */
START_TEST(old_files_go_cheaply)
{
	struct fixture f;
	struct changing c;
	CLEANUP_RANGES struct ranges changed = {0};
	const char *image = tmp("volume");
	ntfs_tool_make(image, 4096 * MiB, 4096, 512);
	uint64_t free_before = ntfs_tool_free_clusters(image);
	ntfs_tool_reserve(image, "/pagefile.sys", GiB);
	ntfs_tool_file(image, "/swapfile.sys", 1 * MiB);
	ntfs_tool_mkdir(image, "/hiberfil.sys"); /* nothing that Windows makes */
	begin(&f, REAL, "vsphere", "gcp");
	ck_ok(change_try(&c, image, 0, &err));
	f.g.volume = c.v;
	f.plan.step = "pagefile";
	ck_ok(step_pagefile.plan(&f.p, &err));
	ck_assert_uint_eq(f.plan.n, 2);
	for (size_t i = 0; i < f.plan.n; i++) {
		ck_assert_int_eq(f.plan.v[i].kind, ACT_FILE_DELETE);
		delete_path(&c, f.plan.v[i].path);
	}
	plan_done(&f.plan);
	ck_ok(step_pagefile.plan(&f.p, &err));
	ck_assert_uint_eq(f.plan.n, 0);
	ck_ok(ntfs_volume_sync(c.v, &err));
	overlay_changed(c.overlay, &changed);
	ck_assert_uint_lt(ranges_total(&changed), 256 * KiB);
	struct op op = {0};
	struct disk *target = NULL;
	ck_ok(disk_open(&target, image, DISK_OPEN_WRITE, &err));
	ck_ok(overlay_commit(c.overlay, target, &op, &err));
	disk_close(target);
	change_drop(&c);
	/* All but what the volume's own files grew by. */
	ck_assert_uint_gt(ntfs_tool_free_clusters(image) + 64, free_before);
	ck_assert_int_eq(unit_run("ntfsfix -n '%s' >/dev/null", image), 0);
	end(&f);
}
END_TEST

/* ---- settings ---- */

/* The hive as text, in a form in which every line of a value names its key: by hivexregedit and awk. */
static void export(struct fixture *f, const char *name)
{
	CLEANUP_FREE uint8_t *data = NULL;
	size_t size;
	CLEANUP_FREE char *path = xasprintf("%s/%s", unit_tmp(), name);
	ck_ok(hive_save(hive_of(f), &data, &size, &err));
	ck_ok(file_write_atomic(path, data, size, 0600, &err));
	ck_assert_int_eq(
		unit_run("hivexregedit --export --unsafe-printable-strings '%s' '\\' 2>/dev/null | "
			 "awk '/^\\[/ { key = $0; next } NF { print key \" \" $0 }' > '%s.txt'",
			path, path),
		0);
}

#define S "[\\ControlSet001\\"
static const char all_changes[] =
	"< [\\MountedDevices] \"\\\\DosDevices\\\\D:\"=hex(3):5c,00,3f,00,3f,00,5c,00\n" /* "\??\" */
	"> " S "Control\\CrashControl] \"NMICrashDump\"=dword:00000001\n"
	"> " S "Control\\Power\\User\\PowerSchemes\\8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c\\"
	"7516b95f-f776-4464-8c53-06167f40cc99\\3c0bc021-c8a8-4e07-a973-6b14cbcb2b7e] "
	"\"ACSettingIndex\"=dword:00000000\n"
	"< " S "Control\\Session Manager\\Power] \"HiberbootEnabled\"=dword:00000001\n"
	"> " S "Control\\Session Manager\\Power] \"HiberbootEnabled\"=dword:00000000\n"
	"< " S
	"Control\\Terminal Server\\WinStations\\RDP-Tcp] \"KeepAliveTimeout\"=dword:00000000\n"
	"> " S
	"Control\\Terminal Server\\WinStations\\RDP-Tcp] \"KeepAliveTimeout\"=dword:00000001\n"
	"< " S
	"Control\\Terminal Server\\WinStations\\RDP-Tcp] \"MinEncryptionLevel\"=dword:00000002\n"
	"> " S
	"Control\\Terminal Server\\WinStations\\RDP-Tcp] \"MinEncryptionLevel\"=dword:00000003\n"
	"< " S "Control\\Terminal Server] \"fDenyTSConnections\"=dword:00000001\n"
	"> " S "Control\\Terminal Server] \"fDenyTSConnections\"=dword:00000000\n"
	"> " S "Control\\TimeZoneInformation] \"RealTimeIsUniversal\"=dword:00000001\n"
	"< " S "Services\\IKEEXT] \"Start\"=dword:00000003\n"
	"> " S "Services\\IKEEXT] \"Start\"=dword:00000002\n"
	"< " S "Services\\RemoteRegistry] \"Start\"=dword:00000004\n"
	"> " S "Services\\RemoteRegistry] \"Start\"=dword:00000002\n"
	"< " S
	"Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules] \"FPS-ICMP4-ERQ-In\"=str(1):\"v2.30|Action=Allow|Active=FALSE|Dir=In\n"
	"> " S
	"Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules] \"FPS-ICMP4-ERQ-In\"=str(1):\"v2.30|Action=Allow|Active=TRUE|Dir=In\n"
	"< " S
	"Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules] \"RemoteDesktop-UserMode-In-TCP\"=str(1):\"v2.30|Action=Allow|Active=FALSE|Dir=In\n"
	"< " S
	"Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules] \"RemoteDesktop-UserMode-In-UDP\"=str(1):\"v2.30|Action=Allow|Active=FALSE|Dir=In\n"
	"> " S
	"Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules] \"RemoteDesktop-UserMode-In-TCP\"=str(1):\"v2.30|Action=Allow|Active=TRUE|Dir=In\n"
	"> " S
	"Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules] \"RemoteDesktop-UserMode-In-UDP\"=str(1):\"v2.30|Action=Allow|Active=TRUE|Dir=In\n";
#undef S

/* Everything that differs after a Windows on VMware was made ready for Azure with Remote Desktop. */
START_TEST(nothing_else_changes)
{
	struct fixture f;
	begin(&f, REAL, "vsphere", "azure");
	f.request.enable_rdp = true;
	export(&f, "before");
	hive_guest_run(&f.p, &step_settings);
	export(&f, "after");
	CLEANUP_FREE char *expected = xasprintf("%s/expected", unit_tmp());
	ck_ok(file_write_atomic(expected, all_changes, strlen(all_changes), 0600, &err));
	ck_assert_int_eq(
		unit_run("cd '%s' && diff before.txt after.txt | grep -a '^[<>]' | "
			 "sed -E 's/(hex.3.:5c,00,3f,00,3f,00,5c,00).*/\\1/; s/Dir=In.*/Dir=In/' | "
			 "LC_ALL=C sort -k 2 > got; LC_ALL=C sort -k 2 expected | diff - got >&2",
			unit_tmp()),
		0);
	end(&f);
}
END_TEST

START_TEST(clock_follows_the_platforms)
{
	struct fixture f;
	static const char zone[] = "Control\\TimeZoneInformation";
	begin(&f, TWO_SETS, "vsphere", "gcp");
	rerun(&f, &step_settings);
	for (unsigned set = 1; set <= 2; set++)
		ck_assert_str_eq(
			value_of(&f, node_of(&f, set, zone), "RealTimeIsUniversal"), "dword 0x1");
	f.p.to = platform_find("aws"); /* from UTC to UTC */
	f.p.from = platform_find("gcp");
	rerun(&f, &step_settings);
	ck_assert_str_eq(value_of(&f, node_of(&f, 2, zone), "RealTimeIsUniversal"), "dword 0x1");
	f.p.from = platform_find("kvm"); /* somebody's own choice */
	f.p.to = platform_find("vsphere");
	rerun(&f, &step_settings);
	ck_assert_str_eq(value_of(&f, node_of(&f, 2, zone), "RealTimeIsUniversal"), "dword 0x1");
	ck_assert(plan_notes_have(&f.plan, "RealTimeIsUniversal"));
	f.p.from = platform_find("gcp");
	rerun(&f, &step_settings);
	for (unsigned set = 1; set <= 2; set++)
		ck_assert_str_eq(value_of(&f, node_of(&f, set, zone), "RealTimeIsUniversal"), "");
	end(&f);
}
END_TEST

START_TEST(what_somebody_set_stays)
{
	struct fixture f;
	begin(&f, REAL, "vsphere", "azure");
	put_set(&f, 1, "Control\\CrashControl", "CrashDumpEnabled", reg_dword(0));
	put_set(&f, 1, "Control\\CrashControl", "AutoReboot", reg_dword(0));
	put_set(&f, 1, "Services\\Netlogon", "Start", reg_dword(2)); /* a member of a domain */
	put_set(&f, 1, "Services\\Netman", "Start", reg_dword(4));
	put_set(&f, 1, "Services\\partmgr\\Parameters", "SanPolicy", reg_dword(3));
	rerun(&f, &step_settings);
	hive_node crash = node_of(&f, 1, "Control\\CrashControl");
	ck_assert_str_eq(value_of(&f, crash, "CrashDumpEnabled"), "dword 0x0");
	ck_assert_str_eq(value_of(&f, crash, "AutoReboot"), "dword 0x0");
	ck_assert_str_eq(value_of(&f, node_of(&f, 1, "Services\\Netlogon"), "Start"), "dword 0x2");
	ck_assert_str_eq(value_of(&f, node_of(&f, 1, "Services\\Netman"), "Start"), "dword 0x3");
	ck_assert_str_eq(value_of(&f, node_of(&f, 1, "Services\\partmgr\\Parameters"), "SanPolicy"),
		"dword 0x1");
	/* Without enableRdp nothing of it changes. */
	ck_assert_str_eq(
		value_of(&f, node_of(&f, 1, "Control\\Terminal Server"), "fDenyTSConnections"),
		"dword 0x1");
	ck_assert_ptr_nonnull(strstr(
		value_of(&f, node_of(&f, 1, RULES), "RemoteDesktop-UserMode-In-TCP"), "FALSE"));
	end(&f);
}
END_TEST

START_TEST(odd_firewall_rules_are_left_alone)
{
	struct fixture f;
	static const char *const odd[] = {"v2.30|Action=Block|Active=FALSE|Dir=In|",
		"v2.30|Action=Allow|Active=FALSE|Dir=Out|", "v2.30|Action=Allow|Dir=In|", "", "|||",
		"Active=FALSE"};
	begin(&f, REAL, "vsphere", "kvm");
	f.request.enable_rdp = true;
	rerun(&f, &step_settings);
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		put_set(&f, 1, RULES, "RemoteDesktop-UserMode-In-TCP", reg_sz(odd[i]));
		rerun(&f, &step_settings);
		ck_assert_uint_eq(f.plan.n, 0);
		ck_assert(plan_notes_have(&f.plan, "RemoteDesktop-UserMode-In-TCP"));
	}
	/* Words that only look like it, in other places. */
	put_set(&f, 1, RULES, "RemoteDesktop-UserMode-In-TCP",
		reg_sz("v2.30|Action=Allow|active=false|Dir=In|Name=Active=FALSE"));
	rerun(&f, &step_settings);
	ck_assert_str_eq(value_of(&f, node_of(&f, 1, RULES), "RemoteDesktop-UserMode-In-TCP"),
		"sz \"v2.30|Action=Allow|Active=TRUE|Dir=In|Name=Active=FALSE\"");
	end(&f);
}
END_TEST

START_TEST(policies_that_outrank_are_told)
{
	struct fixture f;
	begin(&f, REAL, "vsphere", "kvm");
	f.request.enable_rdp = true;
	/* Any hive can play SOFTWARE: this one has nothing in the places in question. */
	CLEANUP_FREE uint8_t *data = NULL;
	size_t size;
	hive_node node;
	ck_ok(hive_save(hive_of(&f), &data, &size, &err));
	ck_ok(hive_open(&f.g.hives[HIVE_SOFTWARE].h, data, size, "SOFTWARE", &err));
	struct hive *h = f.g.hives[HIVE_SOFTWARE].h;
	ck_ok(hive_make(h, hive_root(h), "Policies\\Microsoft\\Windows NT\\Terminal Services",
		&node, &err));
	CLEANUP_REG_VALUE struct reg_value one = reg_dword(1);
	ck_ok(hive_set(h, node, "fDenyTSConnections", &one, &err));
	rerun(&f, &step_settings);
	ck_assert(plan_notes_have(&f.plan, "fDenyTSConnections = 1 outranks"));
	ck_assert(!plan_notes_have(&f.plan, "AllowLocalPolicyMerge"));
	/* Its own certificate goes. */
	put_set(&f, 1, "Control\\Terminal Server\\WinStations\\RDP-Tcp", "SSLCertificateSHA1Hash",
		reg_binary("0123456789abcdefghij", 20));
	put_set(&f, 1, "Services\\TermService", "Start", reg_dword(4));
	rerun(&f, &step_settings);
	ck_assert_uint_eq(f.plan.n, 2);
	end(&f);
}
END_TEST

START_TEST(letter_of_the_temporary_disk)
{
	struct fixture f;
	begin(&f, REAL, "hyperv", "azure");
	hive_node mounted = hive_find(hive_of(&f), hive_root(hive_of(&f)), "MountedDevices");
	/* Hyper-V's CD-ROM drive is there on Azure again. */
	static const char device[] =
		"\\??\\SCSI#CdRom&Ven_Msft&Prod_Virtual_DVD-ROM#5&1&0&000001#{}";
	struct reg_value v = reg_sz(device);
	v.type = REG_BINARY;
	v.len -= 2; /* no terminator there */
	put(&f, "MountedDevices", "\\DosDevices\\D:", v);
	rerun(&f, &step_settings);
	ck_assert_str_eq(value_of(&f, mounted, "\\DosDevices\\D:"), "");
	CLEANUP_REG_VALUE struct reg_value moved = {0};
	int found = 0;
	ck_ok(found = hive_get(hive_of(&f), mounted, "\\DosDevices\\Z:", &moved, &err));
	CLEANUP_FREE char *text = found ? reg_text(&moved) : NULL;
	ck_assert_pstr_eq(text, device);
	/* A data volume stays. */
	letter_of_other_disk(&f, "\\DosDevices\\D:");
	rerun(&f, &step_settings);
	ck_assert_uint_eq(f.plan.n, 0);
	ck_assert(plan_notes_have(&f.plan, "belongs to another volume"));
	end(&f);
}
END_TEST

UNIT_MAIN("steps-settings", automatic_page_file_is_left_alone,
	leaving_azure_brings_the_page_file_back, page_files_of_other_disks_are_told_apart,
	page_file_goes_where_it_was_asked_for, old_files_go_cheaply, nothing_else_changes,
	clock_follows_the_platforms, what_somebody_set_stays, odd_firewall_rules_are_left_alone,
	policies_that_outrank_are_told, letter_of_the_temporary_disk)
