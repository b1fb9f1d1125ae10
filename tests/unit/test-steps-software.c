/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tools of a platform leave in SOFTWARE and SYSTEM. Every case fills a guest with what has to stay
 * and what has to go, and one with what stays alone; afterwards both have to be the same, as hivexregedit
 * sees them.
 */
#include "unit.h"

#include <string.h>

#include "hive-guest.h"
#include "made-guest.h"
#include "mem.h"
#include "strip-software.h"

#define CV  "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\"
#define NT  "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\"
#define WOW "SOFTWARE\\Wow6432Node\\"

static void check(
	const char *from, const char *to, const struct made_row *stay, const struct made_row *go)
{
	made_guest_check(&step_software, from, to, NULL, stay, go);
}

/* ---- keys ---- */

START_TEST(keys_and_values_go)
{
	static const struct made_row stay[] = {
		ROW_TEXT("SOFTWARE\\VMware, Inc.\\VMware VDM\\Agent", "Broker", "horizon"),
		ROW_KEY("SOFTWARE\\Wow6432Node"),
		ROW_TEXT(CV "Run", "SecurityHealth", "x"),
		ROW_TEXT(WOW "Microsoft\\Windows\\CurrentVersion\\Run", "Other", "x"),
		ROW_TEXT("SOFTWARE\\RegisteredApplications", "Paint", "x"),
		ROW_KEY(CV "App Paths"),
		ROW_KEY("SOFTWARE\\Classes\\CLSID"),
		ROW_KEY("SOFTWARE\\Classes\\Wow6432Node\\CLSID"),
		ROW_KEY("SOFTWARE\\Clients\\StartMenuInternet"),
		{0},
	};
	static const struct made_row go[] = {
		ROW_TEXT("SOFTWARE\\VMware, Inc.\\VMware Tools", "InstallPath", "x"),
		ROW_TEXT("SOFTWARE\\VMware, Inc.\\VMware VGAuth\\deep\\er", "x", "x"),
		/* here nothing of another product: the parent goes, too */
		ROW_TEXT(WOW "VMware, Inc.\\VMware Drivers", "vmci.status", "1|9.8.18.0|oem2.inf"),
		ROW_TEXT(CV "Run", "VMware User Process", "vmtoolsd.exe -n vmusr"),
		ROW_TEXT(WOW "Microsoft\\Windows\\CurrentVersion\\Run", "vmtoolsd", "x"),
		ROW_TEXT("SOFTWARE\\RegisteredApplications", "VMware Host Open", "x"),
		ROW_TEXT(CV "App Paths\\vmtoolsd.exe", "", "x"),
		ROW_KEY("SOFTWARE\\Clients\\StartMenuInternet\\VMWAREHOSTOPEN.EXE\\shell"),
		ROW_KEY("SOFTWARE\\Classes\\CLSID\\{C73DA087-EDDB-4a7c-B216-8EF8A3B92C7B}"),
		ROW_KEY("SOFTWARE\\Classes\\Wow6432Node\\CLSID\\{C73DA087-EDDB-4A7C-B216-8EF8A3B92C7B}"),
		{0},
	};
	check("vsphere", "hyperv", stay, go);
}
END_TEST

START_TEST(lockdown_entries_of_removed_packages_go)
{
#define LOCKDOWN CV "Setup\\PnpLockdownFiles\\%SystemRoot%/System32/drivers/"
#define PACKAGES "SYSTEM\\DriverDatabase\\DriverPackages\\"
	static const struct made_row stay[] = {
		ROW_TEXT(PACKAGES "vmci.inf_amd64_5e38a278d114b813", "", "oem2.inf"),
		ROW_TEXT(PACKAGES "vmci.inf_amd64_5e38a278d114b813", "InfName", "vmci.inf"),
		ROW_TEXT(PACKAGES "vmci.inf_amd64_5e38a278d114b813", "Provider", "VMware, Inc."),
		/* the INF's name, not its provider */
		ROW_TEXT(PACKAGES "vsock.inf_amd64_0123456789abcdef", "", "oem20.inf"),
		ROW_TEXT(PACKAGES "vsock.inf_amd64_0123456789abcdef", "InfName", "vsock.inf"),
		ROW_TEXT(PACKAGES "vsock.inf_amd64_0123456789abcdef", "Provider", "Contoso"),
		ROW_LIST(LOCKDOWN "vsock.sys", "Owners", "oem20.inf"),
		ROW_LIST(LOCKDOWN "shared.sys", "Owners", "oem20.inf"),
		ROW_LIST(LOCKDOWN "disk.sys", "Owners", "disk.inf"),
		{0},
	};
	static const struct made_row go[] = {
		ROW_LIST(LOCKDOWN "vmci.sys", "Owners",
			"oem2.inf|oem2.inf!vmci.inf_amd64_5e38a278d114b813"),
		ROW_NUMBER(LOCKDOWN "vmci.sys", "Class", 5),
		/* newer Windows write the package as a text of its own */
		ROW_LIST(LOCKDOWN "vmci2.sys", "Owners",
			"oem2.inf|!vmci.inf_amd64_5e38a278d114b813"),
		ROW_LIST(LOCKDOWN "shared.sys", "Owners", "oem2.inf|oem20.inf"),
		{0},
	};
	check("vsphere", "azure", stay, go);
}
END_TEST

