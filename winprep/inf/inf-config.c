/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One install section with its .HW, .Services, .Filters … beside it: a configuration. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "inf-directives.h"
#include "inf-package-private.h"
#include "mem.h"

#define NEEDS_DEPTH_MAX 8

void inf_config_done(struct inf_config *c)
{
	free(c->name);
	free(c->service);
	inf_regs_done(&c->device);
	inf_regs_done(&c->driver);
	reg_texts_free(c->upper);
	reg_texts_free(c->lower);
	reg_texts_free(c->includes);
	for (size_t i = 0; i < c->n_services; i++)
		inf_service_done(&c->services[i]);
	free(c->services);
	for (size_t i = 0; i < c->n_files; i++) {
		free(c->files[i].source);
		free(c->files[i].name);
		free(c->files[i].subdir);
	}
	free(c->files);
}

/* A section that is being followed: lines of included INFs have their own strings and sections. */
struct context {
	struct inf_reader *r;
	struct inf_config *c;
	enum inf_section_kind kind;
	const struct inf *inf;
	const struct inf_section *section;
	unsigned depth;
};

static int follow(struct context x, struct error **err);

/* ---- directives ---- */

static int add_reg(struct context *x, const struct inf_line *l, struct error **err)
{
	if (x->kind == INF_IN_HW)
		return inf_follow_regs(x->r, x->inf, l, &x->c->device, err);
	return x->kind == INF_IN_INSTALL ? inf_follow_regs(x->r, x->inf, l, &x->c->driver, err) : 0;
}

/* Files of an included INF are in the guest already: they are Windows' own. */
static int copy_files(struct context *x, const struct inf_line *l, struct error **err)
{
	if (x->kind != INF_IN_INSTALL || x->inf != x->r->p->inf)
		return 0;
	return inf_copy_files(x->r, x->c, l, err);
}

static int include(struct context *x, const struct inf_line *l, struct error **err)
{
	(void)err;
	for (size_t i = 0; i < l->n; i++) {
		CLEANUP_FREE char *name = inf_text(x->inf, l, i);
		if (*name && x->depth == 0)
			inf_texts_add(&x->c->includes, name);
	}
	return 0;
}

/* A section that Needs names: here, or in one of the INFs that this section includes. */
static const struct inf_section *needed(
	struct context *x, const char *name, const struct inf **ret_inf)
{
	const struct inf_line *l = inf_line(x->section, "Include");
	const struct inf_section *s = inf_section(x->inf, name);
	*ret_inf = x->inf;
	for (size_t i = 0; !s && l && i < l->n; i++) {
		CLEANUP_FREE char *file = inf_text(x->inf, l, i);
		const struct inf *inf = x->r->include ? x->r->include(x->r->data, file) : NULL;
		if (inf && (s = inf_section(inf, name)))
			*ret_inf = inf;
	}
	return s;
}

static int needs(struct context *x, const struct inf_line *l, struct error **err)
{
	for (size_t i = 0; i < l->n; i++) {
		CLEANUP_FREE char *name = inf_text(x->inf, l, i);
		struct context deeper = *x;
		if (!*name)
			continue;
		deeper.section = needed(x, name, &deeper.inf);
		deeper.depth++;
		if (!deeper.section)
			inf_note(x->r->p, "%s: section [%s] that Needs names was not found",
				x->r->p->inf->name, name);
		else if (deeper.depth > NEEDS_DEPTH_MAX)
			return err_set(err, ERR_INF_INVALID, "\"%s\": Needs=%s goes in circles",
				x->r->p->inf->name, name);
		else if (follow(deeper, err) < 0)
			return -1;
	}
	return 0;
}

static int add_service(struct context *x, const struct inf_line *l, struct error **err)
{
	return x->kind == INF_IN_SERVICES ? inf_service_read(x->r, x->c, x->inf, l, err) : 0;
}

/* AddFilter = name, [flags], section; the section's FilterPosition says where. */
static int add_filter(struct context *x, const struct inf_line *l, struct error **err)
{
	(void)err;
	CLEANUP_FREE char *name = inf_text(x->inf, l, 0), *section = inf_text(x->inf, l, 2);
	CLEANUP_FREE char *position =
		inf_text(x->inf, inf_line(inf_section(x->inf, section), "FilterPosition"), 0);
	if (x->kind == INF_IN_FILTERS && *name)
		inf_texts_add(
			strcasecmp(position, "Lower") == 0 ? &x->c->lower : &x->c->upper, name);
	return 0;
}

static int feature_score(struct context *x, const struct inf_line *l, struct error **err)
{
	(void)err;
	CLEANUP_FREE char *text = inf_text(x->inf, l, 0);
	unsigned long score = strtoul(text, NULL, 16);
	if (x->kind == INF_IN_INSTALL && *text && score <= 0xff)
		x->c->feature_score = (uint8_t)score;
	return 0;
}

