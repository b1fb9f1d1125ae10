/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which sections of an INF hold for a Windows: "INF Manufacturer section", TargetOSVersion. */
#include "inf.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

static const char *const arch_names[] = {
	[INF_X86] = "x86", [INF_AMD64] = "amd64", [INF_ARM64] = "arm64"};

/* The parts of NT[arch][.major[.minor[.product[.suite[.build]]]]], empty ones as 0. */
struct decoration {
	bool valid, has_version, has_arch;
	enum inf_arch arch;
	bool known_arch;
	uint32_t part[5]; /* major, minor, product type, suite mask, build */
};

enum { MAJOR, MINOR, PRODUCT, SUITE, BUILD };

static struct decoration parse_decoration(const char *text)
{
	struct decoration d = {0};
	if (strncasecmp(text, "NT", 2) != 0)
		return d;
	const char *p = text + 2;
	size_t len = strcspn(p, ".");
	d.valid = true;
	d.has_arch = len > 0;
	for (size_t i = 0; i < ARRAY_SIZE(arch_names); i++)
		if (strlen(arch_names[i]) == len && strncasecmp(p, arch_names[i], len) == 0) {
			d.arch = (enum inf_arch)i;
			d.known_arch = true;
		}
	p += len;
	for (size_t i = 0; i < ARRAY_SIZE(d.part) && *p == '.'; i++) {
		p++;
		len = strcspn(p, ".");
		CLEANUP_FREE char *number = xstrndup(p, len);
		if (len && !inf_number(number, &d.part[i]))
			d.valid = false;
		if (len && i == MAJOR)
			d.has_version = true;
		p += len;
	}
	if (*p)
		d.valid = false;
	return d;
}

/* A version no later than the target's. */
static bool version_admits(const struct decoration *d, const struct inf_target *t)
{
	if (!d->has_version)
		return true;
	if (d->part[MAJOR] != t->major)
		return d->part[MAJOR] < t->major;
	if (d->part[MINOR] != t->minor)
		return d->part[MINOR] < t->minor;
	return d->part[BUILD] <= t->build;
}

uint64_t inf_decoration_rank(const char *decoration, const struct inf_target *t)
{
	struct decoration d = parse_decoration(decoration);
	if (!d.valid || !version_admits(&d, t))
		return 0;
	/* A bare "NT" was x86 alone from the day there were other architectures. */
	if (d.has_arch ? !d.known_arch || d.arch != t->arch : t->arch != INF_X86)
		return 0;
	if (d.part[PRODUCT] && d.part[PRODUCT] != t->product_type)
		return 0;
	if (d.part[SUITE] && !(d.part[SUITE] & t->suite_mask))
		return 0;
	/* Version first, then product type, then suite, then the architecture's mention. */
	uint64_t rank = 1 + d.has_arch;
	rank += (d.part[SUITE] != 0) * UINT64_C(4) + (d.part[PRODUCT] != 0) * UINT64_C(8);
	rank += (uint64_t)(d.part[BUILD] & 0xffffff) << 8;
	rank += (uint64_t)(d.part[MINOR] & 0xff) << 32 | (uint64_t)(d.part[MAJOR] & 0xff) << 40;
	return rank;
}

/* "%Mfg% = Models, NTamd64, NTamd64.10.0": the models section that holds for the target. */
static const struct inf_section *models_section(
	const struct inf *inf, const struct inf_line *l, const struct inf_target *t)
{
	uint64_t best = 0;
	const char *decoration = NULL;
	CLEANUP_FREE char *name = inf_text(inf, l, 0);
	for (size_t i = 1; i < l->n; i++) {
		uint64_t rank = inf_decoration_rank(l->fields[i], t);
		if (rank > best) {
			best = rank;
			decoration = l->fields[i];
		}
	}
	if (decoration)
		return inf_section_suffixed(inf, name, decoration);
	/* Undecorated models are for x86 only, except in files that decorate nothing at all. */
	return t->arch == INF_X86 ? inf_section(inf, name) : NULL;
}

size_t inf_models(const struct inf *inf, const struct inf_target *t, struct inf_model **ret)
{
	const struct inf_section *manufacturers = inf_section(inf, "Manufacturer");
	struct inf_model *v = NULL;
	size_t n = 0;
	for (size_t m = 0; manufacturers && m < manufacturers->n; m++) {
		const struct inf_line *maker = &manufacturers->lines[m];
		const struct inf_section *s = models_section(inf, maker, t);
		for (size_t i = 0; s && i < s->n; i++) {
			const struct inf_line *l = &s->lines[i];
			if (!l->key || l->n < 2)
				continue;
			if ((n & (n - 1)) == 0)
				v = xrealloc_array(v, n ? n * 2 : 1, sizeof(*v));
			v[n++] = (struct inf_model){.line = l,
				.description = l->key,
				.install = l->fields[0],
				.manufacturer = maker->key ? maker->key : l->fields[0],
				.ids = (const char *const *)l->fields + 1,
				.n_ids = l->n - 1,
				.section = s};
		}
	}
	*ret = v;
	return n;
}

const struct inf_section *inf_install_section(
	const struct inf *inf, const char *name, const struct inf_target *t)
{
	CLEANUP_FREE char *with_arch = xasprintf("%s.NT%s", name, arch_names[t->arch]);
	const struct inf_section *s = inf_section(inf, with_arch);
	if (!s)
		s = inf_section_suffixed(inf, name, "NT");
	return s ? s : inf_section(inf, name);
}
