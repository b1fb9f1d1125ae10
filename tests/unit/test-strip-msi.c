/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products of the Windows Installer: their codes, and that all of their registration goes. */
#include "unit.h"

#include <string.h>

#include "made-guest.h"
#include "mem.h"
#include "msi-guid.h"

#define CV  "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\"
#define WOW "SOFTWARE\\Wow6432Node\\"
#define MSI CV "Installer\\UserData\\S-1-5-18\\"

static void check(
	const char *from, const char *to, const struct made_row *stay, const struct made_row *go)
{
	made_guest_check(&step_software, from, to, NULL, stay, go);
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
			"UninstallString", "C:\\Program Files\\Citrix\\XenTools\\uninstaller.exe"),
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

UNIT_MAIN("strip-msi", packed_guids, msi_products_go_with_all_they_registered,
	msi_products_are_found_in_every_way)
