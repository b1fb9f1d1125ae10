/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A driver package in the driver database, value by value as Windows writes it: facts windows-and-peers
 * 1.4.3, and what the types of real configurations say of AddReg flags.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "driver-install.h"
#include "le.h"
#include "inf-package-private.h"
#include "mem.h"
#include "strip.h"

#define WHY  "driver package of the target"
#define ROOT "DriverDatabase"

#define STATUS_INSTALLED 0x12

/* What a value of a configuration does where it is applied: the high half of its type. */
enum {
	CONFIG_NEW = 0x20000,
	CONFIG_APPEND = 0x40000,
	CONFIG_DELETE_KEY = 0x100000,
	CONFIG_DELETE = 0x200000
};

static struct hive *hive_of(const struct driver_install *d)
{
	return d->s->p->guest->hives[d->hive].h;
}

/* key: below DriverDatabase. */
static int set(struct driver_install *d, const char *key, const char *name, struct reg_value v,
	struct error **err)
{
	CLEANUP_FREE char *path = xasprintf(ROOT "\\%s", key);
	return plan_reg_set(d->s->p->plan, hive_of(d), d->hive, path, name, v, WHY, err);
}

static int make_key(struct driver_install *d, const char *key, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf(ROOT "\\%s", key);
	return plan_reg_make_key(d->s->p->plan, hive_of(d), d->hive, path, WHY, err);
}

static struct reg_value multi_sz(char **texts)
{
	static const char *const none[] = {NULL};
	return reg_multi_sz(texts ? (const char *const *)texts : none);
}

/* ---- DeviceIds ---- */

static int plan_device_ids(struct driver_install *d, struct error **err)
{
	const struct inf_package *p = d->package;
	char guid[GUID_STRING_SIZE];
	for (size_t i = 0; i < p->n_devices; i++) {
		const struct inf_device *v = &p->devices[i];
		const uint8_t bytes[4] = {(uint8_t)(v->hardware | v->compatible << 1),
			p->configs[v->config].feature_score};
		CLEANUP_FREE char *key = xasprintf("DeviceIds\\%s", v->id);
		if (set(d, key, d->published, reg_binary(bytes, sizeof(bytes)), err) < 0)
			return -1;
	}
	guid_format(&p->class_guid, guid);
	CLEANUP_FREE char *key = xasprintf("DeviceIds\\{%s}", guid);
	return set(d, key, d->published, (struct reg_value){.type = REG_NONE}, err);
}

static const struct driver_package *present_package(
	const struct driver_session *s, const char *published)
{
	for (size_t i = 0; i < s->present.n; i++)
		if (strcasecmp(s->present.v[i].published, published) == 0)
			return &s->present.v[i];
	return NULL;
}

/*
 * A package that was only staged claims its ids too, and has no configuration to start them with: were it
 * chosen while Windows starts, there would be no disk. Its claim on the ids of this one goes.
 */
