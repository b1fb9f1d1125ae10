/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a Windows is, as one document. */
#include <string.h>

#include "guest-check.h"
#include "guest-state.h"
#include "inspect-private.h"
#include "mem.h"
#include "vda-facts.h"

/* ---- values ---- */

json_t *inspect_texts(struct hive *h, hive_node node, const char *name)
{
	CLEANUP_REG_VALUE struct reg_value v = {0};
	CLEANUP_ERR struct error *ignored = NULL;
	json_t *list = json_array();
	if (hive_get(h, node, name, &v, &ignored) != 1)
		return list;
	char **texts = reg_texts(&v);
	for (size_t i = 0; texts[i]; i++)
		if (*texts[i])
			json_array_append_new(list, json_string(texts[i]));
	reg_texts_free(texts);
	return list;
}

void inspect_set_text(
	json_t *o, const char *member, struct hive *h, hive_node node, const char *name)
{
	CLEANUP_FREE char *text = hive_get_text(h, node, name);
	jsonx_set_string(o, member, text);
}

void inspect_set_number(
	json_t *o, const char *member, struct hive *h, hive_node node, const char *name)
{
	uint32_t n;
	jsonx_set(o, member, hive_get_number(h, node, name, &n) ? json_integer(n) : json_null());
}

/* ---- hives ---- */

static const char *hive_state(const struct guest_hive *gh)
{
	return gh->problem	  ? "unreadable"
	       : !gh->h		  ? "missing"
	       : gh->replay.dirty ? "replayed"
				  : "clean";
}

static json_t *replay_json(const struct hive_replay_report *r)
{
	if (!r->dirty)
		return json_null();
	json_t *o = json_object();
	jsonx_set_u64(o, "entries", r->entries);
	jsonx_set_u64(o, "lastSequence", r->last_sequence);
	jsonx_set_u64(o, "bytes", r->bytes);
	jsonx_set_bool(o, "baseRecovered", r->base_recovered);
	jsonx_set_string(o, "stopped", r->stopped);
	return o;
}

json_t *inspect_hives(const struct guest *g)
{
	json_t *list = json_array();
	for (enum hive_id id = 0; id < _HIVE_MAX; id++) {
		const struct guest_hive *gh = &g->hives[id];
		json_t *o = json_object();
		jsonx_set_string(o, "name", hive_id_name(id));
		jsonx_set_string(o, "path", gh->path);
		jsonx_set_string(o, "state", hive_state(gh));
		jsonx_set(o, "replay", replay_json(&gh->replay));
		jsonx_set_string(o, "error", gh->problem ? gh->problem->message : NULL);
		json_array_append_new(list, o);
	}
	return list;
}

/* ---- the Windows ---- */

static json_t *control_sets(const struct guest *g)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	if (!h)
		return json_null();
	json_t *o = json_object(), *present = json_array();
	hive_node select = hive_find(h, hive_root(h), "Select");
	for (unsigned i = 0; i < g->n_control_sets; i++)
		json_array_append_new(present, json_integer(g->control_sets[i]));
	jsonx_set(o, "present", present);
	inspect_set_number(o, "current", h, select, "Current");
	inspect_set_number(o, "default", h, select, "Default");
	inspect_set_number(o, "lastKnownGood", h, select, "LastKnownGood");
	inspect_set_number(o, "failed", h, select, "Failed");
	return o;
}

static const char *product_type(const struct guest *g)
{
	switch (g->product_type) {
	case INF_PRODUCT_WORKSTATION:
		return "workstation";
	case INF_PRODUCT_DOMAIN_CONTROLLER:
		return "domain-controller";
	case INF_PRODUCT_SERVER:
		return "server";
	default:
		return NULL;
	}
}

static void set_product(json_t *o, const struct guest *g)
{
	bool known = g->major || g->build;
	jsonx_set_string(o, "productName", g->product_name);
	jsonx_set_string(o, "edition", g->edition);
	jsonx_set_string(o, "installType", g->install_type);
	jsonx_set_string(o, "displayVersion", g->display_version);
	jsonx_set(o, "version", known ? json_sprintf("%u.%u", g->major, g->minor) : json_null());
	jsonx_set(o, "build", known ? json_integer(g->build) : json_null());
	jsonx_set(o, "revision", known ? json_integer(g->revision) : json_null());
	jsonx_set_string(o, "productType", product_type(g));
	jsonx_set_string(
		o, "architecture", g->hives[HIVE_SYSTEM].h ? guest_arch_name(g->arch) : NULL);
	jsonx_set_string(o, "computerName", g->computer_name);
	jsonx_set_string(o, "domain", g->domain);
}

static json_t *source(const struct guest *g)
{
	json_t *o = json_object(), *evidence = NULL;
	const struct platform *p = guest_source_platform(g, &evidence);
	jsonx_set_string(o, "platform", p ? p->name : NULL);
	jsonx_set_string(o, "title", p ? p->title : NULL);
	jsonx_set(o, "evidence", evidence);
	return o;
}

static json_t *citrix(const struct guest *g)
{
	struct vda_facts f;
	vda_facts_read(g, &f);
	json_t *o = vda_facts_to_json(&f);
	vda_facts_done(&f);
	return o;
}

json_t *guest_inspect(const struct guest *g)
{
	json_t *o = json_object();
	jsonx_set(o, "partition", g->partition ? json_integer(g->partition->number) : json_null());
	jsonx_set_string(o, "root", g->root);
	jsonx_set_string(o, "firmware", g->uefi ? "uefi" : "bios");
	set_product(o, g);
	jsonx_set(o, "controlSets", control_sets(g));
	jsonx_set(o, "hives", inspect_hives(g));
	jsonx_set(o, "source", source(g));
	jsonx_set(o, "bootDrivers", inspect_boot_drivers(g));
	jsonx_set(o, "filters", inspect_filters(g));
	jsonx_set(o, "network", inspect_network(g));
	jsonx_set(o, "firstBoot", inspect_first_boot(g));
	jsonx_set(o, "citrix", citrix(g));
	jsonx_set(o, "pagefile", inspect_pagefile(g));
	jsonx_set(o, "hibernation", inspect_hibernation(g));
	jsonx_set(o, "servicing", inspect_servicing(g));
	jsonx_set(o, "setup", inspect_setup(g));
	jsonx_set(o, "compactOs", inspect_compact_os(g));
	jsonx_set(o, "security", inspect_security(g));
	return o;
}
