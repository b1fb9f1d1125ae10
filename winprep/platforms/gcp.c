/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Google Compute Engine guest environment. Its virtio drivers are in the QEMU list: a disk that leaves
 * Google Cloud is stripped by both. Facts windows-and-peers 1.3.6.
 */
#include "lists.h"

static const struct strip_service services[] = {{"GCEAgent", false}, {"GCEAgentManager", true},
	{"google_osconfig_agent", true}, {"GoogleVssAgent", true}, {"GoogleVssProvider", true},
	{"gvnic", true}, {0}};
static const char *const inf_names[] = {"gvnic.inf", "gga.inf", NULL};
static const char *const providers[] = {"Google LLC", "Google Inc", "Google Inc.", "Google", NULL};
static const char *const tasks[] = {"GCEStartup", NULL};
static const char *const files[] = {
	"\\Program Files\\Google\\Compute Engine", "\\ProgramData\\GooGet", NULL};

const struct strip_list strip_gcp = {.services = services,
	.inf_names = inf_names,
	.providers = providers,
	.tasks = tasks,
	.files = files};
