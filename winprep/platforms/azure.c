/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Azure guest agent. Hyper-V's integration components are in-box: they stay, idle elsewhere. Facts
 * windows-and-peers 1.3.2.
 */
#include "lists.h"

static const struct strip_service services[] = {{"WindowsAzureGuestAgent", false},
	{"RdAgent", false}, {"WindowsAzureTelemetryService", false},
	{"WindowsAzureNetAgentSvc", true}, {0}};
static const char *const uninstall_names[] = {
	"Windows Azure VM Agent", "Windows Azure VM Agent - *", NULL};
static const char *const kms_servers[] = {"kms.core.windows.net", "azkms.core.windows.net", NULL};
static const char *const software_keys[] = {
	"Microsoft\\Windows Azure", "Microsoft\\GuestAgent", NULL};
static const char *const files[] = {"\\WindowsAzure", "\\Packages\\Plugins", NULL};

const struct strip_list strip_azure = {.services = services,
	.uninstall_names = uninstall_names,
	.software_keys = software_keys,
	.kms_servers = kms_servers,
	.files = files};