/* ---- SYSTEM ---- */

START_TEST(system_forgets_the_tools)
{
#define ORDER "CCS\\Control\\NetworkProvider\\"
#define VIDEO "CCS\\Control\\Video\\"
	static const struct made_row stay[] = {
		ROW_TEXT(ORDER "Order", "ProviderOrder", "RDPNP,LanmanWorkstation,webclient"),
		ROW_TEXT(ORDER "HwOrder", "ProviderOrder", "RDPNP,vmhgfs2"),
		ROW_NUMBER(ORDER "ProviderOrder", "RDPNP", 1000),
		ROW_TEXT("CCS\\Services\\W32Time\\TimeProviders\\VMICTimeProvider", "DllName", "x"),
		ROW_TEXT("CCS\\Services\\EventLog\\Application\\vmic", "EventMessageFile", "x"),
		ROW_KEY("CCS\\Services\\EventLog\\System"),
		ROW_KEY("CCS\\Control\\UnitedVideo\\CONTROL\\VIDEO"),
		ROW_LIST("CCS\\Services\\EventLog\\Application", "Sources", "vmic"),
		ROW_TEXT(VIDEO "{DEB039CC-B704-4F53-B43E-9DD4432FA2E9}\\Video", "Service",
			"BasicDisplay"),
		ROW_LIST("CCS\\Control\\CoDeviceInstallers",
			"{4d36e968-e325-11ce-bfc1-08002be10318}", "other.dll,vm3dc003.dll"),
		{0},
	};
	static const struct made_row go[] = {
		ROW_TEXT(
			ORDER "Order", "ProviderOrder", "vmhgfs,RDPNP,LanmanWorkstation,webclient"),
		ROW_TEXT(ORDER "HwOrder", "ProviderOrder", "RDPNP,vmhgfs2,VMHGFS"),
		ROW_NUMBER(ORDER "ProviderOrder", "vmhgfs", 500),
		ROW_TEXT("CCS\\Services\\W32Time\\TimeProviders\\vmwTimeProvider", "DllName", "x"),
		ROW_TEXT("CCS\\Services\\EventLog\\Application\\VMware Tools", "EventMessageFile",
			"x"),
		ROW_TEXT("CCS\\Services\\EventLog\\System\\vmci", "EventMessageFile", "x"),
		ROW_LIST("CCS\\Services\\EventLog\\Application", "Sources", "VMware Tools|vmic"),
		ROW_TEXT(VIDEO "{62517184-F29B-11EC-85E0-806E6F6E6963}\\Video", "Service",
			"vm3dmp_loader"),
		ROW_KEY("CCS\\Control\\UnitedVideo\\CONTROL\\VIDEO\\"
			"{62517184-F29B-11EC-85E0-806E6F6E6963}\\0000"),
		ROW_LIST("CCS\\Control\\CoDeviceInstallers",
			"{4d36e968-e325-11ce-bfc1-08002be10318}",
			"vm3dc003.dll,Vm3dCoInstaller|other.dll,vm3dc003.dll"),
		{0},
	};
	check("vsphere", "gcp", stay, go);
}
END_TEST

/* ---- tasks ---- */

