/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must survive a strip, whatever the source: components of Windows and products of other vendors that
 * look like a hypervisor's tools. Names: facts windows-and-peers 0.1, 1.3.1, 1.3.3, 1.3.10; ips 4.
 */
#include "unit.h"

#include <string.h>
#include <strings.h>

#include "hive-guest.h"
#include "made-guest.h"
#include "mem.h"
#include "strip.h"

#define CV  "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\"
#define WOW "SOFTWARE\\Wow6432Node\\"

static const struct step *const strip_steps[] = {
	&step_filters, &step_services, &step_packages, &step_software};

/* Hyper-V's, Windows' own, Citrix' VDA, PVS and MCS, VMware's Horizon, Carbon Black, others' filters. */
static const char *const services[] = {"vmbus", "VMBusHID", "vmbusr", "vmgid", "gencounter",
	"vmgencounter", "vmstorfl", "storflt", "vms3cap", "s3cap", "vmicheartbeat",
	"vmickvpexchange", "vmicrdv", "vmicshutdown", "vmictimesync", "vmicvmsession", "vmicvss",
	"vmicguestinterface", "vmcompute", "vmms", "vmwp", "gcs", "WmiApSrv", "XEN", "storvsc",
	"netvsc", "stornvme", "storahci", "LSI_SAS", "e1iexpress", "vmsmp", "vmsp", "vpci",
	"hyperkbd", "HyperVideo",
	/* Citrix */
	"BrokerAgent", "CtxSvcHost", "CtxSmartCardSvc", "CtxUsbMon", "CtxAudioService", "picadd",
	"picadm", "picaser", "picavc", "ctxusbm", "ctxdvcs", "PorticaService",
	"CitrixTelemetryService", "CVhdFilter", "bnistack", "bnistack6", "BNDevice", "CFsDep2",
	"CVhdMp", "WemAgentSvc", "Norskale Agent Host Service", "CitrixUPMService",
	"UserProfileManager", "xenappmon",
	/* others */
	"WSNM", "vmwvusb", "vmwicpdr", "CbDefense", "cbstream", "svservice", "vmware-view-usbd",
	"VMnetDHCP", "VMUSBArbService", "VBoxNetAdp", "VBoxUSBMon", "VBoxDrv", "AmazonInspector",
	"GoogleUpdate", "gupdate", "firstboot", "enact", "ena2"};

