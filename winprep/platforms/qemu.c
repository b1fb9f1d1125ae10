/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * virtio-win drivers (also under their Nutanix and Google names), the QEMU and SPICE agents, and what
 * virt-v2v leaves. Used when the target is no virtio platform. Facts windows-and-peers 1.3.9.
 */
#include "lists.h"

static const struct strip_service services[] = {
	{"viostor", false},
	{"vioscsi", false},
	{"netkvm", false},
	{"BALLOON", false},
	{"BalloonService", false},
	{"VirtioSerial", false},
	{"viorng", false},
	{"VioGpuDod", false},
	{"VirtioInput", false},
	{"viohidkmdf", false},
	{"vioinput", false},
	{"VirtioSocket", false},
	{"VIOMEM", false},
	{"VirtioFsDrv", false},
	{"VirtioFsSvc", false},
	{"fwcfg", false},
	{"qemufwcfg", false},
	{"pvpanic", false},
	{"pvpanic-pci", false},
	{"qxldod", false},
	{"QEMU-GA", false},
	{"QEMU Guest Agent VSS Provider", false},
	{"spice-agent", false},
	{"vdservice", false},
	/* virt-v2v's: by its program, the name is nobody's */
	{"firstboot", .image = "\\Guestfs\\Firstboot\\"},
	{0},
};

static const char *const inf_names[] = {"viostor.inf", "vioscsi.inf", "netkvm.inf", "balloon.inf",
	"vioser.inf", "viorng.inf", "viogpudo.inf", "vioinput.inf", "viosock.inf", "viomem.inf",
	"viofs.inf", "fwcfg.inf", "qemufwcfg.inf", "pvpanic.inf", "pvpanic-pci.inf", "smbus.inf",
	"qxldod.inf", NULL};
static const char *const providers[] = {"Red Hat, Inc.", "Red Hat Inc.", "QEMU", "Fedora",
	"Virtuozzo", "SUSE LLC", "Nutanix, Inc.", "Nutanix", "Google LLC", NULL};
static const char *const fixed_packages[] = {"guestor.inf", NULL}; /* a stub of virt-v2v */
static const char *const winsock_dlls[] = {"viosocklib.dll", NULL};
static const struct strip_setting settings[] = {
	{.key = "Microsoft\\Windows\\CurrentVersion",
		.software = true,
		.name = "DevicePath",
		.rule = SETTING_TAIL,
		.text = ";%SystemRoot%\\Drivers\\VirtIO",
		.why = "folder of virt-v2v's drivers"},
	{0},
};
static const char *const uninstall_names[] = {"Virtio-win-guest-tools", "QEMU guest agent",
	"Spice agent*", "Virtio-win-driver-installer", NULL};
static const char *const software_keys[] = {"Red Hat\\Virtio-Win", NULL};
static const char *const files[] = {"\\Windows\\System32\\drivers\\viostor.sys",
	"\\Windows\\System32\\drivers\\vioscsi.sys", "\\Windows\\System32\\drivers\\netkvm.sys",
	"\\Windows\\System32\\drivers\\balloon.sys", "\\Windows\\System32\\drivers\\vioser.sys",
	"\\Windows\\System32\\drivers\\viorng.sys", "\\Windows\\System32\\drivers\\viogpudo.sys",
	"\\Windows\\System32\\drivers\\vioinput.sys",
	"\\Windows\\System32\\drivers\\viohidkmdf.sys", "\\Windows\\System32\\drivers\\viosock.sys",
	"\\Windows\\System32\\drivers\\viomem.sys", "\\Windows\\System32\\drivers\\viofs.sys",
	"\\Windows\\System32\\drivers\\fwcfg.sys", "\\Windows\\System32\\drivers\\qemufwcfg.sys",
	"\\Windows\\System32\\drivers\\pvpanic.sys",
	"\\Windows\\System32\\drivers\\pvpanic-pci.sys", "\\Windows\\System32\\drivers\\qxldod.sys",
	"\\Program Files\\Virtio-Win", "\\Program Files\\Qemu-ga", "\\Program Files\\SPICE agent",
	"\\Program Files\\Guestfs", "\\Windows\\Drivers\\VirtIO", NULL};

/* The Winsock provider of VirtioSocket stays, as VMware's does: see vmware.c. */
const struct strip_list strip_qemu = {.family = "virtio",
	.services = services,
	.inf_names = inf_names,
	.providers = providers,
	.fixed_packages = fixed_packages,
	.winsock_dlls = winsock_dlls,
	.uninstall_names = uninstall_names,
	.settings = settings,
	.software_keys = software_keys,
	.files = files};
