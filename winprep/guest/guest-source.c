/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which platform a Windows ran on last. Three kinds of evidence, weighed: what the firmware called itself
 * (HardwareConfig, SystemInformation), devices in Enum, tools that are installed. Firmware names the
 * platform of the last start, so it counts most.
 */
#include <string.h>
#include <strings.h>

#include "guest-check.h"
#include "jsonx.h"
#include "mem.h"
#include "strip.h"

enum { WEIGHT_FIRMWARE = 10, WEIGHT_DEVICE = 2, WEIGHT_SERVICE = 1 };

static const struct {
	const char *manufacturer, *product; /* as SMBIOS has them; NULL: any */
	const char *platform;
} firmware[] = {
	{"VMware, Inc.", NULL, "vsphere"},
	{"Amazon EC2", NULL, "aws"},
	{"Google", "Google Compute Engine", "gcp"},
	{"Nutanix", NULL, "ahv"},
	{"Xen", NULL, "xen"},
	{"QEMU", NULL, "kvm"},
	{"Red Hat", NULL, "kvm"},
	{"innotek GmbH", "VirtualBox", "virtualbox"},
	{"Microsoft Corporation", "Virtual Machine", "hyperv"},
};

static const struct {
	const char *id; /* how a device's key below Enum begins */
	const char *platform;
} devices[] = {
	{"PCI\\VEN_15AD&", "vsphere"},
	{"VMBUS\\", "hyperv"},
	{"PCI\\VEN_1D0F&", "aws"},
	{"PCI\\VEN_1AE0&", "gcp"},
	{"PCI\\VEN_5853&", "xen"},
	{"XENBUS\\", "xen"},
	{"PCI\\VEN_1AF4&", "kvm"},
	{"PCI\\VEN_80EE&", "virtualbox"},
};

#define MAX_PLATFORMS 16

struct evidence {
	const struct guest *g;
	unsigned score[MAX_PLATFORMS];
	bool device_seen[MAX_PLATFORMS]; /* counted once a platform */
	json_t *texts;
};

static void add(struct evidence *e, const char *name, unsigned weight, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void add(struct evidence *e, const char *name, unsigned weight, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	CLEANUP_FREE char *what = xvasprintf(fmt, ap);
	va_end(ap);
	e->score[platform_find(name) - platforms] += weight;
	json_array_append_new(e->texts, json_pack("{s:s, s:s, s:i}", "platform", name, "evidence",
						what, "weight", (int)weight));
}

static void look_at_firmware(struct evidence *e)
{
	struct hive *h = e->g->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *last =
		hive_get_text(h, hive_find(h, hive_root(h), "HardwareConfig"), "LastConfig");
	hive_node node = last ? hive_findf(h, hive_root(h), "HardwareConfig\\%s", last) : 0;
	if (!node)
		node = hive_findf(h, hive_root(h), "ControlSet%03u\\Control\\SystemInformation",
			e->g->current_control_set);
	CLEANUP_FREE char *maker = hive_get_text(h, node, "SystemManufacturer");
	CLEANUP_FREE char *product = hive_get_text(h, node, "SystemProductName");
	for (size_t i = 0; maker && i < ARRAY_SIZE(firmware); i++)
		if (strcasecmp(maker, firmware[i].manufacturer) == 0 &&
			(!firmware[i].product ||
				(product && strcasecmp(product, firmware[i].product) == 0)))
			add(e, firmware[i].platform, WEIGHT_FIRMWARE, "firmware: %s, %s", maker,
				product ? product : "");
}

static int look_at_device(void *data, const char *key, hive_node node, struct error **err)
{
	(void)node, (void)err;
	struct evidence *e = data;
	const char *id = strstr(key, "\\Enum\\") + 6;
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		size_t p = (size_t)(platform_find(devices[i].platform) - platforms);
		if (e->device_seen[p] || strncasecmp(id, devices[i].id, strlen(devices[i].id)) != 0)
			continue;
		e->device_seen[p] = true;
		add(e, devices[i].platform, WEIGHT_DEVICE, "device %s", id);
	}
	return 0;
}

/* Drivers that several platforms share (family) are no evidence for one of them. */
static void look_at_services(struct evidence *e)
{
	struct hive *h = e->g->hives[HIVE_SYSTEM].h;
	hive_node services =
		hive_findf(h, hive_root(h), "ControlSet%03u\\Services", e->g->current_control_set);
	for (const struct platform *p = platforms; p->name; p++)
		for (const struct strip_list *const *l = p->strips; l && *l; l++)
			for (const struct strip_service *s =
					(*l)->family || (*l)->shared ? NULL : (*l)->services;
				s && s->name; s++) {
				uint32_t start;
				if (hive_get_number(
					    h, hive_find(h, services, s->name), "Start", &start) &&
					start < 4)
					add(e, p->name, WEIGHT_SERVICE, "service %s", s->name);
			}
}

/* Another platform underneath, by its firmware and drivers, is the platform of the agents on top of it. */
static const struct {
	const char *platform, *under;
	const char *services[4]; /* one of these says so; NULL: any evidence */
} layers[] = {
	{"azure", "hyperv", {NULL}},
	/* its older instances are on Xen; the SSM and CloudWatch agents are on machines elsewhere, too */
	{"aws", "xen", {"Ec2Config", "Amazon EC2Launch", "AWSLiteAgent", NULL}},
};

static bool has_one_of(const struct guest *g, const char *const *services)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	for (; *services; services++) {
		uint32_t start;
		if (hive_get_number(h,
			    hive_findf(h, hive_root(h), "ControlSet%03u\\Services\\%s",
				    g->current_control_set, *services),
			    "Start", &start) &&
			start < 4)
			return true;
	}
	return false;
}

static void add_layers(struct evidence *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(layers); i++) {
		size_t top = (size_t)(platform_find(layers[i].platform) - platforms);
		size_t under = (size_t)(platform_find(layers[i].under) - platforms);
		bool on_top = layers[i].services[0] ? has_one_of(e->g, layers[i].services)
						    : e->score[top] > 0;
		if (on_top)
			e->score[top] += e->score[under];
	}
}

const struct platform *guest_source_platform(const struct guest *g, json_t **ret_evidence)
{
	struct evidence e = {.g = g, .texts = json_array()};
	CLEANUP_ERR struct error *ignored = NULL;
	*ret_evidence = e.texts;
	if (!g->hives[HIVE_SYSTEM].h)
		return NULL;
	look_at_firmware(&e);
	for (unsigned i = 0; i < g->n_control_sets; i++)
		if (g->control_sets[i] == g->current_control_set)
			guest_each_device(g, i, look_at_device, &e, &ignored);
	look_at_services(&e);
	add_layers(&e);
	const struct platform *best = NULL;
	unsigned score = 0;
	for (const struct platform *p = platforms; p->name; p++)
		if (e.score[p - platforms] > score) {
			best = p;
			score = e.score[p - platforms];
		}
	return best;
}
