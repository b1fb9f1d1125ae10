/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AWS agents and drivers. Facts windows-and-peers 1.3.5: the names of the first agents are proven, those of
 * the others and of AWS' own drivers [K]; its PV drivers carry the proven names of 1.3.3.
 */
#include "lists.h"

static const struct strip_service services[] = {
	{"Ec2Config", false},
	{"AmazonSSMAgent", false},
	{"Amazon EC2Launch", true},
	{"AWSLiteAgent", true},
	{"AmazonCloudWatchAgent", true},
	{"EC2HibernateAgent", true},
	{"AWSNVMe", true},
	{"ena", true},
	{"xenbus", false},
	{"xenvbd", false},
	{"xenvif", false},
	{"xennet", false},
	{"xeniface", false},
	{"xenfilt", false},
	{0},
};

static const char *const inf_names[] = {"awsnvme.inf", "ena.inf", "xenbus.inf", "xenfilt.inf",
	"xenvbd.inf", "xenvif.inf", "xennet.inf", "xeniface.inf", NULL};
static const char *const providers[] = {"Amazon Inc.", "Amazon.com, Inc.",
	"Amazon Web Services, Inc.", "Amazon Web Services", NULL};
static const char *const uninstall_names[] = {"AWS PV Drivers", "AWS PV Driver", "AWS NVMe",
	"Amazon SSM Agent", "EC2ConfigService", "Amazon EC2Launch", "aws-cfn-bootstrap",
	"Amazon CloudWatch Agent", NULL};
static const char *const software_keys[] = {"Amazon\\PVDriver", "Amazon\\MachineImage",
	"Amazon\\EC2Launch", "Amazon\\EC2ConfigService", "Amazon\\AWSPVDriverSetup", NULL};
static const char *const tasks[] = {"Amazon Ec2 Launch - Instance Initialization", NULL};
static const char *const files[] = {"\\Windows\\System32\\drivers\\xenbus.sys",
	"\\Windows\\System32\\drivers\\xenvbd.sys", "\\Windows\\System32\\drivers\\xenvif.sys",
	"\\Windows\\System32\\drivers\\xennet.sys", "\\Windows\\System32\\drivers\\xeniface.sys",
	"\\Windows\\System32\\drivers\\xenfilt.sys", "\\Program Files\\Amazon\\SSM",
	"\\Program Files\\Amazon\\EC2Launch", "\\Program Files\\Amazon\\Ec2ConfigService",
	"\\Program Files\\Amazon\\XenTools", "\\Program Files\\Amazon\\AmazonCloudWatchAgent",
	"\\Program Files\\Amazon\\cfn-bootstrap", "\\ProgramData\\Amazon\\SSM",
	"\\ProgramData\\Amazon\\EC2Launch", "\\ProgramData\\Amazon\\EC2-Windows", NULL};

/* Routes to what only AWS answers at: "destination,mask,gateway,metric". */
#define ROUTE(host)                                                                    \
	{                                                                              \
		.key = "Services\\Tcpip\\Parameters\\PersistentRoutes",                \
		.name = "169.254.169." host ",255.255.255.255,*", .rule = SETTING_ANY, \
		.why = "route to a service of the source platform"                     \
	}
static const struct strip_setting settings[] = {
	ROUTE("123"), ROUTE("249"), ROUTE("250"), ROUTE("251"), ROUTE("253"), ROUTE("254"), {0}};
static const char *const ntp_servers[] = {"169.254.169.123", NULL};
static const char *const kms_servers[] = {"169.254.169.250", "169.254.169.251", NULL};

const struct strip_list strip_aws = {.services = services,
	.inf_names = inf_names,
	.providers = providers,
	.uninstall_names = uninstall_names,
	.software_keys = software_keys,
	.tasks = tasks,
	.ntp_servers = ntp_servers,
	.kms_servers = kms_servers,
	.settings = settings,
	.files = files};
