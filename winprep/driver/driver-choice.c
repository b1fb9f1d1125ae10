/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "driver-choice.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "inf-package.h"
#include "mem.h"
#include "strbuf.h"
#include "strip.h"

#define REASONS_MAX 8

bool driver_id_matches(const char *inf_id, const char *device_id)
{
	size_t len = strlen(device_id);
	return strncasecmp(inf_id, device_id, len) == 0 &&
	       (inf_id[len] == '\0' || inf_id[len] == '&');
}

static bool line_has_id(const struct inf *inf, const struct inf_line *l, const char *device_id)
{
	for (size_t i = 1; i < l->n; i++) {
		CLEANUP_FREE char *id = inf_text(inf, l, i);
		if (driver_id_matches(id, device_id))
			return true;
	}
	return false;
}

/* "Models.NTamd64.10.0": what stands behind the name; NULL: nothing. */
static const char *decoration(const char *section)
{
	const char *found = NULL;
	for (const char *p = section; (p = strchr(p, '.')); p++)
		if (strncasecmp(p, ".NT", 3) == 0)
			found = p + 1;
	return found;
}

/* How well the INF's models fit; 0: it has none for the device in this Windows. */
static uint64_t fit(const struct inf *inf, const struct inf_target *t, const char *device_id)
{
	CLEANUP_FREE struct inf_model *models = NULL;
	size_t n = inf_models(inf, t, &models);
	uint64_t best = 0;
	for (size_t i = 0; i < n; i++) {
		if (!line_has_id(inf, models[i].line, device_id))
			continue;
		const char *d = decoration(models[i].section->name);
		uint64_t rank = d ? inf_decoration_rank(d, t) : 1;
		best = rank > best ? rank : best;
	}
	return best;
}

/* ---- folders that name a Windows ---- */

enum { CLIENT = 1, SERVER = 2, BOTH = 3 };

/* Names that vendors of virtio and of clouds give to folders, and the builds that they are for. */
static const struct {
	const char *name;
	unsigned products, first, last;
} windows_folders[] = {
	{"w7", CLIENT, 7600, 7601},
	{"w8", CLIENT, 9200, 9200},
	{"w8.1", CLIENT, 9600, 9600},
	{"w10", CLIENT, 10240, 21999},
	{"w11", CLIENT, 22000, 99999},
	{"2k8", SERVER, 6000, 6003},
	{"2k8r2", SERVER, 7600, 7601},
	{"2k12", SERVER, 9200, 9200},
	{"2k12r2", SERVER, 9600, 9600},
	{"2k16", SERVER, 10240, 17762},
	{"2k19", SERVER, 17763, 20347},
	{"2k22", SERVER, 20348, 26099},
	{"2k25", SERVER, 26100, 99999},
	{"win7", BOTH, 7600, 7601},
	{"win8", BOTH, 9200, 9600},
	{"win10", BOTH, 10240, 99999},
};

/* 2: names this Windows; 1: names none; 0: names another. */
static int folder_hint(const char *folder, const struct inf_target *t)
{
	CLEANUP_FREE char *copy = xstrdup(folder);
	char *rest = copy, *part;
	int hint = 1;
	unsigned product = t->product_type == INF_PRODUCT_WORKSTATION ? CLIENT : SERVER;
	while ((part = strsep(&rest, "/")))
		for (size_t i = 0; i < ARRAY_SIZE(windows_folders); i++) {
			if (strcasecmp(part, windows_folders[i].name) != 0)
				continue;
			bool ours = windows_folders[i].products & product &&
				    t->build >= windows_folders[i].first &&
				    t->build <= windows_folders[i].last;
			hint = ours ? 2 : 0;
		}
	return hint;
}

/* ---- the best ---- */

struct candidate {
	const struct pack_inf *inf;
	uint64_t fit, date;
	int hint;
	uint16_t version[4];
};

static bool is_better(const struct candidate *a, const struct candidate *b)
{
	if (!b->inf || a->fit != b->fit)
		return !b->inf || a->fit > b->fit;
	if (a->hint != b->hint)
		return a->hint > b->hint;
	if (a->date != b->date)
		return a->date > b->date;
	for (int i = 0; i < 4; i++)
		if (a->version[i] != b->version[i])
			return a->version[i] > b->version[i];
	return false;
}

