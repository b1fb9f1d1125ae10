/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a run of the step inject knows of the guest: packages, numbers, INFs of Windows itself. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "driver-choice.h"
#include "driver-install.h"
#include "mem.h"

static const enum hive_id database_hives[] = {HIVE_SYSTEM, HIVE_DRIVERS};

static void take_number(struct driver_session *s, const char *published)
{
	uint32_t n;
	if (driver_oem_number(published, &n) && n < DRIVER_OEM_MAX)
		s->oem_used[n] = true;
}

/* A number is free where neither bitmap, nor any INF of either database, nor a file has it. */
static int read_database_numbers(struct driver_session *s, struct hive *h, struct error **err)
{
	CLEANUP_REG_VALUE struct reg_value map = {0};
	CLEANUP_CHILDREN struct hive_children infs = {0};
	hive_node root = hive_find(h, hive_root(h), "DriverDatabase");
	if (hive_get(h, root, "OemInfMap", &map, err) < 0 ||
		hive_children(h, hive_find(h, root, "DriverInfFiles"), &infs, err) < 0)
		return -1;
	for (size_t i = 0; i < map.len * 8 && i < DRIVER_OEM_MAX; i++)
		s->oem_used[i] = s->oem_used[i] || map.data[i / 8] & 0x80 >> i % 8;
	for (size_t i = 0; i < infs.n; i++)
		take_number(s, infs.v[i].name);
	return 0;
}

static int read_numbers(struct driver_session *s, struct error **err)
{
	const struct guest *g = s->p->guest;
	for (size_t i = 0; i < ARRAY_SIZE(database_hives); i++)
		if (g->hives[database_hives[i]].h &&
			read_database_numbers(s, g->hives[database_hives[i]].h, err) < 0)
			return -1;
	for (size_t i = 0; i < s->present.n; i++)
		take_number(s, s->present.v[i].published);
	if (!g->volume)
		return 0; /* hives alone: a test of the registry side */
	CLEANUP_FREE char *folder = xasprintf("%s\\INF", g->root);
	char **names = NULL;
	if (ntfs_dir_list(g->volume, folder, &names, err) < 0)
		return -1;
	for (size_t i = 0; names[i]; i++)
		take_number(s, names[i]);
	reg_texts_free(names);
	return 0;
}

int driver_session_open(struct driver_session *s, struct prep *p, struct error **err)
{
	*s = (struct driver_session){.p = p, .target = guest_inf_target(p->guest)};
	if (driver_packages_read(p->guest, &s->present, err) < 0)
		return -1;
	return read_numbers(s, err);
}

void driver_session_done(struct driver_session *s)
{
	driver_packages_done(&s->present);
	for (size_t i = 0; s->included && s->included[i]; i++)
		inf_free(s->included[i]);
	free(s->included);
	reg_texts_free(s->services);
	reg_texts_free(s->files);
}

/* ---- Include ---- */

/* Read once; one that is not there or not readable is the same as none: the package gets a note. */
static const struct inf *include_inf(void *data, const char *name)
{
	struct driver_session *s = data;
	const struct guest *g = s->p->guest;
	CLEANUP_FREE uint8_t *text = NULL;
	CLEANUP_ERR struct error *ignored = NULL;
	struct inf *inf = NULL;
	size_t n = 0, len;
	for (; s->included && s->included[n]; n++)
		if (strcasecmp(s->included[n]->name, name) == 0)
			return s->included[n];
	if (!g->volume || strpbrk(name, "\\/:") || n >= 64)
		return NULL;
	CLEANUP_FREE char *path = xasprintf("%s\\INF\\%s", g->root, name);
	if (ntfs_file_read(g->volume, path, INF_SIZE_MAX, &text, &len, &ignored) < 0 ||
		inf_parse(&inf, text, len, name, &ignored) < 0)
		return NULL;
	s->included = xrealloc_array(s->included, n + 2, sizeof(*s->included));
	s->included[n] = inf;
	s->included[n + 1] = NULL;
	return inf;
}

/* ---- a package's place ---- */

static bool same_origin(const struct driver_package *a, const struct inf_package *b)
{
	return strcasecmp(a->inf_name, b->inf->name) == 0 &&
	       strcasecmp(a->provider, b->provider) == 0;
}

/*
 * The guest's own entry that this package continues: ours of an earlier run, or one of the same version
 * that was staged only.
 */