START_TEST(tasks_go_from_the_cache)
{
#define CACHE NT "Schedule\\TaskCache\\"
#define ID    "{A1B2C3D4-0000-4000-8000-0000000000F1}"
	static const struct made_row stay[] = {
		ROW_TEXT(CACHE "Tree\\Other", "Id", "{A1B2C3D4-0000-4000-8000-0000000000F2}"),
		ROW_TEXT(CACHE "Tasks\\{A1B2C3D4-0000-4000-8000-0000000000F2}", "Path", "\\Other"),
		ROW_KEY(CACHE "Boot\\{A1B2C3D4-0000-4000-8000-0000000000F2}"),
		ROW_KEY(CACHE "Plain"),
		ROW_KEY(CACHE "Logon"),
		{0},
	};
	static const struct made_row go[] = {
		ROW_TEXT(CACHE "Tree\\GCEStartup", "Id", ID),
		ROW_TEXT(CACHE "Tasks\\" ID, "Path", "\\GCEStartup"),
		ROW_KEY(CACHE "Boot\\" ID),
		ROW_KEY(CACHE "Plain\\" ID),
		{0},
	};
	/* An id that is none would name every task. */
	static const struct made_row hostile[] = {
		ROW_TEXT(CACHE "Tree\\GCEStartup", "Id", ""), {0}};
	check("gcp", "azure", stay, go);
	check("gcp", "azure", stay, hostile);
}
END_TEST

/* ---- settings ---- */

#define TIME	"CCS\\Services\\W32Time\\"
#define SERVERS CV "DateTime\\Servers"
#define SPP	NT "SoftwareProtectionPlatform"
#define TCPIP	"CCS\\Services\\Tcpip\\Parameters"

static const struct made_row google_made[] = {
	ROW_TEXT(TIME "Parameters", "NtpServer", "metadata.google.internal,0x1"),
	ROW_TEXT(TIME "Parameters", "Type", "NTP"),
	ROW_NUMBER(TIME "TimeProviders\\NtpClient", "SpecialPollInterval", 900),
	ROW_TEXT(SERVERS, "3", "metadata.google.internal"),
	ROW_TEXT(SERVERS, "", "3"),
	ROW_TEXT(SPP, "KeyManagementServiceName", "kms.windows.googlecloud.com"),
	ROW_TEXT(SPP, "KeyManagementServicePort", "1688"),
	ROW_TEXT(SPP "\\{55c92734}\\{sku}", "KeyManagementServiceName",
		"kms.windows.googlecloud.com"),
	ROW_NUMBER(TCPIP "\\Interfaces\\{1}", "MTU", 1460),
	ROW_NUMBER(TCPIP, "KeepAliveTime", 300000),
	ROW_NUMBER("CCS\\Services\\Tcpip6\\Parameters", "DisabledComponents", 0xff),
	ROW_TEXT(TCPIP "\\PersistentRoutes", "169.254.169.254,255.255.255.255,0.0.0.0,1", ""),
	ROW_TEXT("CCS\\Control\\Session Manager\\Environment", "GooGetRoot",
		"C:\\ProgramData\\GooGet"),
	{0},
};

static const struct made_row google_left[] = {
	ROW_TEXT(TIME "Parameters", "NtpServer", "time.windows.com,0x9"),
	ROW_TEXT(TIME "Parameters", "Type", "NTP"),
	ROW_NUMBER(TIME "TimeProviders\\NtpClient", "SpecialPollInterval", 0x8000),
	ROW_TEXT(SERVERS, "1", "time.windows.com"),
	ROW_TEXT(SERVERS, "", "1"),
	ROW_TEXT(SPP, "other", "x"),
	ROW_TEXT(SPP "\\{55c92734}\\{other}", "KeyManagementServiceName", "kms.example.org"),
	ROW_TEXT(SPP "\\{55c92734}\\{other}", "KeyManagementServicePort", "1688"),
	ROW_KEY(SPP "\\{55c92734}\\{sku}"),
	ROW_NUMBER(TCPIP "\\Interfaces\\{1}", "EnableDHCP", 1),
	ROW_NUMBER(TCPIP "\\Interfaces\\{2}", "MTU", 1400),
	ROW_KEY("CCS\\Services\\Tcpip6\\Parameters"),
	ROW_TEXT(TCPIP "\\PersistentRoutes", "10.0.0.0,255.0.0.0,192.0.2.1,1", ""),
	ROW_TEXT("CCS\\Control\\Session Manager\\Environment", "TEMP", "x"),
	{0},
};

