/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vda-facts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "jsonx.h"
#include "mem.h"

#define MARKS 3

/* How a component shows. Any service or software key is proof enough; a program's name with '*' at its end
 * is a prefix: versions follow. */
static const struct {
	const char *key, *title;
	const char *services[MARKS]; /* SYSTEM\…\Services */
	const char *software[MARKS]; /* keys below SOFTWARE, native or Wow6432Node */
	const char *programs[MARKS]; /* key below Uninstall, or DisplayName there */
} marks[_VDA_COMPONENT_MAX] = {
	/* Its software key outlives an uninstall: no proof. */
	[VDA_AGENT] = {"vda", "Virtual Delivery Agent", {"BrokerAgent"}, {NULL},
		{"Citrix Virtual Desktop Agent", "Citrix Virtual Desktop Agent - x64",
			"Citrix Virtual Apps and Desktops 7*"}},
	[VDA_MISA] = {"misa", "Machine Identity Service Agent", {NULL},
		{"Citrix\\MachineIdentityServiceAgent"}, {"Machine Identity Service Agent"}},
	[VDA_MCS_IO] = {"mcsIo", "MCS I/O driver", {"CVhdFilter"}, {NULL}, {NULL}},
	[VDA_PVS] = {"pvs", "Provisioning target device", {"BNDevice", "bnistack"}, {NULL},
		{"Citrix Provisioning Target Device*"}},
	[VDA_UPL] = {"upl", "user personalization layer", {"upl-Support", "ulayer"}, {NULL},
		{NULL}},
	[VDA_UPM] = {"upm", "Profile Management", {"ctxProfile"}, {NULL}, {NULL}},
	[VDA_WEM] = {"wem", "Workspace Environment Management agent",
		{"WemAgentSvc", "Norskale Agent Host Service"}, {NULL}, {NULL}},
};

const char *vda_component_key(enum vda_component c)
{
	return marks[c].key;
}

const char *vda_component_title(enum vda_component c)
{
	return marks[c].title;
}

/* ---- components ---- */

static void found(struct vda_component_facts *f, const char *kind, const char *what)
{
	f->present = true;
	if (!f->evidence)
		f->evidence = xasprintf("%s %s", kind, what);
}

static void look_at_services(const struct guest *g, struct vda_facts *f)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	if (!h)
		return;
	hive_node services =
		hive_findf(h, hive_root(h), "ControlSet%03u\\Services", g->current_control_set);
	for (int c = 0; c < _VDA_COMPONENT_MAX; c++)
		for (int i = 0; i < MARKS && marks[c].services[i]; i++) {
			uint32_t start;
			hive_node s = hive_find(h, services, marks[c].services[i]);
			if (hive_get_number(h, s, "Start", &start))
				found(&f->components[c], "service", marks[c].services[i]);
		}
}

static const char *const views[] = {"", "Wow6432Node\\"};

static void look_at_software(struct hive *h, struct vda_facts *f)
{
	for (int c = 0; c < _VDA_COMPONENT_MAX; c++)
		for (int i = 0; i < MARKS && marks[c].software[i]; i++)
			for (size_t v = 0; v < ARRAY_SIZE(views); v++)
				if (hive_findf(h, hive_root(h), "%s%s", views[v],
					    marks[c].software[i]))
					found(&f->components[c], "key", marks[c].software[i]);
}

static bool matches(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);
	if (len && pattern[len - 1] == '*')
		return strncasecmp(pattern, name, len - 1) == 0;
	return strcasecmp(pattern, name) == 0;
}

struct programs {
	struct hive *h;
	struct vda_facts *f;
};

/* The first entry with a version names it: the main one stands first in the table. */
static int look_at_program(void *data, const char *name, hive_node node, struct error **err)
{
	(void)err;
	struct programs *p = data;
	CLEANUP_FREE char *title = hive_get_text(p->h, node, "DisplayName");
	for (int c = 0; c < _VDA_COMPONENT_MAX; c++)
		for (int i = 0; i < MARKS && marks[c].programs[i]; i++) {
			struct vda_component_facts *f = &p->f->components[c];
			const char *pattern = marks[c].programs[i];
			if (!matches(pattern, name) && !(title && matches(pattern, title)))
				continue;
			found(f, "program", title ? title : name);
			if (f->version && i > 0)
				continue;
			char *version = hive_get_text(p->h, node, "DisplayVersion");
			if (version) {
				free(f->version);
				f->version = version;
			}
		}
	return 0;
}

