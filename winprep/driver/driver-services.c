/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Services keys of a driver package, in every control set: facts windows-and-peers 1.4.4. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "driver-install.h"
#include "inf-package-private.h"
#include "mem.h"

#define WHY	     "driver of the target"
#define START_BOOT   0
#define TYPE_PROGRAM 0x30 /* SERVICE_WIN32: runs as a process */

/* "%12%\\x.sys" as the registry has it. The loader of Windows knows no \\SystemRoot yet. */
static char *image_path(const struct driver_install *d, const struct inf_service *v, uint32_t start)
{
	char *end;
	if (*v->binary != '%')
		return xstrdup(v->binary);
	unsigned long dirid = strtoul(v->binary + 1, &end, 10);
	CLEANUP_FREE char *folder =
		*end == '%' && dirid <= UINT32_MAX ? driver_dirid_folder(d, (uint32_t)dirid) : NULL;
	if (!folder)
		return NULL;
	const char *file = end + 1 + strspn(end + 1, "\\");
	const char *root = "\\SystemRoot\\";
	if (v->type & TYPE_PROGRAM)
		root = "%SystemRoot%\\";
	else if (start == START_BOOT)
		root = "";
	return xasprintf("%s%s%s%s", root, folder, *folder ? "\\" : "", file);
}

/* Whether the text is one token, and nothing else: "%token%". */
static bool is_token(const char *text)
{
	size_t len = strlen(text);
	return len > 2 && text[0] == '%' && strchr(text + 1, '%') == text + len - 1;
}

/* "@oem3.inf,%token%;Text" where a language may have its own; else the text. */
static char *shown_name(const struct driver_install *d, const char *text)
{
	CLEANUP_FREE char *plain = inf_expand(d->package->inf, text);
	return is_token(text) ? xasprintf("@%s,%s;%s", d->published, text, plain) : TAKE_PTR(plain);
}

/* ---- registry values ---- */

struct place {
	struct driver_install *d;
	struct hive *h;
	const char *key;
};

static int set(struct place *at, const char *name, struct reg_value v, struct error **err)
{
	return plan_reg_set(at->d->s->p->plan, at->h, HIVE_SYSTEM, at->key, name, v, WHY, err);
}

static int add_list(
	struct place *at, const char *key, const struct inf_reg *reg, struct error **err)
{
	char **texts = reg_texts(&reg->value);
	int rc = 0;
	for (size_t i = 0; rc == 0 && texts[i]; i++)
		rc = plan_reg_list_add(at->d->s->p->plan, at->h, HIVE_SYSTEM, key, reg->name,
			texts[i], false, WHY, err);
	reg_texts_free(texts);
	return rc;
}

static int apply_reg(struct place *at, const struct inf_reg *reg, struct error **err)
{
	struct plan *plan = at->d->s->p->plan;
	CLEANUP_FREE char *key =
		*reg->key ? xasprintf("%s\\%s", at->key, reg->key) : xstrdup(at->key);
	CLEANUP_REG_VALUE struct reg_value old = {0};
	struct reg_value copy = {.type = reg->value.type, .len = reg->value.len};
	if (reg->kind == INF_REG_APPEND)
		return add_list(at, key, reg, err);
	if (reg->kind == INF_REG_KEY)
		return plan_reg_make_key(plan, at->h, HIVE_SYSTEM, key, WHY, err);
	if (reg->kind == INF_REG_DELETE) /* of a key: nothing that Windows would miss */
		return *reg->name
			       ? plan_reg_unset(plan, at->h, HIVE_SYSTEM, key, reg->name, WHY, err)
			       : 0;
	if (reg->kind == INF_REG_SET_NEW) {
		int found = hive_get(
			at->h, hive_find(at->h, hive_root(at->h), key), reg->name, &old, err);
		if (found)
			return found < 0 ? -1 : 0;
	}
	copy.data = copy.len ? xmemdup(reg->value.data, copy.len) : NULL;
	return plan_reg_set(plan, at->h, HIVE_SYSTEM, key, reg->name, copy, WHY, err);
}