static const struct made_row others[] = {
	ROW_LIST("CCS\\Control\\Class\\{4d36e967-e325-11ce-bfc1-08002be10318}", "LowerFilters",
		"EhStorClass|vmstorfl|CVhdFilter"),
	ROW_LIST("CCS\\Control\\Class\\{4d36e96f-e325-11ce-bfc1-08002be10318}", "UpperFilters",
		"mouclass|picamouf"),
	ROW_LIST("CCS\\Enum\\PCI\\VEN_15AD&DEV_0790\\3&1", "UpperFilters", "vmgid|xenfilt2"),
	ROW_TEXT("CCS\\Control\\NetworkProvider\\Order", "ProviderOrder",
		"PICAClientNetwork,RDPNP,LanmanWorkstation,webclient,vmhgfsd"),
	ROW_TEXT("CCS\\Services\\W32Time\\TimeProviders\\VMICTimeProvider", "DllName", "x"),
	ROW_TEXT("CCS\\Services\\W32Time\\Parameters", "NtpServer", "time.windows.com,0x9"),
	ROW_TEXT("CCS\\Services\\EventLog\\Application\\VMware Horizon", "EventMessageFile", "x"),
	ROW_TEXT("CCS\\Control\\Video\\{1}\\Video", "Service", "HyperVideo"),
	/* one half of a package's identity is not enough */
	ROW_TEXT("SYSTEM\\DriverDatabase\\DriverPackages\\a", "", "oem1.inf"),
	ROW_TEXT("SYSTEM\\DriverDatabase\\DriverPackages\\a", "InfName", "vmwvusb.inf"),
	ROW_TEXT("SYSTEM\\DriverDatabase\\DriverPackages\\a", "Provider", "VMware, Inc."),
	ROW_TEXT("SYSTEM\\DriverDatabase\\DriverPackages\\b", "", "oem2.inf"),
	ROW_TEXT("SYSTEM\\DriverDatabase\\DriverPackages\\b", "InfName", "smbus.inf"),
	ROW_TEXT("SYSTEM\\DriverDatabase\\DriverPackages\\b", "Provider", "Intel"),
	ROW_TEXT("SYSTEM\\DriverDatabase\\DriverPackages\\c", "", "oem3.inf"),
	ROW_TEXT("SYSTEM\\DriverDatabase\\DriverPackages\\c", "InfName", "ctxusbm.inf"),
	ROW_TEXT("SYSTEM\\DriverDatabase\\DriverPackages\\c", "Provider", "Citrix Systems, Inc."),
	ROW_TEXT("SYSTEM\\DriverDatabase\\DriverPackages\\d", "", "vmxnet3.inf"),
	ROW_TEXT("SYSTEM\\DriverDatabase\\DriverPackages\\d", "InfName", "vmxnet3.inf"),
	ROW_TEXT("SYSTEM\\DriverDatabase\\DriverPackages\\d", "Provider", "VMware, Inc."),
	/* programs */
	ROW_TEXT(CV "Uninstall\\{1}", "DisplayName", "VMware Carbon Black sensor"),
	ROW_TEXT(CV "Uninstall\\{2}", "DisplayName", "VMware Horizon Agent"),
	ROW_TEXT(CV "Uninstall\\{3}", "DisplayName", "VMware Tools for Developers"),
	ROW_TEXT(CV "Uninstall\\{4}", "DisplayName", "Citrix Virtual Apps and Desktops 7 - VDA"),
	ROW_TEXT(CV "Uninstall\\{5}", "DisplayName", "Citrix Workspace 2402"),
	ROW_TEXT(CV "Uninstall\\{6}", "DisplayName", "Citrix Provisioning Target Device x64"),
	ROW_TEXT(CV "Uninstall\\{7}", "DisplayName", "Machine Identity Service Agent"),
	ROW_TEXT(CV "Uninstall\\{8}", "DisplayName", "Citrix XenCenter"),
	ROW_TEXT(CV "Uninstall\\{9}", "DisplayName", "Oracle VM VirtualBox 7.0.10"),
	ROW_TEXT(CV "Uninstall\\{a}", "DisplayName", "AWS Tools for Windows"),
	ROW_TEXT(CV "Uninstall\\{b}", "DisplayName", "Google Chrome"),
	ROW_TEXT(CV "Uninstall\\{c}", "DisplayName", "WinFsp 2023"),
	ROW_TEXT(WOW "Microsoft\\Windows\\CurrentVersion\\Uninstall\\{d}", "DisplayName",
		"vmware tools 2"),
	ROW_NUMBER(CV "Uninstall\\{e}", "DisplayName", 1),
	ROW_TEXT("SOFTWARE\\VMware, Inc.\\VMware VDM", "x", "x"),
	ROW_TEXT("SOFTWARE\\VMware, Inc.\\VMware Tools Extra", "x", "x"),
	ROW_TEXT("SOFTWARE\\Citrix\\VirtualDesktopAgent", "ListOfDDCs", "x"),
	ROW_TEXT("SOFTWARE\\Citrix\\XenToolsX", "x", "x"),
	ROW_TEXT(WOW "Citrix\\Install", "x", "x"),
	ROW_TEXT("SOFTWARE\\Oracle\\VirtualBox", "x", "x"),
	ROW_TEXT("SOFTWARE\\Google\\Chrome", "x", "x"),
	ROW_TEXT("SOFTWARE\\Amazon\\AWSCLI", "x", "x"),
	ROW_TEXT(CV "Run", "VMware Horizon", "x"),
	ROW_TEXT(CV "Run", "Redirector", "x"),
	ROW_TEXT(
		"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Schedule\\TaskCache\\Tree\\GCEStartup2",
		"Id", "{A1B2C3D4-0000-4000-8000-0000000000F1}"),
	{0},
};

static void add_services(struct guest *g)
{
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		CLEANUP_FREE char *key = xasprintf("CCS\\Services\\%s", services[i]);
		const struct made_row rows[] = {ROW_NUMBER(key, "Start", 3),
			ROW_TEXT(key, "ImagePath", "System32\\drivers\\x.sys"), {0}};
		made_guest_add(g, rows);
	}
}

