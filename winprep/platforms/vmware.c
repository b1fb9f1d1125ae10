/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VMware Tools. Facts windows-and-peers 1.3.1: services and INFs of the first block are in real hives
 * (H3, H4), those of the second in other tools' lists. Hyper-V's in-box services that look like VMware's
 * (vmbus, vmgid, vmstorfl, vms3cap, vmic…, WmiApSrv) are not here and must never be.
 */
#include "lists.h"

/* The folder above is shared with Horizon's agent. */
#define DRIVERS "\\Program Files\\Common Files\\VMware\\Drivers\\"

static const struct strip_service services[] = {
	{"VMTools", false},
	{"VGAuthService", false},
	{"vm3dservice", false},
	{"VMMemCtl", false},
	{"vmrawdsk", false},
	{"vmhgfs", false},
	{"vmci", false},
	{"vsock", false},
	{"vmmouse", false},
	{"vmusbmouse", false},
	{"vm3dmp", false},
	{"vm3dmp_loader", false},
	{"vm3dmp-debug", false},
	{"vm3dmp-stats", false},
	{"vmvss", false},
	{"pvscsi", false},
	{"vmxnet3ndis6", false},
	{"vmwefifw", false},
	/* names of other versions */
	{"GISvc", true},
	{"vnetWFP", true},
	{"vnetflt", true},
	{"vsepflt", true},
	{"vmxnet3", true},
	{"vmxnet", true},
	{"efifw", true},
	{"svga_wddm", true},
	{"vmx_svga", true},
	{"vmaudio", true},
	{"vmkbd", true},
	{"vmdesched", true},
	{"vmdebug", true},
	{"vmStatsProvider", true},
	{"VMUpgradeHelper", true},
	{"vmwTimeProvider", true},
	{"VMCISockets", true},
	{"cblauncher", true},
	{"VMwareCertService", true},
	{"VMwareCAF", true},
	{"VMwareCAFCommAmqpListener", true},
	{"VMwareCAFManagementAgentHost", true},
	{0},
};

static const char *const network_providers[] = {"vmhgfs", NULL};
static const char *const inf_names[] = {"vmci.inf", "vmmouse.inf", "vmusbmouse.inf", "efifw.inf",
	"vmwefifw.inf", "pvscsi.inf", "vmxnet3.inf", "vmxnet3ndis6.inf", "vm3d.inf", "vmmemctl.inf",
	"vmhgfs.inf", "vsock.inf", "vsepflt.inf", "vnetflt.inf", "vmaudio.inf", NULL};
static const char *const providers[] = {
	"VMware, Inc.", "VMware", "Broadcom", "Broadcom Inc.", "Broadcom Inc", NULL};
static const char *const run_values[] = {
	"VMware User Process", "vmtoolsd", "VMware VM3DService Process", NULL};
static const char *const uninstall_names[] = {"VMware Tools", "VMware VGAuth", NULL};
/* Other products, Horizon's agent for one, keep their settings beside these. */
static const char *const software_keys[] = {"VMware, Inc.\\VMware Tools",
	"VMware, Inc.\\VMware VGAuth", "VMware, Inc.\\VMware Drivers",
	"VMware, Inc.\\VMwareHostOpen", "VMware, Inc.\\CbLauncher",
	"Microsoft\\Windows\\CurrentVersion\\App Paths\\vmtoolsd.exe",
	"Clients\\StartMenuInternet\\VMWAREHOSTOPEN.EXE",
	"Classes\\Applications\\VMwareHostOpen.exe", "Classes\\VMwareHostOpen.AssocFile",
	"Classes\\VMwareHostOpen.AssocURL",
	"Classes\\CLSID\\{C73DA087-EDDB-4a7c-B216-8EF8A3B92C7B}", NULL};
static const char *const software_parents[] = {"VMware, Inc.", NULL};
static const char *const registered_apps[] = {"VMware Host Open", NULL};
static const char *const system_keys[] = {
	"Services\\W32Time\\TimeProviders\\vmwTimeProvider", NULL};
static const char *const coinstallers[] = {"vm3dc003.dll", NULL};
static const char *const winsock_dlls[] = {"vsocklib.dll", NULL};
static const char *const event_sources[] = {"Application\\VMware Tools", "Application\\vmtools",
	"Application\\vmStatsProvider", "Application\\VMUpgradeHelper", "Application\\VGAuth",
	"System\\vmci", "System\\vnetWFP", "System\\vnetflt", "System\\vsepflt", NULL};
