/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inf-directives.h"

#include <stddef.h>
#include <strings.h>

#include "cleanup.h"
#include "inf-package.h"

#define IN(kind) (1u << INF_IN_##kind)
#define DEVICE	 (IN(INSTALL) | IN(HW) | IN(SERVICES) | IN(FILTERS))

/* Windows does it when it installs the device, once it runs: from the INF in the driver store. */
#define LATER	   "Windows does it when it installs the device"
#define CLASS	   "the class's own installer reads it"
#define UNINSTALLS "nothing of it is there yet"
#define INFORMS	   "it informs, and changes nothing"

static const struct inf_directive directives[] = {
	{IN(VERSION), "Class", NULL},
	{IN(VERSION), "ClassGuid", NULL},
	{IN(VERSION), "Provider", NULL},
	{IN(VERSION), "DriverVer", NULL},
	{IN(VERSION), "CatalogFile", NULL},
	{IN(VERSION), "CatalogFile.NT", NULL},
	{IN(VERSION), "CatalogFile.NTx86", NULL},
	{IN(VERSION), "CatalogFile.NTamd64", NULL},
	{IN(VERSION), "CatalogFile.NTarm64", NULL},
	{IN(VERSION), "CatalogFile.NTia64", "no target has that architecture"},
	{IN(VERSION), "PnpLockdown", NULL},
	{IN(VERSION), "Signature", INFORMS},
	{IN(VERSION), "DriverPackageType", INFORMS},
	{IN(VERSION), "DriverPackageDisplayName", INFORMS},
	{IN(VERSION), "Compatible", INFORMS},
	{IN(VERSION), "ExtensionId", "extensions of another INF claim no boot device"},
	{IN(VERSION), "LayoutFile", "it is for files of Windows itself"},
	{IN(VERSION), "BootCritical", "the target's devices say what is boot critical"},

	{DEVICE, "Include", NULL},
	{DEVICE, "Needs", NULL},
	{DEVICE | IN(SERVICE) | IN(EVENTS), "AddReg", NULL},
	{DEVICE | IN(SERVICE) | IN(EVENTS), "DelReg", NULL},
	{IN(INSTALL), "CopyFiles", NULL},
	{IN(INSTALL), "FeatureScore", NULL},
	{IN(INSTALL), "Reboot", NULL},
	{IN(SERVICES), "AddService", NULL},
	{IN(FILTERS), "AddFilter", NULL},
	{IN(INSTALL), "CopyINF", "the other INF is a package of its own"},
	{IN(INSTALL), "DelFiles", UNINSTALLS},
	{IN(INSTALL), "RenFiles", UNINSTALLS},
	{IN(SERVICES), "DelService", UNINSTALLS},
	{IN(INSTALL), "DriverVer", "the one of [Version] decides"},
	{IN(INSTALL) | IN(HW), "LogConfig", "for devices without plug and play"},
	{IN(INSTALL) | IN(HW), "AddProperty", LATER},
	{IN(INSTALL) | IN(HW), "DelProperty", UNINSTALLS},
	{IN(INSTALL), "RegisterDlls", LATER},
	{IN(INSTALL), "UnregisterDlls", UNINSTALLS},
	{IN(INSTALL), "ProfileItems", LATER},
	{IN(INSTALL), "UpdateInis", LATER},
	{IN(INSTALL), "BitReg", LATER},
	{IN(INSTALL), "PromptForPort", CLASS},
	{IN(INSTALL), "Characteristics", CLASS},
	{IN(INSTALL), "BusType", CLASS},
	{IN(INSTALL), "EthPhysicalMediaType", CLASS},
	{IN(INSTALL), "Port1FunctionNumber", CLASS},
	{IN(INSTALL), "Port1DeviceNumber", CLASS},
	{IN(INSTALL), "NumberOfNetworkCards", CLASS},
	{IN(INSTALL), "NetCfgInstanceId", CLASS},
	{IN(INSTALL), "SyssetupPnPFlags", CLASS},
	{IN(INSTALL), "SubClass", CLASS},
	{IN(INSTALL), "DeviceType", CLASS},
	{IN(INSTALL), "DeviceSubType", CLASS},
	{IN(INSTALL), "DeviceData", CLASS},
	{IN(INSTALL), "Capabilities", CLASS},
	{IN(INSTALL), "ICMProfiles", CLASS},
	{IN(INSTALL), "OptionDesc", INFORMS},
	{IN(INSTALL), "UmdfLibraryVersion", LATER},
	{IN(INSTALL), "ServiceBinary", "UMDF drivers start no machine"},

	{IN(SERVICE), "DisplayName", NULL},
	{IN(SERVICE), "Description", NULL},
	{IN(SERVICE), "ServiceType", NULL},
	{IN(SERVICE), "StartType", NULL},
	{IN(SERVICE), "ErrorControl", NULL},
	{IN(SERVICE), "ServiceBinary", NULL},
	{IN(SERVICE), "LoadOrderGroup", NULL},
	{IN(SERVICE), "Dependencies", NULL},
	{IN(SERVICE), "BootFlags", NULL},
	{IN(SERVICE), "ServiceSidType", NULL},
	{IN(SERVICE), "DelayedAutoStart", NULL},
	{IN(SERVICE), "StartName", "drivers have none, services run as LocalSystem"},
	{IN(SERVICE), "Security", LATER},
	{IN(SERVICE), "AddTrigger", LATER},
	{IN(SERVICE), "FailureActions", LATER},
	{IN(SERVICE), "RequiredPrivileges", LATER},
	{IN(SERVICE), "BitReg", LATER},
};

const struct inf_directive *inf_directive_find(enum inf_section_kind kind, const char *key)
{
	/* "*IfType" and the like: NDIS. */
	static const struct inf_directive ndis = {IN(INSTALL), "*", CLASS};
	if (*key == '*' && kind == INF_IN_INSTALL)
		return &ndis;
	for (size_t i = 0; i < ARRAY_SIZE(directives); i++)
		if (directives[i].kinds & 1u << kind && strcasecmp(directives[i].key, key) == 0)
			return &directives[i];
	return NULL;
}

const struct inf_beside inf_beside[] = {
	{"HW", INF_IN_HW, INF_SCOPE_HW, NULL},
	{"Services", INF_IN_SERVICES, INF_SCOPE_SERVICES, NULL},
	{"Filters", INF_IN_FILTERS, 0, NULL},
	{"Interfaces", -1, INF_SCOPE_INTERFACES, LATER},
	{"Wdf", -1, INF_SCOPE_WDF, LATER},
	{"CoInstallers", -1, 0, "co-installers run in a running Windows"},
	{"LogConfigOverride", -1, 0, "for devices without plug and play"},
	{"FactDef", -1, 0, "for devices without plug and play"},
	{"Events", -1, 0, LATER},
	{"Components", -1, 0, LATER},
	{"Software", -1, 0, LATER},
	{"WMI", -1, 0, LATER},
	{0},
};