static const struct driver_package *find_entry(const struct driver_install *d)
{
	const struct inf_package *p = d->package;
	for (size_t i = 0; i < d->s->present.n; i++) {
		const struct driver_package *e = &d->s->present.v[i];
		if (strcasecmp(e->key, d->key) == 0)
			return e;
		if (!e->configured && e->hive == d->hive && same_origin(e, p) &&
			driver_version_compare(e->date, e->version, p->date, p->version) == 0)
			return e;
	}
	return NULL;
}

static int take_free_number(struct driver_install *d, struct error **err)
{
	for (uint32_t n = 0; n < DRIVER_OEM_MAX; n++)
		if (!d->s->oem_used[n]) {
			d->s->oem_used[n] = true;
			d->published = xasprintf("oem%u.inf", n);
			return 0;
		}
	return err_set(err, ERR_PACK_INVALID, "this Windows has no free number for \"%s\"",
		d->source->file);
}

/*
 * SYSTEM holds the classes that a boot needs: those that Windows' own packages have there. The table is
 * for a hive that has lost them.
 */
static enum hive_id choose_hive(const struct driver_install *d)
{
	static const struct guid boot_classes[] = {
		GUID_INIT(0x4d36e97b, 0xe325, 0x11ce, 0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03,
			0x18), /* SCSIAdapter */
		GUID_INIT(0x4d36e96a, 0xe325, 0x11ce, 0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03,
			0x18), /* HDC */
		GUID_INIT(0x4d36e97d, 0xe325, 0x11ce, 0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03,
			0x18), /* System */
	};
	const struct guest *g = d->s->p->guest;
	struct hive *system = g->hives[HIVE_SYSTEM].h, *drivers = g->hives[HIVE_DRIVERS].h;
	char guid[GUID_STRING_SIZE];
	guid_format(&d->package->class_guid, guid);
	if (d->boot || !drivers || !hive_find(drivers, hive_root(drivers), "DriverDatabase") ||
		hive_findf(system, hive_root(system), "DriverDatabase\\DeviceIds\\{%s}", guid))
		return HIVE_SYSTEM;
	for (size_t i = 0; i < ARRAY_SIZE(boot_classes); i++)
		if (guid_equal(&boot_classes[i], &d->package->class_guid))
			return HIVE_SYSTEM;
	return HIVE_DRIVERS;
}

/* The configurations that the target's devices take. */
static int find_wanted(struct driver_install *d, struct error **err)
{
	struct inf_package *p = d->package;
	d->wanted = xcalloc(p->n_configs + 1, sizeof(*d->wanted));
	for (size_t i = 0; i < d->n_devices; i++) {
		bool service = false;
		for (size_t k = 0; k < p->n_devices; k++) {
			if (!driver_id_matches(p->devices[k].id, d->devices[i]->id))
				continue;
			const struct inf_config *c = &p->configs[p->devices[k].config];
			d->wanted[p->devices[k].config] = true;
			service = service || (c->service && *c->service);
			for (size_t n = 0; n < c->n_services; n++)
				d->early = d->early || d->boot || c->services[n].start == 0;
		}
		if (!service && d->devices[i]->boot_group)
			return err_set(err, ERR_PACK_INVALID,
				"\"%s\" of pack \"%s\" installs no driver for %s (%s)",
				d->source->file, d->source->pack, d->devices[i]->title,
				d->devices[i]->id);
	}
	return 0;
}

int driver_install_prepare(struct driver_install *d, struct error **err)
{
	static const char *const archs[] = {"x86", "amd64", "arm64"};
	char id[17];
	if (strpbrk(d->source->file, "\\:*?\"<>|") || strlen(d->source->file) > 200)
		return err_set(err, ERR_PACK_INVALID,
			"pack \"%s\": \"%s\" is no file name for Windows", d->source->pack,
			d->source->file);
	if (inf_package_read(&d->package, d->source->inf, &d->s->target, include_inf, d->s, err) <
			0 ||
		find_wanted(d, err) < 0)
		return err_prefix(err, "pack \"%s\"", d->source->pack);
	d->hive = choose_hive(d);
	if (driver_content_id(d, id, err) < 0)
		return -1;
	d->key = xasprintf("%s_%s_%s", d->package->inf->name, archs[d->s->target.arch], id);
	const struct driver_package *entry = find_entry(d);
	if (!entry)
		return take_free_number(d, err);
	free(d->key);
	d->key = xstrdup(entry->key);
	d->published = xstrdup(entry->published);
	return 0;
}

void driver_install_done(struct driver_install *d)
{
	inf_package_free(d->package);
	free(d->devices);
	free(d->wanted);
	free(d->key);
	free(d->published);
	free(d->catalog);
	reg_texts_free(d->tokens);
}
