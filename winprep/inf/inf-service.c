/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AddService: a service, its registry values, and its event source. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "inf-directives.h"
#include "inf-package-private.h"
#include "mem.h"

#define ASSOCIATED 0x2 /* SPSVCINST_ASSOCSERVICE: the device's function driver */

void inf_service_done(struct inf_service *s)
{
	free(s->name);
	free(s->group);
	free(s->binary);
	free(s->display);
	free(s->description);
	free(s->event_log);
	free(s->event_source);
	reg_texts_free(s->depends);
	inf_regs_done(&s->regs);
	inf_regs_done(&s->event_regs);
}

static char *section_text(
	const struct inf *inf, const struct inf_section *s, const char *key, bool replaced)
{
	const struct inf_line *l = inf_line(s, key);
	return replaced ? inf_text(inf, l, 0) : xstrdup(inf_field(l, 0));
}

static int add_regs(struct inf_reader *r, const struct inf *inf, const struct inf_section *s,
	enum inf_section_kind kind, struct inf_regs *regs, struct error **err)
{
	for (size_t i = 0; s && i < s->n; i++) {
		const struct inf_line *l = &s->lines[i];
		if (!l->key)
			continue;
		if (!inf_directive_find(kind, l->key))
			inf_note(r->p, "%s: directive %s of [%s] is not known", inf->name, l->key,
				s->name);
		if ((strcasecmp(l->key, "AddReg") == 0 || strcasecmp(l->key, "DelReg") == 0) &&
			inf_follow_regs(r, inf, l, regs, err) < 0)
			return -1;
	}
	return 0;
}

static int read_numbers(const struct inf *inf, const struct inf_section *s, struct inf_service *v,
	struct error **err)
{
	const struct {
		const char *key;
		uint32_t *ret;
	} numbers[] = {
		{"ServiceType", &v->type}, {"StartType", &v->start}, {"ErrorControl", &v->errors}};
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		CLEANUP_FREE char *text = section_text(inf, s, numbers[i].key, true);
		if (!inf_number(text, numbers[i].ret))
			return err_set(err, ERR_INF_INVALID,
				"\"%s\" section [%s]: %s is \"%s\" (a number expected)", inf->name,
				s->name, numbers[i].key, text);
	}
	return 0;
}

static void read_depends(const struct inf *inf, const struct inf_section *s, struct inf_service *v)
{
	const struct inf_line *l = inf_line(s, "Dependencies");
	for (size_t i = 0; l && i < l->n; i++) {
		CLEANUP_FREE char *text = inf_text(inf, l, i);
		if (*text)
			inf_texts_add(&v->depends, text);
	}
}

/* BootFlags and the like, which the registry has as they are. */
static void read_extra(const struct inf *inf, const struct inf_section *s, struct inf_service *v)
{
	static const char *const names[] = {"BootFlags", "ServiceSidType", "DelayedAutoStart"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		uint32_t n;
		CLEANUP_FREE char *text = section_text(inf, s, names[i], true);
		if (!inf_number(text, &n))
			continue;
		inf_regs_push(&v->regs, (struct inf_reg){.key = xstrdup(""),
						.name = xstrdup(names[i]),
						.value = reg_dword(n)});
	}
}

static int read_service(struct inf_reader *r, const struct inf *inf, const struct inf_line *l,
	struct inf_service *v, struct error **err)
{
	CLEANUP_FREE char *section = inf_text(inf, l, 2), *events = inf_text(inf, l, 3);
	const struct inf_section *s = inf_section(inf, section);
	if (!s)
		return err_set(err, ERR_INF_INVALID,
			"\"%s\": section [%s] that AddService names is missing", inf->name,
			section);
	if (read_numbers(inf, s, v, err) < 0)
		return -1;
	read_extra(inf, s, v);
	v->binary = section_text(inf, s, "ServiceBinary", true);
	v->group = section_text(inf, s, "LoadOrderGroup", true);
	v->display = section_text(inf, s, "DisplayName", false);
	v->description = section_text(inf, s, "Description", false);
	read_depends(inf, s, v);
	if (!*v->binary)
		return err_set(err, ERR_INF_INVALID, "\"%s\" section [%s] has no ServiceBinary",
			inf->name, s->name);
	CLEANUP_FREE char *log = inf_text(inf, l, 4), *source = inf_text(inf, l, 5);
	v->event_log = xstrdup(*log ? log : "System");
	v->event_source = xstrdup(*source ? source : v->name);
	return add_regs(r, inf, s, INF_IN_SERVICE, &v->regs, err) < 0
		       ? -1
		       : add_regs(r, inf, inf_section(inf, events), INF_IN_EVENTS, &v->event_regs,
				 err);
}

int inf_service_read(struct inf_reader *r, struct inf_config *c, const struct inf *inf,
	const struct inf_line *l, struct error **err)
{
	struct inf_service v = {.name = inf_text(inf, l, 0)};
	CLEANUP_FREE char *flags = inf_text(inf, l, 1);
	inf_number(flags, &v.flags);
	if (strpbrk(v.name, "\\/")) {
		err_set(err, ERR_INF_INVALID, "\"%s\": \"%s\" is no name of a service", inf->name,
			v.name);
		free(v.name);
		return -1;
	}
	if (v.flags & ASSOCIATED) {
		free(c->service);
		c->service = xstrdup(v.name);
	}
	/* "AddService = ,2": the device needs no driver of its own. */
	if (!*v.name) {
		free(v.name);
		return 0;
	}
	if (read_service(r, inf, l, &v, err) < 0) {
		inf_service_done(&v);
		return -1;
	}
	c->services = xrealloc_array(c->services, c->n_services + 1, sizeof(*c->services));
	c->services[c->n_services++] = v;
	return 0;
}
