/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VirtualBox Guest Additions. Facts windows-and-peers 1.3.7, from a real hive (H1). */
#include "lists.h"

static const struct strip_service services[] = {{"VBoxGuest", false}, {"VBoxMouse", false},
	{"VBoxSF", false}, {"VBoxService", false}, {"VBoxVideoW8", false}, {"VBoxWddm", false},
	{"VBoxVideo", false}, {0}};
static const char *const network_providers[] = {"VBoxSF", NULL};
static const char *const inf_names[] = {"VBoxGuest.inf", "VBoxGuestEarlyNT.inf", "VBoxMouse.inf",
	"VBoxVideo.inf", "VBoxVideoEarlyNT.inf", "VBoxWddm.inf", NULL};
static const char *const providers[] = {
	"Oracle Corporation", "Oracle and/or its affiliates", "Oracle", NULL};
static const char *const run_values[] = {"VBoxTray", NULL};
static const char *const uninstall_names[] = {
	"Oracle VM VirtualBox Guest Additions*", "Oracle VirtualBox Guest Additions*", NULL};
static const char *const software_keys[] = {"Oracle\\VirtualBox Guest Additions", NULL};
static const char *const files[] = {"\\Windows\\System32\\VBoxService.exe",
	"\\Windows\\System32\\VBoxTray.exe", "\\Windows\\System32\\VBoxControl.exe",
	"\\Windows\\System32\\VBoxHook.dll", "\\Windows\\System32\\VBoxMRXNP.dll",
	"\\Windows\\System32\\VBoxDisp.dll", "\\Windows\\System32\\VBoxDispD3D.dll",
	"\\Windows\\System32\\drivers\\VBoxGuest.sys",
	"\\Windows\\System32\\drivers\\VBoxMouse.sys", "\\Windows\\System32\\drivers\\VBoxSF.sys",
	"\\Windows\\System32\\drivers\\VBoxVideo.sys",
	"\\Windows\\System32\\drivers\\VBoxVideoW8.sys",
	"\\Windows\\System32\\drivers\\VBoxWddm.sys", "\\Windows\\SysWOW64\\VBoxMRXNP.dll",
	"\\Program Files\\Oracle\\VirtualBox Guest Additions", NULL};

const struct strip_list strip_virtualbox = {.services = services,
	.network_providers = network_providers,
	.inf_names = inf_names,
	.providers = providers,
	.run_values = run_values,
	.uninstall_names = uninstall_names,
	.software_keys = software_keys,
	.files = files};
