/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Xen PV drivers and agents: XenServer, XCP-ng, older Citrix tools, GPLPV. Facts windows-and-peers 1.3.3.
 * The service key XEN holds the unplug settings of the emulated devices and stays; Citrix VDA services
 * (BrokerAgent, Ctx…, picadd) are another product.
 */
#include "lists.h"

static const struct strip_service services[] = {
	{"xenagent", false},
	{"xensvc", false},
	{"XenInstall", false},
	{"xenbus", false},
	{"xenbus_monitor", false},
	{"xencons", false},
	{"xencons_monitor", false},
	{"xendisk", false},
	{"xenfilt", false},
	{"xenhid", false},
	{"xeniface", false},
	{"xennet", false},
	{"xenvbd", false},
	{"xenvif", false},
	{"xenvkbd", false},
	/* Citrix up to 6.2 and GPLPV */
	{"xenevtchn", true},
	{"xenlite", true},
	{"xenutil", true},
	{"xennet6", true},
	{"xencrsh", true},
	{"scsifilt", true},
	{"XenHide", true},
	{"XenPci", true},
	/* Red Hat's Xen PV drivers */
	{"rhelscsi", true},
	{"rhelnet", true},
	{0},
};

static const char *const inf_names[] = {"xenbus.inf", "xenfilt.inf", "xenvbd.inf", "xendisk.inf",
	"xenvif.inf", "xennet.inf", "xeniface.inf", "xencons.inf", "xenhid.inf", "xenvkbd.inf",
	NULL};
static const char *const providers[] = {"Citrix Systems, Inc.", "Citrix",
	"Cloud Software Group, Inc.", "XenServer", "XCP-ng", "Xen Project", "Vates", NULL};
static const char *const uninstall_names[] = {"Citrix XenServer Tools Installer",
	"Citrix XenServer VSS Provider", "Citrix Xen Windows x64 PV Drivers",
	"Citrix Xen Windows x86 PV Drivers", "Citrix XenTools", "XenServer VM Tools",
	"Citrix VM Tools", "XCP-ng Windows Management Agent", "XCP-ng Windows PV Drivers",
	"Citrix XenServer Windows Management Agent", "Citrix Hypervisor PV Tools",
	"Red Hat Paravirtualized Xen Drivers for Windows(R)*", NULL};
static const char *const upgrade_codes[] = {"{21EF141F-9126-42DA-93CD-B50442047420}",
	"{48E5492C-6843-452E-97A2-A5FE2D24B141}", "{D8709720-65B7-4CD9-9F51-68DB592B604D}",
	"{53858014-F814-49A1-9D63-CA2578432E73}", "{AF9B2559-3E91-4206-98C2-F560009FF7F1}",
	"{10828840-D8A9-4953-B44A-1F1D3CD7ECB0}", "{D60FED1E-316C-41B0-B7A5-E44951A82618}", NULL};
static const char *const software_keys[] = {"Citrix\\XenTools", "Citrix\\XenToolsInstaller",
	"Citrix\\XenToolsNetSettings", "Citrix\\InstallAgent", "XenServer", "XCP-ng", NULL};
static const char *const files[] = {"\\Windows\\System32\\drivers\\xenbus.sys",
	"\\Windows\\System32\\drivers\\xenfilt.sys", "\\Windows\\System32\\drivers\\xenvbd.sys",
	"\\Windows\\System32\\drivers\\xendisk.sys", "\\Windows\\System32\\drivers\\xencrsh.sys",
	"\\Windows\\System32\\drivers\\xendump.sys", "\\Windows\\System32\\drivers\\xenvif.sys",
	"\\Windows\\System32\\drivers\\xennet.sys", "\\Windows\\System32\\drivers\\xeniface.sys",
	"\\Windows\\System32\\drivers\\xen.sys", "\\Windows\\System32\\drivers\\xencons.sys",
	"\\Windows\\System32\\drivers\\xenhid.sys", "\\Windows\\System32\\drivers\\xenvkbd.sys",
	"\\Windows\\System32\\xenbus_coinst.dll", "\\Windows\\System32\\xenvbd_coinst.dll",
	"\\Windows\\System32\\xenvif_coinst.dll", "\\Windows\\System32\\xennet_coinst.dll",
	"\\Windows\\System32\\xeniface_coinst.dll", "\\Windows\\System32\\liteagent.exe",
	"\\Windows\\System32\\xenbus_monitor.exe", "\\Windows\\System32\\xencons_monitor.exe",
	"\\Program Files\\Citrix\\XenTools", "\\Program Files (x86)\\Citrix\\XenTools",
	"\\Program Files\\XenServer\\XenTools", "\\Program Files\\XCP-ng", NULL};

const struct strip_list strip_xen = {.services = services,
	.inf_names = inf_names,
	.providers = providers,
	.uninstall_names = uninstall_names,
	.upgrade_codes = upgrade_codes,
	.software_keys = software_keys,
	.files = files};

/*
 * What the PV drivers, also AWS's, remember: which device xenfilt stood in front of, and that the emulated
 * devices are to be unplugged. Should this disk start on Xen again, an unplug without PV drivers would take
 * its disk away. xenevtchn of old tools stops Windows (BSOD) unless it is told that there is no PV boot.
 */
#define XENFILT "Services\\xenfilt\\Parameters"
#define UNPLUG	"the emulated devices are to stay"
static const struct strip_setting settings[] = {
	{.key = XENFILT, .name = "ActiveDeviceID", .why = "device of a filter that goes"},
	{.key = XENFILT, .name = "ActiveInstanceID", .why = "device of a filter that goes"},
	{.key = XENFILT,
		.name = "ActiveLocationInformation",
		.why = "device of a filter that goes"},
	{.key = "Services\\XEN", .name = "ForceUnplug", .why = UNPLUG},
	{.key = "Services\\XEN\\Unplug", .name = "DISKS", .why = UNPLUG},
	{.key = "Services\\XEN\\Unplug", .name = "NICS", .why = UNPLUG},
	{.key = "Services\\xenevtchn",
		.name = "NoPVBoot",
		.rule = SETTING_ENSURE,
		.number = 1,
		.why = "the driver stops Windows without it"},
	{0},
};
const struct strip_list strip_xen_settings = {.settings = settings};