static int reboot(struct context *x, const struct inf_line *l, struct error **err)
{
	(void)l;
	(void)err;
	x->c->reboot = x->c->reboot || x->kind == INF_IN_INSTALL;
	return 0;
}

static const struct {
	const char *key;
	int (*read)(struct context *x, const struct inf_line *l, struct error **err);
} directives[] = {
	{"AddReg", add_reg},
	{"DelReg", add_reg},
	{"CopyFiles", copy_files},
	{"Include", include},
	{"Needs", needs},
	{"AddService", add_service},
	{"AddFilter", add_filter},
	{"FeatureScore", feature_score},
	{"Reboot", reboot},
};

static int follow_line(struct context *x, const struct inf_line *l, struct error **err)
{
	for (size_t k = 0; k < ARRAY_SIZE(directives); k++)
		if (strcasecmp(l->key, directives[k].key) == 0)
			return directives[k].read(x, l, err);
	if (!inf_directive_find(x->kind, l->key))
		inf_note(x->r->p, "%s: directive %s of [%s] is not known", x->inf->name, l->key,
			x->section->name);
	return 0;
}

static int follow(struct context x, struct error **err)
{
	if (inf_count_steps(x.r, x.section->n + 1, err) < 0)
		return -1;
	for (size_t i = 0; i < x.section->n; i++)
		if (x.section->lines[i].key && follow_line(&x, &x.section->lines[i], err) < 0)
			return -1;
	return 0;
}

/* ---- what Windows keeps elsewhere than where the INF puts it ---- */

static void take_texts(char ***list, const struct reg_value *v)
{
	char **texts = reg_texts(v);
	for (size_t i = 0; texts[i]; i++)
		inf_texts_add(list, texts[i]);
	reg_texts_free(texts);
}

/*
 * Filters of the hardware key are the configuration's own; what describes the device object is a
 * property, which Windows sets when it installs the device.
 */
static void sort_device_values(struct inf_reader *r, struct inf_config *c)
{
	static const char *const properties[] = {
		"Security", "DeviceType", "DeviceCharacteristics", "Exclusive"};
	size_t kept = 0;
	for (size_t i = 0; i < c->device.n; i++) {
		struct inf_reg *reg = &c->device.v[i];
		bool top = !*reg->key && reg->kind != INF_REG_DELETE, taken = false;
		if (top && strcasecmp(reg->name, "UpperFilters") == 0) {
			take_texts(&c->upper, &reg->value);
			taken = true;
		} else if (top && strcasecmp(reg->name, "LowerFilters") == 0) {
			take_texts(&c->lower, &reg->value);
			taken = true;
		}
		for (size_t k = 0; top && !taken && k < ARRAY_SIZE(properties); k++)
			if (strcasecmp(reg->name, properties[k]) == 0) {
				inf_note(r->p, "%s: %s of [%s] is left to Windows", r->p->inf->name,
					properties[k], c->name);
				taken = true;
			}
		if (taken) {
			struct inf_regs one = {.v = xmemdup(reg, sizeof(*reg)), .n = 1};
			inf_regs_done(&one);
		} else {
			c->device.v[kept++] = *reg;
		}
	}
	c->device.n = kept;
}

/* ---- ---- */

static int follow_beside(struct context *x, const struct inf_beside *b, struct error **err)
{
	const struct inf_section *install = x->section;
	x->section = inf_section_suffixed(x->inf, install->name, b->suffix);
	int rc = 0;
	if (x->section) {
		x->c->scope |= b->scope;
		if (b->kind >= 0) {
			x->kind = (enum inf_section_kind)b->kind;
			rc = follow(*x, err);
		} else {
			inf_note(x->r->p, "%s: [%s] is left out: %s", x->inf->name,
				x->section->name, b->ignored);
		}
	}
	x->section = install;
	return rc;
}

int inf_config_read(struct inf_reader *r, const struct inf_section *s, struct inf_config *ret,
	struct error **err)
{
	struct inf_config c = {
		.name = xstrdup(s->name), .scope = INF_SCOPE_INSTALL, .feature_score = 0xff};
	struct context x = {
		.r = r, .c = &c, .kind = INF_IN_INSTALL, .inf = r->p->inf, .section = s};
	int rc = follow(x, err);
	for (const struct inf_beside *b = inf_beside; rc == 0 && b->suffix; b++)
		rc = follow_beside(&x, b, err);
	sort_device_values(r, &c);
	if (rc < 0)
		inf_config_done(&c);
	else
		*ret = c;
	return rc;
}
