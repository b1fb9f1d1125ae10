/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * virtio-win drivers (also under their Nutanix and Google names), where the target is no virtio platform;
 * wherever it goes, the QEMU and SPICE agents, and the first boot of virt-v2v. Facts windows-and-peers 1.3.9.
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
	{0},
};

static const char *const inf_names[] = {"viostor.inf", "vioscsi.inf", "netkvm.inf", "balloon.inf",
	"vioser.inf", "viorng.inf", "viogpudo.inf", "vioinput.inf", "viosock.inf", "viomem.inf",
	"viofs.inf", "fwcfg.inf", "qemufwcfg.inf", "pvpanic.inf", "pvpanic-pci.inf", "smbus.inf",
	"qxldod.inf", NULL};
static const char *const providers[] = {"Red Hat, Inc.", "Red Hat Inc.", "QEMU", "Fedora",
	"Virtuozzo", "SUSE LLC", "Nutanix, Inc.", "Nutanix", "Google LLC", "Google Inc",
	"Google Inc.", NULL};
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
static const char *const uninstall_names[] = {
	"Virtio-win-guest-tools", "Virtio-win-driver-installer", "Nutanix VirtIO", NULL};
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
	"\\Program Files\\Virtio-Win", "\\Windows\\Drivers\\VirtIO", NULL};

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

static const struct strip_service agents[] = {
	{"QEMU-GA", false},
	{"QEMU Guest Agent VSS Provider", false},
	{"spice-agent", false},
	{"vdservice", false},
	/* virt-v2v's: by its program, the name is nobody's */
	{"firstboot", .image = "\\Guestfs\\Firstboot\\"},
	{0},
};
static const char *const agents_uninstall_names[] = {"QEMU guest agent", "Spice agent*", NULL};
static const char *const agents_files[] = {"\\Program Files\\Qemu-ga",
	"\\Program Files\\SPICE agent", "\\Program Files\\Guestfs", NULL};

const struct strip_list strip_qemu_agents = {.shared = true,
	.services = agents,
	.uninstall_names = agents_uninstall_names,
	.files = agents_files};