static int drop_staged_claims(struct driver_install *d, struct error **err)
{
	struct hive *h = hive_of(d);
	for (size_t i = 0; d->early && i < d->package->n_devices; i++) {
		CLEANUP_FREE char *key =
			xasprintf(ROOT "\\DeviceIds\\%s", d->package->devices[i].id);
		hive_node node = hive_find(h, hive_root(h), key);
		char **infs = NULL;
		if (!node)
			continue;
		if (hive_value_names(h, node, &infs, err) < 0)
			return -1;
		int rc = 0;
		for (size_t k = 0; rc == 0 && infs[k]; k++) {
			const struct driver_package *v = present_package(d->s, infs[k]);
			if (v && !v->configured && strcasecmp(v->published, d->published) != 0 &&
				!strip_owns_package(d->s->p, v))
				rc = plan_reg_unset(d->s->p->plan, h, d->hive, key, infs[k],
					"its package was staged, never installed", err);
		}
		reg_texts_free(infs);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* ---- DriverInfFiles, OemInfMap ---- */

static int plan_inf_file(struct driver_install *d, struct error **err)
{
	CLEANUP_FREE char *key = xasprintf("DriverInfFiles\\%s", d->published);
	const char *const packages[] = {d->key, NULL};
	const struct inf_package *p = d->package;
	CLEANUP_FREE const char **configs = xcalloc(p->n_configs + 1, sizeof(*configs));
	for (size_t i = 0; i < p->n_configs; i++)
		configs[i] = p->configs[i].name;
	return set(d, key, "", reg_multi_sz(packages), err) < 0 ||
			       set(d, key, "Active", reg_sz(d->key), err) < 0 ||
			       set(d, key, "Configurations", reg_multi_sz(configs), err) < 0
		       ? -1
		       : 0;
}

static int plan_number(struct driver_install *d, struct error **err)
{
	static const enum hive_id hives[] = {HIVE_SYSTEM, HIVE_DRIVERS};
	uint32_t number;
	for (size_t i = 0; driver_oem_number(d->published, &number) && i < ARRAY_SIZE(hives); i++) {
		struct hive *h = d->s->p->guest->hives[hives[i]].h;
		if (h && hive_find(h, hive_root(h), ROOT) &&
			plan_reg_bit(d->s->p->plan, h, hives[i], ROOT, "OemInfMap", number, true,
				"its number is taken", err) < 0)
			return -1;
	}
	return 0;
}

/* ---- DriverPackages: the package itself ---- */

static bool signed_by_microsoft(const struct driver_install *d)
{
	static const char name[] = "Microsoft Windows Hardware Compatibility Publisher";
	return d->catalog && memmem(d->catalog, d->catalog_size, name, sizeof(name) - 1);
}

static int plan_signer(struct driver_install *d, const char *key, struct error **err)
{
	const char *file = d->package->inf->name;
	uint32_t score = 0x0d000005; /* of Microsoft's hardware programme */
	if (signed_by_microsoft(d)) {
		if (set(d, key, "SignerName",
			    reg_sz("Microsoft Windows Hardware Compatibility Publisher"), err) < 0)
			return -1;
	} else if (d->catalog) {
		score = 0x0f000000; /* of its vendor */
		plan_note(d->s->p->plan, "%s is signed by its vendor alone", file);
	} else {
		score = 0x80000000;
		plan_note(d->s->p->plan,
			"%s has no catalog: Windows loads its driver only if that is signed itself",
			file);
	}
	return set(d, key, "SignerScore", reg_dword(score), err);
}

static int plan_package(struct driver_install *d, const char *key, struct error **err)
{
	const struct inf_package *p = d->package;
	const struct guest *g = d->s->p->guest;
	uint8_t version[DRIVER_VERSION_SIZE], date[8];
	driver_version_blob(version, d->s->target.arch, &p->class_guid, p->date, p->version);
	/* The same in every run, which a clock would not be: verifying must find nothing to change. */
	le64_put(date, p->date);
	CLEANUP_FREE char *folder = driver_store_folder(g, d->key);
	CLEANUP_FREE char *path = xasprintf("C:%s", folder);
	const struct {
		const char *name;
		struct reg_value value;
	} values[] = {{"", reg_sz(d->published)}, {"InfName", reg_sz(p->inf->name)},
		{"OemPath", reg_sz(path)}, {"Provider", reg_sz(p->provider)},
		{"StatusFlags", reg_dword(STATUS_INSTALLED)},
		{"ImportDate", reg_binary(date, sizeof(date))},
		{"Version", reg_binary(version, sizeof(version))}};
	int rc = 0;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct reg_value v = values[i].value;
		if (rc < 0)
			reg_value_done(&v);
		else
			rc = set(d, key, values[i].name, v, err);
	}
	if (rc == 0 && *p->catalog)
		rc = set(d, key, "Catalog", reg_sz(p->catalog), err);
	return rc < 0 ? -1 : plan_signer(d, key, err);
}

/* ---- Configurations ---- */

/* A key that goes is a value of the key above it, as Windows has it. */
static int plan_reg(
	struct driver_install *d, const char *key, const struct inf_reg *reg, struct error **err)
{
	static const uint32_t marks[] = {
		[INF_REG_SET_NEW] = CONFIG_NEW, [INF_REG_APPEND] = CONFIG_APPEND};
	CLEANUP_FREE char *below = *reg->key ? xasprintf("%s\\%s", key, reg->key) : xstrdup(key);
	struct reg_value v = {.type = reg->value.type, .len = reg->value.len};
	if (reg->kind == INF_REG_KEY)
		return make_key(d, below, err);
	if (reg->kind == INF_REG_DELETE) {
		char *leaf = strrchr(below, '\\') + 1;
		v = (struct reg_value){.type = CONFIG_DELETE};
		if (*reg->name)
			return set(d, below, reg->name, v, err);
		if (!*reg->key)
			return 0;
		leaf[-1] = '\0';
		v.type = CONFIG_DELETE_KEY;
		return set(d, below, leaf, v, err);
	}
	if (reg->kind < ARRAY_SIZE(marks))
		v.type |= marks[reg->kind];
	v.data = v.len ? xmemdup(reg->value.data, v.len) : NULL;
	return set(d, below, reg->name, v, err);
}

/* The last line about a value holds; the key is there even where it holds nothing. */
static int plan_regs(
	struct driver_install *d, const char *key, const struct inf_regs *regs, struct error **err)
{
	for (size_t i = 0; i < regs->n; i++)
		if (inf_regs_is_last(regs, i) && plan_reg(d, key, &regs->v[i], err) < 0)
			return -1;
	return 0;
}

static int plan_config_values(
	struct driver_install *d, const char *key, const struct inf_config *c, struct error **err)
{
	const struct {
		const char *name;
		char **texts;
	} lists[] = {{"IncludedInfs", c->includes}, {"UpperFilters", c->upper},
		{"LowerFilters", c->lower}};
	if (set(d, key, "ConfigFlags", reg_dword(0), err) < 0)
		return -1;
	/* Windows 8.1 has no scopes. */
	if (d->s->p->guest->major >= 10 && set(d, key, "ConfigScope", reg_dword(c->scope), err) < 0)
		return -1;
	if (c->service && set(d, key, "Service", reg_sz(c->service), err) < 0)
		return -1;
	if (c->reboot && set(d, key, "Reboot", reg_dword(1), err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i].texts && set(d, key, lists[i].name, multi_sz(lists[i].texts), err) < 0)
			return -1;
	return 0;
}

static int plan_config(struct driver_install *d, const char *package, const struct inf_config *c,
	struct error **err)
{
	CLEANUP_FREE char *key = xasprintf("%s\\Configurations\\%s", package, c->name);
	CLEANUP_FREE char *device = xasprintf("%s\\Device", key);
	CLEANUP_FREE char *driver = xasprintf("%s\\Driver", key);
	if (plan_config_values(d, key, c, err) < 0 || plan_regs(d, device, &c->device, err) < 0 ||
		plan_regs(d, driver, &c->driver, err) < 0)
		return -1;
	for (size_t i = 0; i < c->n_services; i++) {
		CLEANUP_FREE char *service =
			xasprintf("%s\\Services\\%s", key, c->services[i].name);
		if (plan_regs(d, service, &c->services[i].regs, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- Descriptors, Strings ---- */

static char *lower(const char *text)
{
	char *copy = xstrdup(text);
	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

/* A token's name without its percent signs, where the text is one that the INF has a string for. */
static char *token_of(const struct inf *inf, const char *text)
{
	size_t len = strlen(text);
	if (len < 3 || text[0] != '%' || strchr(text + 1, '%') != text + len - 1)
		return NULL;
	CLEANUP_FREE char *expanded = inf_expand(inf, text);
	return strcmp(expanded, text) == 0 ? NULL : xstrndup(text + 1, len - 2);
}

/* A description as the database has it: its token, and the token's text beside it. */
static int plan_text(struct driver_install *d, const char *package, const char *key,
	const char *name, const char *text, struct error **err)
{
	const struct inf *inf = d->package->inf;
	CLEANUP_FREE char *token = token_of(inf, text), *expanded = inf_expand(inf, text);
	if (!token)
		return set(d, key, name, reg_sz(expanded), err);
	CLEANUP_FREE char *small = lower(token), *strings = xasprintf("%s\\Strings", package);
	CLEANUP_FREE char *shown = xasprintf("%%%s%%", small);
	if (set(d, key, name, reg_sz(shown), err) < 0)
		return -1;
	for (size_t i = 0; d->tokens && d->tokens[i]; i++)
		if (strcmp(d->tokens[i], small) == 0)
			return 0;
	inf_texts_add(&d->tokens, small);
	return set(d, strings, small, reg_sz(expanded), err);
}

static int plan_descriptor(struct driver_install *d, const char *package,
	const struct inf_device *v, struct error **err)
{
	CLEANUP_FREE char *key = xasprintf("%s\\Descriptors\\%s", package, v->id);
	return set(d, key, "Configuration", reg_sz(d->package->configs[v->config].name), err) < 0 ||
			       plan_text(d, package, key, "Description", v->description, err) < 0 ||
			       plan_text(d, package, key, "Manufacturer", v->manufacturer, err) < 0
		       ? -1
		       : 0;
}

int driver_plan_database(struct driver_install *d, struct error **err)
{
	const struct inf_package *p = d->package;
	CLEANUP_FREE char *key = xasprintf("DriverPackages\\%s", d->key);
	if (plan_number(d, err) < 0 || plan_device_ids(d, err) < 0 ||
		drop_staged_claims(d, err) < 0 || plan_inf_file(d, err) < 0 ||
		plan_package(d, key, err) < 0)
		return -1;
	for (size_t i = 0; i < p->n_configs; i++)
		if (plan_config(d, key, &p->configs[i], err) < 0)
			return -1;
	for (size_t i = 0; i < p->n_devices; i++)
		if (plan_descriptor(d, key, &p->devices[i], err) < 0)
			return -1;
	return 0;
}