START_TEST(google_settings_are_undone)
{
	static const struct made_row domain[] = {
		ROW_TEXT(TIME "Parameters", "Type", "NT5DS"),
		ROW_NUMBER(TIME "TimeProviders\\NtpClient", "SpecialPollInterval", 3600),
		{0},
	};
	struct made_row joined[ARRAY_SIZE(google_left) + 2];
	check("gcp", "vsphere", google_left, google_made);
	/* Both run on virtio: the agent's settings go all the same. */
	check("gcp", "kvm", google_left, google_made);
	memcpy(joined, google_left, sizeof(google_left));
	memcpy(joined + ARRAY_SIZE(google_left) - 1, domain, sizeof(domain));
	made_guest_check(&step_software, "gcp", "vsphere", "example.org", joined, google_made);
}
END_TEST

START_TEST(settings_of_others_are_undone)
{
	static const struct made_row left[] = {
		ROW_TEXT(TIME "Parameters", "NtpServer", "time.windows.com,0x9"),
		ROW_TEXT(TIME "Parameters", "Type", "NTP"),
		ROW_KEY(SPP),
		ROW_TEXT(TCPIP "\\PersistentRoutes", "169.254.169.25,255.255.255.255,172.31.0.1,15",
			""),
		ROW_TEXT(TCPIP "\\PersistentRoutes", "169.254.0.0,255.255.0.0,172.31.0.1,15", ""),
		ROW_NUMBER(TCPIP, "KeepAliveTime", 300000),
		ROW_KEY("CCS\\Services\\XEN\\Unplug"),
		ROW_KEY("CCS\\Services\\xenfilt\\Parameters"),
		ROW_NUMBER("CCS\\Services\\xenevtchn", "Start", 4),
		ROW_NUMBER("CCS\\Services\\xenevtchn", "NoPVBoot", 1),
		{0},
	};
	static const struct made_row aws[] = {
		ROW_TEXT(TIME "Parameters", "NtpServer", "169.254.169.123,0x9"),
		ROW_TEXT(SPP, "KeyManagementServiceName", "169.254.169.250"),
		ROW_TEXT(TCPIP "\\PersistentRoutes",
			"169.254.169.254,255.255.255.255,172.31.0.1,15", ""),
		ROW_TEXT(TCPIP "\\PersistentRoutes",
			"169.254.169.123,255.255.255.255,172.31.0.1,15", ""),
		ROW_NUMBER("CCS\\Services\\XEN", "ForceUnplug", 1),
		ROW_NUMBER("CCS\\Services\\XEN\\Unplug", "DISKS", 1),
		ROW_TEXT("CCS\\Services\\xenfilt\\Parameters", "ActiveDeviceID",
			"PCI\\VEN_5853&DEV_0001"),
		{0},
	};
	static const struct made_row azure[] = {
		ROW_TEXT(SPP, "KeyManagementServiceName", "azkms.core.windows.net"),
		{0},
	};
	static const struct made_row kvm_left[] = {
		ROW_EXPAND("SOFTWARE\\Microsoft\\Windows\\CurrentVersion", "DevicePath",
			"%SystemRoot%\\inf"),
		{0},
	};
	static const struct made_row kvm[] = {
		ROW_EXPAND("SOFTWARE\\Microsoft\\Windows\\CurrentVersion", "DevicePath",
			"%SystemRoot%\\inf;%SystemRoot%\\Drivers\\VirtIO"),
		{0},
	};
	check("aws", "azure", left, aws);
	check("azure", "aws", left, azure);
	check("kvm", "hyperv", kvm_left, kvm);
}
END_TEST

