/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb "list": the tables that a preparation works by. */
#include "jsonx.h"
#include "step.h"
#include "worker.h"

static json_t *steps_json(void)
{
	json_t *list = json_array();
	for (size_t i = 0; steps[i]; i++) {
		json_t *o = json_object();
		jsonx_set_string(o, "name", steps[i]->name);
		jsonx_set_string(o, "summary", steps[i]->summary);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *devices_json(const struct platform *p)
{
	json_t *list = json_array();
	for (const struct platform_device *d = p->devices; d && d->id; d++) {
		json_t *o = json_object();
		jsonx_set_string(o, "id", d->id);
		jsonx_set_string(o, "title", d->title);
		jsonx_set_bool(o, "boot", d->boot_group != 0);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *platforms_json(void)
{
	json_t *list = json_array();
	for (const struct platform *p = platforms; p->name; p++) {
		json_t *o = json_object();
		jsonx_set_string(o, "name", p->name);
		jsonx_set_string(o, "title", p->title);
		jsonx_set_bool(o, "target", p->is_target);
		jsonx_set_bool(o, "temporaryDisk", p->temporary_disk);
		jsonx_set(o, "packDevices", devices_json(p));
		json_array_append_new(list, o);
	}
	return list;
}

int worker_list(struct worker *w, json_t **ret, struct error **err)
{
	(void)err;
	op_begin(&w->op, "list", 0, 100);
	json_t *o = json_object();
	jsonx_set(o, "steps", steps_json());
	jsonx_set(o, "platforms", platforms_json());
	*ret = o;
	return 0;
}