static const char *const files[] = {"\\Windows\\System32\\drivers\\vmci.sys",
	"\\Windows\\System32\\drivers\\vmmouse.sys", "\\Windows\\System32\\drivers\\vmusbmouse.sys",
	"\\Windows\\System32\\drivers\\vmrawdsk.sys", "\\Windows\\System32\\drivers\\vmhgfs.sys",
	"\\Windows\\System32\\drivers\\vmmemctl.sys", "\\Windows\\System32\\drivers\\vmxnet3.sys",
	"\\Windows\\System32\\drivers\\vm3dmp.sys",
	"\\Windows\\System32\\drivers\\vm3dmp_loader.sys",
	"\\Windows\\System32\\drivers\\vm3dmp-debug.sys",
	"\\Windows\\System32\\drivers\\vm3dmp-stats.sys", "\\Windows\\System32\\drivers\\vsock.sys",
	"\\Windows\\System32\\drivers\\vsepflt.sys", "\\Windows\\System32\\drivers\\vnetWFP.sys",
	"\\Windows\\System32\\drivers\\vnetflt.sys", "\\Windows\\System32\\drivers\\svga_wddm.sys",
	"\\Windows\\System32\\drivers\\efifw.sys", "\\Windows\\System32\\drivers\\vmaudio.sys",
	"\\Windows\\System32\\drivers\\vmx_svga.sys", "\\Windows\\System32\\drivers\\vmkbd.sys",
	"\\Windows\\System32\\drivers\\vmdesched.sys", "\\Windows\\System32\\vmGuestLib.dll",
	"\\Windows\\System32\\vmGuestLibJava.dll", "\\Windows\\System32\\vmhgfs.dll",
	"\\Windows\\System32\\VMWSU.DLL", "\\Windows\\System32\\vm3dservice.exe",
	"\\Windows\\System32\\vm3dum64.dll", "\\Windows\\System32\\vm3dum64_10.dll",
	"\\Windows\\System32\\vm3dum64_loader.dll", "\\Windows\\System32\\vm3dum64-debug.dll",
	"\\Windows\\System32\\vm3dum64-stats.dll", "\\Windows\\System32\\vm3dgl64.dll",
	"\\Windows\\System32\\vm3dglhelper64.dll", "\\Windows\\System32\\vm3dco.dll",
	"\\Windows\\System32\\vm3ddevapi64.dll", "\\Windows\\System32\\vm3ddevapi64-debug.dll",
	"\\Windows\\System32\\vm3ddevapi64-release.dll",
	"\\Windows\\System32\\vm3ddevapi64-stats.dll", "\\Windows\\SysWOW64\\vmGuestLib.dll",
	"\\Windows\\SysWOW64\\vmGuestLibJava.dll", "\\Windows\\SysWOW64\\vmhgfs.dll",
	"\\Windows\\SysWOW64\\vm3dum.dll", "\\Windows\\SysWOW64\\vm3dum_10.dll",
	"\\Windows\\SysWOW64\\vm3dum_loader.dll", "\\Windows\\SysWOW64\\vm3dum-debug.dll",
	"\\Windows\\SysWOW64\\vm3dum-stats.dll", "\\Windows\\SysWOW64\\vm3dgl.dll",
	"\\Windows\\SysWOW64\\vm3dglhelper.dll", "\\Windows\\SysWOW64\\vm3ddevapi.dll",
	"\\Program Files\\VMware\\VMware Tools", DRIVERS "audio", DRIVERS "efifw", DRIVERS "hgfs",
	DRIVERS "memctl", DRIVERS "mouse", DRIVERS "pvscsi", DRIVERS "rawdsk", DRIVERS "video",
	DRIVERS "video_wddm", DRIVERS "vmci", DRIVERS "vmxnet3", DRIVERS "vsock", DRIVERS "vss",
	DRIVERS "wddm_video", "\\Program Files (x86)\\VMware\\VMware Tools",
	"\\ProgramData\\VMware\\VMware Tools", "\\ProgramData\\VMware\\VMware VGAuth", NULL};

/* vsocklib.dll stays: the Winsock catalog names it, and renumbering that offline is not safe. */
const struct strip_list strip_vmware = {.services = services,
	.network_providers = network_providers,
	.inf_names = inf_names,
	.providers = providers,
	.winsock_dlls = winsock_dlls,
	.coinstallers = coinstallers,
	.system_keys = system_keys,
	.run_values = run_values,
	.registered_apps = registered_apps,
	.software_parents = software_parents,
	.uninstall_names = uninstall_names,
	.software_keys = software_keys,
	.event_sources = event_sources,
	.files = files};
