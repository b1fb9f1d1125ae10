/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nutanix Guest Tools; its VirtIO drivers are in the QEMU list. Facts windows-and-peers 1.3.4: all service
 * names are [K], so they are disabled and nothing more.
 */
#include "lists.h"

static const struct strip_service services[] = {{"Nutanix Guest Agent", true},
	{"Nutanix Self Service Restore Gateway", true}, {"Nutanix VSS hardware provider", true},
	{0}};
static const char *const uninstall_names[] = {"Nutanix Guest Tools", NULL};
static const char *const files[] = {"\\Program Files\\Nutanix", NULL};

const struct strip_list strip_nutanix = {
	.services = services, .uninstall_names = uninstall_names, .files = files};
