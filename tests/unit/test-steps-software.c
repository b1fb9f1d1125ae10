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
#include "msi-guid.h"
#include "strip-software.h"

#define CV  "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\"
#define NT  "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\"
#define WOW "SOFTWARE\\Wow6432Node\\"
#define MSI CV "Installer\\UserData\\S-1-5-18\\"

static void check_domain(const char *from, const char *to, const char *domain,
	const struct made_row *stay, const struct made_row *go)
{
	struct guest g, expected;
	struct plan plan = {0};
	struct prep p = {
		.guest = &g, .from = platform_find(from), .to = platform_find(to), .plan = &plan};
	made_guest_init(&g);
	made_guest_init(&expected);
	g.domain = (char *)domain;
	made_guest_add(&g, stay);
	made_guest_add(&g, go);
	made_guest_add(&expected, stay);
	ck_assert(step_software.applies(&p));
	hive_guest_run(&p, &step_software);
	ck_assert_uint_ge(plan.n, 1);
	made_guest_compare(&g, &expected);
	plan_done(&plan);
	made_guest_done(&g);
	made_guest_done(&expected);
}

static void check(
	const char *from, const char *to, const struct made_row *stay, const struct made_row *go)
{
	check_domain(from, to, NULL, stay, go);
}

/* Pairs that the world's machines have: Office 2010, Visual C++ 2008. */
START_TEST(packed_guids)
{
	static const char *const pairs[][2] = {
		{"{90140000-0011-0000-0000-0000000FF1CE}", "00004109110000000000000000F01FEC"},
		{"{9A25302D-30C0-39D9-BD6F-21E6EC160475}", "D20352A90C039D93DBF6126ECE614057"},
	};
	char packed[MSI_PACKED_SIZE], guid[MSI_GUID_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		ck_assert(msi_pack(pairs[i][0], packed));
		ck_assert_str_eq(packed, pairs[i][1]);
		ck_assert(msi_unpack(pairs[i][1], guid));
		ck_assert_str_eq(guid, pairs[i][0]);
	}
	ck_assert(msi_pack("{9a25302d-30c0-39d9-bd6f-21e6ec160475}", packed));
	ck_assert_str_eq(packed, pairs[1][1]);
	static const char *const bad[] = {"", "VMware Tools",
		"{90140000-0011-0000-0000-0000000FF1C}", "{9014000G-0011-0000-0000-0000000FF1CE}",
		"90140000-0011-0000-0000-0000000FF1CE}}",
		"{90140000-0011-0000-0000-0000000FF1CE} "};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(!msi_pack(bad[i], packed), "%s", bad[i]);
	ck_assert(!msi_unpack("00004109110000000000000000F01FE", guid));
	ck_assert(!msi_unpack("00004109110000000000000000F01FEZ", guid));
}
END_TEST

/* ---- MSI ---- */

#define OURS	  "{3A1B5C7D-0000-4000-8000-00000000AB12}"
#define OURS_P	  "D7C5B1A300000004080000000000BA21"
#define OFFICE	  "{90140000-0011-0000-0000-0000000FF1CE}"
#define OFFICE_P  "00004109110000000000000000F01FEC"
#define PERMANENT "00000000000000000000000000000000"

static const struct made_row office[] = {
	ROW_TEXT(CV "Uninstall\\" OFFICE, "DisplayName", "Microsoft Office 2010"),
	ROW_TEXT(CV "Uninstall\\{0BADC0DE-0000-4000-8000-000000000001}", "DisplayName",
		"VMware Carbon Black sensor"),
	ROW_TEXT(CV "Uninstall\\VMware Tools Log Viewer", "DisplayName", "VMware Tools Log Viewer"),
	ROW_KEY(WOW "Microsoft\\Windows\\CurrentVersion\\Uninstall"),
	ROW_TEXT("SOFTWARE\\Classes\\Installer\\Products\\" OFFICE_P, "ProductName", "Office"),
	ROW_TEXT("SOFTWARE\\Classes\\Installer\\Features\\" OFFICE_P, "WORD", ""),
	ROW_TEXT(MSI "Products\\" OFFICE_P "\\InstallProperties", "LocalPackage",
		"C:\\Windows\\Installer\\2.msi"),
	ROW_TEXT(MSI "Components\\AA000000000000000000000000000001", OFFICE_P, "C:\\shared.dll"),
	ROW_TEXT(MSI "Components\\AA000000000000000000000000000002", PERMANENT, "C:\\kept.dll"),
	ROW_TEXT(MSI "Components\\AA000000000000000000000000000003", OFFICE_P, "C:\\word.dll"),
	ROW_TEXT("SOFTWARE\\Classes\\Installer\\UpgradeCodes\\BB000000000000000000000000000001",
		OFFICE_P, ""),
	ROW_KEY(CV "Installer\\UpgradeCodes"),
	ROW_TEXT(CV "Installer\\Folders", "C:\\Program Files\\Microsoft Office\\", ""),
	ROW_TEXT(CV "Installer\\Folders", "C:\\Program Files\\VMware\\", ""),
	{0},
};

