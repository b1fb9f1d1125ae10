/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inf-package.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "inf-package-private.h"
#include "mem.h"

/* ---- small helpers ---- */

void inf_texts_add(char ***list, const char *text)
{
	size_t n = 0;
	for (; *list && (*list)[n]; n++)
		if (strcasecmp((*list)[n], text) == 0)
			return;
	*list = xrealloc_array(*list, n + 2, sizeof(**list));
	(*list)[n] = xstrdup(text);
	(*list)[n + 1] = NULL;
}

void inf_note(struct inf_package *p, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	CLEANUP_FREE char *text = xvasprintf(fmt, ap);
	va_end(ap);
	if (p->n_notes < INF_NOTES_MAX)
		inf_texts_add(&p->notes, text);
	for (p->n_notes = 0; p->notes && p->notes[p->n_notes];)
		p->n_notes++;
}

int inf_count_steps(struct inf_reader *r, size_t n, struct error **err)
{
	if (n <= INF_STEPS_MAX - r->steps && r->skips.bytes <= INF_BYTES_MAX) {
		r->steps += (unsigned)n;
		return 0;
	}
	return err_set(err, ERR_INF_INVALID,
		"\"%s\": its sections refer to more than %u lines, or hold more than %u bytes",
		r->p->inf->name, INF_STEPS_MAX, INF_BYTES_MAX);
}

int inf_follow_regs(struct inf_reader *r, const struct inf *inf, const struct inf_line *l,
	struct inf_regs *regs, struct error **err)
{
	for (size_t i = 0; i < l->n; i++) {
		CLEANUP_FREE char *name = inf_text(inf, l, i);
		const struct inf_section *s = inf_section(inf, name);
		if (inf_count_steps(r, s ? s->n : 1, err) < 0)
			return -1;
		inf_regs_add(regs, inf, s, strcasecmp(l->key, "DelReg") == 0, &r->skips);
		if (regs->n > INF_REGS_MAX)
			return err_set(err, ERR_INF_INVALID,
				"\"%s\": more than %u registry values of one device or service",
				inf->name, INF_REGS_MAX);
	}
	return 0;
}

/* ---- [Version] ---- */

static char *version_text(const struct inf *inf, const char *key)
{
	return inf_text(inf, inf_line(inf_section(inf, "Version"), key), 0);
}

/* Days from 1601-01-01 to a day of the Gregorian calendar. */
static uint64_t days_since_1601(unsigned y, unsigned m, unsigned d)
{
	static const uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	unsigned years = y - 1601;
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	return (uint64_t)years * 365 + years / 4 - years / 100 + years / 400 + before[m - 1] +
	       (leap && m > 2) + d - 1;
}

bool inf_driver_version(const struct inf *inf, uint64_t *ret_date, uint16_t ret_version[4])
{
	const struct inf_line *l = inf_line(inf_section(inf, "Version"), "DriverVer");
	CLEANUP_FREE char *date = inf_text(inf, l, 0), *version = inf_text(inf, l, 1);
	unsigned d, m, y, v[4] = {0};
	*ret_date = 0;
	memset(ret_version, 0, 4 * sizeof(*ret_version));
	if (sscanf(date, "%2u/%2u/%4u", &m, &d, &y) != 3 &&
		sscanf(date, "%2u-%2u-%4u", &m, &d, &y) != 3)
		return false;
	if (m < 1 || m > 12 || d < 1 || d > 31 || y < 1980 || y > 9999)
		return false;
	*ret_date = days_since_1601(y, m, d) * 86400 * 10000000;
	sscanf(version, "%5u.%5u.%5u.%5u", &v[0], &v[1], &v[2], &v[3]);
	for (int i = 0; i < 4; i++)
		ret_version[i] = v[i] > UINT16_MAX ? UINT16_MAX : (uint16_t)v[i];
	return true;
}

static char *read_catalog(const struct inf *inf, const struct inf_target *t)
{
	static const char *const keys[][3] = {
		[INF_X86] = {"CatalogFile.NTx86", "CatalogFile.NT", "CatalogFile"},
		[INF_AMD64] = {"CatalogFile.NTamd64", "CatalogFile.NT", "CatalogFile"},
		[INF_ARM64] = {"CatalogFile.NTarm64", "CatalogFile.NT", "CatalogFile"}};
	for (size_t i = 0; i < ARRAY_SIZE(keys[0]); i++) {
		char *name = version_text(inf, keys[t->arch][i]);
		if (*name)
			return name;
		free(name);
	}
	return xstrdup("");
}

static int read_version(struct inf_package *p, const struct inf_target *t, struct error **err)
{
	const struct inf *inf = p->inf;
	uint32_t lockdown = 0;
	p->provider = version_text(inf, "Provider");
	p->class_name = version_text(inf, "Class");
	p->catalog = read_catalog(inf, t);
	CLEANUP_FREE char *guid = version_text(inf, "ClassGuid"),
			  *lock = version_text(inf, "PnpLockdown");
	p->lockdown = inf_number(lock, &lockdown) && lockdown;
	inf_driver_version(inf, &p->date, p->version);
	if (strpbrk(p->catalog, "\\/:"))
		return err_set(err, ERR_INF_INVALID, "\"%s\": \"%s\" is no name of a catalog",
			inf->name, p->catalog);
	if (!guid_parse(guid, &p->class_guid))
		return err_set(err, ERR_INF_INVALID,
			"\"%s\": ClassGuid is \"%s\" (a GUID expected)", inf->name, guid);
	return 0;
}