/* What virt-v2v left: a stub in the driver database, a service with a name that is nobody's. */
START_TEST(virt_v2v_is_cleared_away)
{
#define DDB "SYSTEM\\DriverDatabase\\"
	static const struct made_row database[] = {
		ROW_LIST(DDB "DriverInfFiles\\disk.inf", "", "disk.inf_amd64_1"),
		ROW_TEXT(DDB "DriverPackages\\disk.inf_amd64_1", "", "disk.inf"),
		ROW_TEXT(DDB "DeviceIds\\PCI\\VEN_1AF4&DEV_1004", "oem5.inf", "x"),
		{0},
	};
	static const struct made_row stub[] = {
		ROW_LIST(DDB "DriverInfFiles\\guestor.inf", "", "guestor.inf_tmp"),
		ROW_TEXT(DDB "DriverPackages\\guestor.inf_tmp\\Configurations\\guestor_conf",
			"Service", "viostor"),
		ROW_TEXT(DDB "DeviceIds\\PCI\\VEN_1AF4&DEV_1001", "guestor.inf", "x"),
		ROW_TEXT(DDB "DeviceIds\\PCI\\VEN_1AF4&DEV_1004", "guestor.inf", "x"),
		{0},
	};
	/* A list that names somebody else's package is not followed. */
	static const struct made_row wrong[] = {
		ROW_LIST(DDB "DriverInfFiles\\disk.inf", "", "disk.inf_amd64_1"),
		ROW_TEXT(DDB "DriverPackages\\disk.inf_amd64_1", "", "disk.inf"),
		ROW_LIST(DDB "DriverInfFiles\\guestor.inf", "", "disk.inf_amd64_1"),
		{0},
	};
	static const struct made_row other[] = {
		ROW_NUMBER("CCS\\Services\\Other", "Start", 2), {0}};
	static const struct made_row firstboot[] = {
		ROW_NUMBER("CCS\\Services\\firstboot", "Start", 2),
		ROW_TEXT("CCS\\Services\\firstboot", "ImagePath",
			"\"c:\\Program Files\\Guestfs\\Firstboot\\rhsrvany.exe\" -s firstboot"),
		{0},
	};
	made_guest_check(&step_packages, "kvm", "hyperv", NULL, database, stub);
	made_guest_check(&step_services, "kvm", "hyperv", NULL, other, firstboot);
	struct guest g;
	struct plan plan = {0};
	struct prep p = {.guest = &g,
		.from = platform_find("kvm"),
		.to = platform_find("hyperv"),
		.plan = &plan};
	made_guest_init(&g);
	made_guest_add(&g, wrong);
	hive_guest_run(&p, &step_packages);
	ck_assert_uint_eq(plan.n, 0);
	made_guest_done(&g);
}
END_TEST

/* What the same values hold where somebody else set them: no action at all. */
START_TEST(values_of_others_stay)
{
	static const struct made_row rows[] = {
		ROW_TEXT(TIME "Parameters", "NtpServer",
			"metadata.google.internal,0x1 ntp.example.org"),
		ROW_NUMBER(TIME "TimeProviders\\NtpClient", "SpecialPollInterval", 900),
		ROW_TEXT(SPP, "KeyManagementServiceName", "kms.example.org"),
		ROW_TEXT(SPP, "KeyManagementServicePort", "1688"),
		ROW_NUMBER(TCPIP "\\Interfaces\\{1}", "MTU", 1400),
		ROW_NUMBER(TCPIP, "KeepAliveTime", 7200000),
		ROW_NUMBER("CCS\\Services\\Tcpip6\\Parameters", "DisabledComponents", 0x20),
		ROW_TEXT(TCPIP "\\PersistentRoutes", "169.254.169.254,255.255.0.0,0.0.0.0,1", ""),
		ROW_EXPAND("SOFTWARE\\Microsoft\\Windows\\CurrentVersion", "DevicePath",
			"%SystemRoot%\\inf;D:\\Drivers\\VirtIO"),
		{0},
	};
	for (const struct platform *from = platforms; from->name; from++) {
		struct guest g;
		struct plan plan = {0};
		struct prep p = {
			.guest = &g, .from = from, .to = platform_find("hyperv"), .plan = &plan};
		made_guest_init(&g);
		made_guest_add(&g, rows);
		hive_guest_run(&p, &step_software);
		CLEANUP_FREE char *text = plan_to_text(&plan);
		ck_assert_msg(plan.n == 0, "from %s: %s", from->name, text);
		plan_done(&plan);
		made_guest_done(&g);
	}
}
END_TEST

UNIT_MAIN("steps-software", keys_and_values_go, lockdown_entries_of_removed_packages_go,
	system_forgets_the_tools, tasks_go_from_the_cache, google_settings_are_undone,
	settings_of_others_are_undone, virt_v2v_is_cleared_away, values_of_others_stay)