/* ---- why not ---- */

struct reasons {
	struct strbuf text;
	unsigned n;
};

static void add_reason(struct reasons *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void add_reason(struct reasons *r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	CLEANUP_FREE char *text = xvasprintf(fmt, ap);
	va_end(ap);
	if (r->n == REASONS_MAX || (r->text.data && strstr(r->text.data, text)))
		return;
	strbuf_addf(&r->text, "%s%s", r->n++ ? "; " : "", text);
}

/* Whether a models section with that decoration would hold for some Windows of that architecture. */
static bool admits_some(const char *d, enum inf_arch arch)
{
	for (unsigned product = 1; product <= 3; product++) {
		const struct inf_target t = {.arch = arch,
			.major = 0xff,
			.minor = 0xff,
			.build = 0xffffff,
			.product_type = product,
			.suite_mask = UINT32_MAX};
		if (d ? inf_decoration_rank(d, &t) > 0 : arch == INF_X86)
			return true;
	}
	return false;
}

static bool section_has_id(const struct inf *inf, const struct inf_section *s, const char *id)
{
	for (size_t i = 0; s && i < s->n; i++)
		if (s->lines[i].key && line_has_id(inf, &s->lines[i], id))
			return true;
	return false;
}

/* The INF has the device, in models that do not hold here: for what do they? */
static void reason_of(
	struct reasons *r, const struct inf *inf, const struct inf_target *t, const char *device_id)
{
	static const char *const names[] = {"x86", "x64", "ARM64"};
	const struct inf_section *makers = inf_section(inf, "Manufacturer");
	bool archs[ARRAY_SIZE(names)] = {false};
	for (size_t m = 0; makers && m < makers->n; m++) {
		const struct inf_line *l = &makers->lines[m];
		CLEANUP_FREE char *name = inf_text(inf, l, 0);
		for (size_t i = 0; i < l->n; i++) {
			const char *d = i ? l->fields[i] : NULL;
			const struct inf_section *s =
				d ? inf_section_suffixed(inf, name, d) : inf_section(inf, name);
			for (size_t a = 0; a < ARRAY_SIZE(names); a++)
				archs[a] = archs[a] || (admits_some(d, (enum inf_arch)a) &&
							       section_has_id(inf, s, device_id));
		}
	}
	if (archs[t->arch]) {
		add_reason(r, "%s: no model for this Windows", inf->name);
		return;
	}
	for (size_t a = 0; a < ARRAY_SIZE(names); a++)
		if (archs[a])
			add_reason(r, "%s is for %s", inf->name, names[a]);
}

/* ---- ---- */

const struct pack_inf *driver_choose(
	const struct prep *p, const struct platform_device *d, char **ret_why)
{
	const struct inf_target t = guest_inf_target(p->guest);
	struct candidate best = {0};
	struct reasons reasons = {0};
	for (size_t i = 0; p->packs && i < p->packs->n; i++) {
		const struct pack_inf *v = &p->packs->v[i];
		if (v->problem || !v->inf) {
			add_reason(&reasons, "%s", v->problem);
			continue;
		}
		struct candidate c = {.inf = v, .fit = fit(v->inf, &t, d->id)};
		CLEANUP_FREE char *provider =
			inf_text(v->inf, inf_line(inf_section(v->inf, "Version"), "Provider"), 0);
		const struct driver_package same = {.inf_name = v->inf->name, .provider = provider};
		if (c.fit && strip_owns_package(p, &same)) {
			add_reason(
				&reasons, "%s is a package of the source platform", v->inf->name);
			continue;
		}
		if (!c.fit) {
			reason_of(&reasons, v->inf, &t, d->id);
			continue;
		}
		c.hint = folder_hint(v->folder, &t);
		inf_driver_version(v->inf, &c.date, c.version);
		if (is_better(&c, &best))
			best = c;
	}
	CLEANUP_FREE char *why = strbuf_take(&reasons.text);
	if (ret_why)
		*ret_why = best.inf ? NULL : TAKE_PTR(why);
	return best.inf;
}