/* ---- models ---- */

/* Where one model's install section is among the configurations; -1: it has none. */
static int find_config(struct inf_reader *r, const char *install, struct error **err)
{
	struct inf_package *p = r->p;
	const struct inf_section *s = inf_install_section(p->inf, install, r->target);
	if (!s) {
		inf_note(p, "%s: install section [%s] is missing", p->inf->name, install);
		return -1;
	}
	for (size_t i = 0; i < p->n_configs; i++)
		if (strcasecmp(p->configs[i].name, s->name) == 0)
			return (int)i;
	if (p->n_configs == INF_CONFIGS_MAX)
		return err_set(err, ERR_INF_INVALID, "\"%s\": more than %u install sections",
			p->inf->name, INF_CONFIGS_MAX);
	struct inf_config c;
	if (inf_config_read(r, s, &c, err) < 0)
		return -1;
	p->configs = xrealloc_array(p->configs, p->n_configs + 1, sizeof(*p->configs));
	p->configs[p->n_configs] = c;
	return (int)p->n_configs++;
}

static struct inf_device *find_device(struct inf_package *p, const char *id)
{
	for (size_t i = 0; i < p->n_devices; i++)
		if (strcasecmp(p->devices[i].id, id) == 0)
			return &p->devices[i];
	return NULL;
}

/* An id below a key of the registry: no part of it may be empty. */
static bool id_is_sane(const char *id)
{
	size_t len = strlen(id);
	return len > 0 && len < 200 && id[0] != '\\' && id[len - 1] != '\\' && !strstr(id, "\\\\");
}

static int add_id(struct inf_reader *r, const struct inf_model *m, size_t config, size_t i,
	struct error **err)
{
	struct inf_package *p = r->p;
	CLEANUP_FREE char *id = inf_expand(p->inf, m->ids[i]);
	struct inf_device *d = find_device(p, id);
	if (!id_is_sane(id))
		return 0;
	if (!d) {
		if (p->n_devices == INF_DEVICES_MAX)
			return err_set(err, ERR_INF_INVALID, "\"%s\": more than %u devices",
				p->inf->name, INF_DEVICES_MAX);
		p->devices = xrealloc_array(p->devices, p->n_devices + 1, sizeof(*p->devices));
		d = &p->devices[p->n_devices++];
		*d = (struct inf_device){.id = TAKE_PTR(id),
			.config = config,
			.description = xstrdup(m->description),
			.manufacturer = xstrdup(m->manufacturer)};
	}
	d->hardware = d->hardware || i == 0;
	d->compatible = d->compatible || i > 0;
	return 0;
}

static int read_model(struct inf_reader *r, const struct inf_model *m, struct error **err)
{
	CLEANUP_FREE char *install = inf_expand(r->p->inf, m->install);
	if (inf_count_steps(r, m->n_ids + 1, err) < 0)
		return -1;
	int config = find_config(r, install, err);
	if (config < 0)
		return *err ? -1 : 0;
	for (size_t i = 0; i < m->n_ids; i++)
		if (add_id(r, m, (size_t)config, i, err) < 0)
			return -1;
	return 0;
}

static void note_skips(struct inf_reader *r)
{
	const struct inf_package *p = r->p;
	if (r->skips.other_roots)
		inf_note(r->p,
			"%s: %u registry values outside of the device and its services "
			"are left to Windows",
			p->inf->name, r->skips.other_roots);
	if (r->skips.unclear)
		inf_note(r->p, "%s: %u registry values whose type is unclear were left out",
			p->inf->name, r->skips.unclear);
}

int inf_package_read(struct inf_package **ret, const struct inf *inf, const struct inf_target *t,
	inf_include_fn *include, void *data, struct error **err)
{
	struct inf_package *p CLEANUP(inf_package_free_p) = xcalloc(1, sizeof(*p));
	struct inf_reader r = {.p = p, .target = t, .include = include, .data = data};
	CLEANUP_FREE struct inf_model *models = NULL;
	p->inf = inf;
	if (read_version(p, t, err) < 0)
		return -1;
	size_t n = inf_models(inf, t, &models);
	for (size_t i = 0; i < n; i++)
		if (read_model(&r, &models[i], err) < 0)
			return -1;
	note_skips(&r);
	*ret = TAKE_PTR(p);
	return 0;
}

void inf_package_free(struct inf_package *p)
{
	if (!p)
		return;
	free(p->provider);
	free(p->class_name);
	free(p->catalog);
	for (size_t i = 0; i < p->n_configs; i++)
		inf_config_done(&p->configs[i]);
	free(p->configs);
	for (size_t i = 0; i < p->n_devices; i++) {
		free(p->devices[i].id);
		free(p->devices[i].description);
		free(p->devices[i].manufacturer);
	}
	free(p->devices);
	reg_texts_free(p->notes);
	free(p);
}