START_TEST(msi_products_go_with_all_they_registered)
{
	static const struct made_row tools[] = {
		ROW_TEXT(CV "Uninstall\\" OURS, "DisplayName", "VMware Tools"),
		ROW_TEXT("SOFTWARE\\Classes\\Installer\\Products\\" OURS_P, "ProductName",
			"VMware Tools"),
		ROW_TEXT("SOFTWARE\\Classes\\Installer\\Products\\" OURS_P "\\SourceList\\Media",
			"1", ";"),
		ROW_TEXT("SOFTWARE\\Classes\\Installer\\Features\\" OURS_P, "Complete", ""),
		ROW_TEXT(MSI "Products\\" OURS_P "\\InstallProperties", "LocalPackage",
			"C:\\Windows\\Installer\\1a2b3c.msi"),
		ROW_TEXT(MSI "Products\\" OURS_P "\\Features", "Complete", ""),
		/* one shared with Office, one permanent, one alone */
		ROW_TEXT(MSI "Components\\AA000000000000000000000000000001", OURS_P, "C:\\a"),
		ROW_TEXT(MSI "Components\\AA000000000000000000000000000002", OURS_P, "C:\\b"),
		ROW_TEXT(MSI "Components\\AA000000000000000000000000000004", OURS_P, "C:\\c"),
		ROW_TEXT(
			"SOFTWARE\\Classes\\Installer\\UpgradeCodes\\BB000000000000000000000000000002",
			OURS_P, ""),
		ROW_TEXT(
			CV "Installer\\UpgradeCodes\\BB000000000000000000000000000001", OURS_P, ""),
		ROW_TEXT(CV "Installer\\Folders", "C:\\Program Files\\VMware\\VMware Tools\\", ""),
		ROW_TEXT(CV "Installer\\Folders",
			"C:\\Program Files\\VMware\\VMware Tools\\messages\\", ""),
		{0},
	};
	check("vsphere", "kvm", office, tools);
}
END_TEST

/* The name in the product's own keys alone, and a product that only its upgrade code gives away. */
START_TEST(msi_products_are_found_in_every_way)
{
	static const struct made_row hidden[] = {
		ROW_TEXT(MSI "Products\\" OURS_P "\\InstallProperties", "DisplayName",
			"VMware Tools"),
		ROW_TEXT(CV "Uninstall\\" OURS, "SystemComponent", "no name here"),
		ROW_TEXT(MSI "Components\\AA000000000000000000000000000001", OURS_P, "C:\\a"),
		{0},
	};
	static const struct made_row by_code[] = {
		ROW_TEXT(
			"SOFTWARE\\Classes\\Installer\\UpgradeCodes\\F141FE126219AD2439DC5B4024404702",
			OURS_P, ""),
		ROW_TEXT(WOW "Microsoft\\Windows\\CurrentVersion\\Uninstall\\" OURS, "DisplayName",
			"a name of some version"),
		ROW_TEXT(MSI "Products\\" OURS_P "\\Usage", "x", ""),
		ROW_TEXT(WOW "Microsoft\\Windows\\CurrentVersion\\Uninstall\\Citrix XenTools",
			"DisplayName", "Citrix XenTools"),
		{0},
	};
	static const struct made_row versions[] = {
		ROW_TEXT(CV "Uninstall\\Oracle VM VirtualBox Guest Additions", "DisplayName",
			"Oracle VM VirtualBox Guest Additions 6.1.50"),
		{0},
	};
	check("vsphere", "kvm", office, hidden);
	check("xen", "kvm", office, by_code);
	check("virtualbox", "hyperv", office, versions);
}
END_TEST

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
	check_domain("gcp", "vsphere", "example.org", joined, google_made);
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

UNIT_MAIN("steps-software", packed_guids, msi_products_go_with_all_they_registered,
	msi_products_are_found_in_every_way, keys_and_values_go,
	lockdown_entries_of_removed_packages_go, system_forgets_the_tools, tasks_go_from_the_cache,
	google_settings_are_undone, settings_of_others_are_undone, values_of_others_stay)