/* No strip step plans anything. */
static void check_untouched(struct guest *g, const struct platform *from)
{
	for (const struct platform *to = platforms; to->name; to++) {
		struct plan plan = {0};
		struct prep p = {.guest = g, .from = from, .to = to, .plan = &plan};
		if (!to->is_target || to == from)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(strip_steps); i++) {
			plan.step = strip_steps[i]->name;
			ck_ok(strip_steps[i]->plan(&p, &err));
		}
		CLEANUP_FREE char *text = plan_to_text(&plan);
		ck_assert_msg(plan.n == 0, "%s to %s:\n%s", from->name, to->name, text);
		plan_done(&plan);
	}
}

START_TEST(look_alikes_survive_every_source)
{
	struct guest g;
	made_guest_init(&g);
	made_guest_add(&g, others);
	add_services(&g);
	for (const struct platform *from = platforms; from->name; from++)
		check_untouched(&g, from);
	made_guest_done(&g);
}
END_TEST

/* A name of a list that an in-box package owns: noted, not touched. */
START_TEST(what_windows_owns_survives_its_name)
{
	static const struct made_row rows[] = {
		ROW_NUMBER("CCS\\Services\\vmxnet3", "Start", 3),
		ROW_LIST("CCS\\Services\\vmxnet3", "Owners", "netvmxnet3.inf"),
		ROW_NUMBER("CCS\\Services\\pvscsi", "Start", 0),
		ROW_LIST("CCS\\Services\\pvscsi", "Owners", "oem5.inf|pvscsi.inf"),
		{0},
	};
	struct guest g;
	made_guest_init(&g);
	made_guest_add(&g, rows);
	check_untouched(&g, platform_find("vsphere"));
	made_guest_done(&g);
}
END_TEST

/* The real hive of a VMware guest has nothing that another platform's lists name. */
START_TEST(real_hives_survive_foreign_lists)
{
	static const char *const hives[] = {
		"win10-19041-vmware-efi.SYSTEM", "win7-x86-vmware.SYSTEM"};
	for (size_t i = 0; i < ARRAY_SIZE(hives); i++) {
		struct guest g;
		hive_guest_init(&g, hives[i]);
		for (const struct platform *from = platforms; from->name; from++)
			if (strcmp(from->name, "vsphere") != 0)
				check_untouched(&g, from);
		hive_guest_done(&g);
	}
}
END_TEST

/* In the real hive, a service that the lists name is VMware's by its package or its program. */
START_TEST(real_services_of_the_list_are_vmwares)
{
	struct guest g;
	hive_guest_init(&g, "win10-19041-vmware-efi.SYSTEM");
	struct hive *h = g.hives[HIVE_SYSTEM].h;
	struct prep p = {.guest = &g, .from = platform_find("vsphere"), .to = platform_find("kvm")};
	CLEANUP_CHILDREN struct hive_children all = {0};
	size_t listed = 0, inbox = 0;
	ck_ok(hive_children(h, hive_find(h, hive_root(h), "ControlSet001\\Services"), &all, &err));
	for (size_t i = 0; i < all.n; i++) {
		CLEANUP_REG_VALUE struct reg_value v = {0};
		int has = 0;
		ck_ok(has = hive_get(h, all.v[i].node, "Owners", &v, &err));
		char **owners = has ? reg_texts(&v) : NULL;
		bool ours = strip_find_service(&p, all.v[i].name);
		bool windows = false;
		for (size_t k = 0; owners && owners[k]; k++)
			windows = windows || strncasecmp(owners[k], "oem", 3) != 0;
		ck_assert_msg(!ours || !windows, "%s", all.v[i].name);
		listed += ours;
		inbox += windows;
		reg_texts_free(owners);
	}
	ck_assert_uint_ge(listed, 12);
	ck_assert_uint_ge(inbox, 200);
	hive_guest_done(&g);
}
END_TEST

UNIT_MAIN("strip-lookalikes", look_alikes_survive_every_source, what_windows_owns_survives_its_name,
	real_hives_survive_foreign_lists, real_services_of_the_list_are_vmwares)
