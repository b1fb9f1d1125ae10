/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Google Compute Engine guest environment. Its virtio drivers are in the QEMU list: a disk that leaves
 * Google Cloud is stripped by both. Facts windows-and-peers 1.3.6; settings: 1.2, what Google's import makes.
 */
#include "lists.h"

static const struct strip_service services[] = {{"GCEAgent", true}, {"GCEAgentManager", true},
	{"google_osconfig_agent", true}, {"GoogleVssAgent", true}, {"GoogleVssProvider", true},
	{"gvnic", true}, {0}};
static const char *const inf_names[] = {"gvnic.inf", "gga.inf", NULL};
static const char *const providers[] = {"Google LLC", "Google Inc", "Google Inc.", "Google", NULL};
static const char *const software_keys[] = {"Google\\ComputeEngine", NULL};
static const char *const tasks[] = {"GCEStartup", NULL};
static const char *const files[] = {
	"\\Program Files\\Google\\Compute Engine", "\\ProgramData\\GooGet", NULL};
static const char *const hosts_lines[] = {"169.254.169.254 metadata.google.internal metadata",
	"169.254.169.254 metadata.google.internal", "# Google Compute Engine metadata server",
	"*# Added by Google", NULL};
static const char *const ntp_servers[] = {"metadata.google.internal", NULL};
static const char *const kms_servers[] = {"kms.windows.googlecloud.com", NULL};
static const struct strip_setting settings[] = {
	{.key = "Services\\Tcpip\\Parameters\\Interfaces\\*",
		.name = "MTU",
		.rule = SETTING_NUMBER,
		.number = 1460,
		.why = "packet size of Google's network"},
	{.key = "Services\\Tcpip\\Parameters",
		.name = "KeepAliveTime",
		.rule = SETTING_NUMBER,
		.number = 300000,
		.why = "keep-alive for Google's firewall"},
	{.key = "Services\\Tcpip6\\Parameters",
		.name = "DisabledComponents",
		.rule = SETTING_NUMBER,
		.number = 0xff,
		.why = "Google's import turned IPv6 off"},
	{.key = "Services\\Tcpip\\Parameters\\PersistentRoutes",
		.name = "169.254.169.254,255.255.255.255,*",
		.rule = SETTING_ANY,
		.why = "route to a service of the source platform"},
	{.key = "Control\\Session Manager\\Environment",
		.name = "GooGetRoot",
		.rule = SETTING_TEXT,
		.text = "C:\\ProgramData\\GooGet",
		.why = "folder of Google's package manager"},
	{0},
};

const struct strip_list strip_gcp = {.services = services,
	.inf_names = inf_names,
	.providers = providers,
	.software_keys = software_keys,
	.tasks = tasks,
	.hosts_lines = hosts_lines,
	.ntp_servers = ntp_servers,
	.kms_servers = kms_servers,
	.settings = settings,
	.files = files};