static void look_at_programs(struct hive *h, struct vda_facts *f)
{
	struct programs p = {.h = h, .f = f};
	for (size_t v = 0; v < ARRAY_SIZE(views); v++) {
		CLEANUP_ERR struct error *ignored = NULL;
		hive_each_subkey(h,
			hive_findf(h, hive_root(h),
				"%sMicrosoft\\Windows\\CurrentVersion\\Uninstall", views[v]),
			look_at_program, &p, &ignored);
	}
}

/* ---- registration ---- */

static void read_registration(struct hive *h, const char *key, struct vda_registration *r)
{
	hive_node node = hive_find(h, hive_root(h), key);
	if (!node || r->key)
		return;
	r->key = key;
	r->controllers = hive_get_text(h, node, "ListOfDDCs");
	r->site_guid = hive_get_text(h, node, "FarmGUID");
	r->sids = hive_get_text(h, node, "ListOfSIDs");
}

void vda_facts_read(const struct guest *g, struct vda_facts *ret)
{
	struct hive *software = g->hives[HIVE_SOFTWARE].h;
	*ret = (struct vda_facts){0};
	look_at_services(g, ret);
	if (!software)
		return;
	look_at_software(software, ret);
	look_at_programs(software, ret);
	read_registration(software, "Citrix\\VirtualDesktopAgent", &ret->local);
	read_registration(software, "Wow6432Node\\Citrix\\VirtualDesktopAgent", &ret->local);
	read_registration(software, "Policies\\Citrix\\VirtualDesktopAgent", &ret->policy);
}

static void registration_done(struct vda_registration *r)
{
	free(r->controllers);
	free(r->site_guid);
	free(r->sids);
}

void vda_facts_done(struct vda_facts *f)
{
	for (int c = 0; c < _VDA_COMPONENT_MAX; c++) {
		free(f->components[c].version);
		free(f->components[c].evidence);
	}
	registration_done(&f->local);
	registration_done(&f->policy);
	*f = (struct vda_facts){0};
}

/* ---- releases ---- */

/* Component versions count 7.x where releases are named by year and month (facts ips 4.3). */
static const struct {
	unsigned minor;
	const char *release;
} releases[] = {{15, "7.15"}, {21, "1903"}, {24, "1912"}, {25, "2003"}, {26, "2006"}, {27, "2009"},
	{28, "2012"}, {29, "2103"}, {30, "2106"}, {31, "2109"}, {32, "2112"}, {33, "2203"},
	{34, "2206"}, {35, "2209"}, {36, "2212"}, {37, "2303"}, {38, "2305"}, {39, "2308"},
	{40, "2311"}, {41, "2402"}, {42, "2407"}};

bool vda_release(const char *version, char ret[static 8], unsigned *ret_update)
{
	unsigned major, minor = 0, third = 0;
	if (!version || sscanf(version, "%u.%u.%u", &major, &minor, &third) < 1)
		return false;
	*ret_update = third >= 1000 && third < 100000 ? third / 1000 : 0;
	if (major >= 1808 && major <= 9912) {
		snprintf(ret, 8, "%u", major);
		return true;
	}
	for (size_t i = 0; major == 7 && i < ARRAY_SIZE(releases); i++)
		if (releases[i].minor == minor) {
			snprintf(ret, 8, "%s", releases[i].release);
			return true;
		}
	return false;
}

/* ---- JSON ---- */

static json_t *component_json(const struct vda_component_facts *f)
{
	char release[8];
	unsigned update;
	if (!f->present)
		return json_null();
	json_t *o = json_object();
	bool known = vda_release(f->version, release, &update);
	jsonx_set_string(o, "version", f->version);
	jsonx_set_string(o, "release", known ? release : NULL);
	jsonx_set(o, "cumulativeUpdate", known && update ? json_integer(update) : json_null());
	jsonx_set_string(o, "evidence", f->evidence);
	return o;
}

static json_t *registration_json(const struct vda_registration *r)
{
	if (!r->key)
		return json_null();
	json_t *o = json_object();
	jsonx_set_string(o, "key", r->key);
	jsonx_set_string(o, "controllers", r->controllers);
	jsonx_set_string(o, "siteGuid", r->site_guid);
	jsonx_set_string(o, "sids", r->sids);
	return o;
}

json_t *vda_facts_to_json(const struct vda_facts *f)
{
	json_t *o = json_object();
	for (int c = 0; c < _VDA_COMPONENT_MAX; c++)
		jsonx_set(o, marks[c].key, component_json(&f->components[c]));
	jsonx_set(o, "registration", registration_json(&f->local));
	jsonx_set(o, "registrationPolicy", registration_json(&f->policy));
	return o;
}