static int apply_regs(struct place *at, const struct inf_regs *regs, struct error **err)
{
	for (size_t i = 0; i < regs->n; i++)
		if (inf_regs_is_last(regs, i) && apply_reg(at, &regs->v[i], err) < 0)
			return -1;
	return 0;
}

/* ---- one service ---- */

static int set_texts(struct place *at, const struct inf_service *v, struct error **err)
{
	struct driver_install *d = at->d;
	const struct {
		const char *name, *text;
	} texts[] = {{"DisplayName", v->display}, {"Description", v->description}};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP_FREE char *shown = shown_name(d, texts[i].text);
		if (*shown && set(at, texts[i].name, reg_sz(shown), err) < 0)
			return -1;
	}
	if (*v->group && set(at, "Group", reg_sz(v->group), err) < 0)
		return -1;
	if (v->depends &&
		set(at, "DependOnService", reg_multi_sz((const char *const *)v->depends), err) < 0)
		return -1;
	return plan_reg_list_add(d->s->p->plan, at->h, HIVE_SYSTEM, at->key, "Owners", d->published,
		false, WHY, err);
}

static int plan_service(
	struct place *at, const struct inf_service *v, uint32_t start, struct error **err)
{
	CLEANUP_FREE char *image = image_path(at->d, v, start);
	if (!image)
		return err_set(err, ERR_PACK_INVALID,
			"pack \"%s\": \"%s\" has driver %s at \"%s\", which only Windows can find",
			at->d->source->pack, at->d->source->file, v->name, v->binary);
	if (set(at, "Type", reg_dword(v->type), err) < 0 ||
		set(at, "Start", reg_dword(start), err) < 0 ||
		set(at, "ErrorControl", reg_dword(v->errors), err) < 0 ||
		set(at, "ImagePath", reg_expand_sz(image), err) < 0 || set_texts(at, v, err) < 0 ||
		apply_regs(at, &v->regs, err) < 0)
		return -1;
	CLEANUP_FREE char *override = xasprintf("%s\\StartOverride", at->key);
	return start != START_BOOT ? 0
				   : plan_reg_delete_key(at->d->s->p->plan, at->h, HIVE_SYSTEM,
					     override, "it keeps a boot driver from loading", err);
}

static int plan_in_control_set(struct driver_install *d, unsigned control_set,
	const struct inf_service *v, uint32_t start, struct error **err)
{
	const struct guest *g = d->s->p->guest;
	CLEANUP_FREE char *rest = xasprintf("Services\\%s", v->name);
	CLEANUP_FREE char *key = guest_control_set_key(g, control_set, rest);
	CLEANUP_FREE char *event_rest =
		xasprintf("Services\\EventLog\\%s\\%s", v->event_log, v->event_source);
	CLEANUP_FREE char *event_key = guest_control_set_key(g, control_set, event_rest);
	struct place at = {.d = d, .h = g->hives[HIVE_SYSTEM].h, .key = key};
	if (plan_service(&at, v, start, err) < 0)
		return -1;
	at.key = event_key;
	return apply_regs(&at, &v->event_regs, err);
}

/* Boot start for what a device that Windows starts from needs; else as the INF has it. */
static uint32_t start_of(
	const struct driver_install *d, const struct inf_config *c, const struct inf_service *v)
{
	bool function_driver = c->service && strcasecmp(c->service, v->name) == 0;
	return d->boot && function_driver ? START_BOOT : v->start;
}

int driver_plan_services(struct driver_install *d, struct error **err)
{
	for (size_t i = 0; i < d->package->n_configs; i++) {
		const struct inf_config *c = &d->package->configs[i];
		for (size_t k = 0; d->wanted[i] && k < c->n_services; k++) {
			const struct inf_service *v = &c->services[k];
			bool done = false;
			for (size_t n = 0; d->s->services && d->s->services[n]; n++)
				done = done || strcasecmp(d->s->services[n], v->name) == 0;
			inf_texts_add(&d->s->services, v->name);
			for (unsigned s = 0; !done && s < d->s->p->guest->n_control_sets; s++)
				if (plan_in_control_set(d, s, v, start_of(d, c, v), err) < 0)
					return -1;
		}
	}
	return 0;
}
