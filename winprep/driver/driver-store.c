/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A driver package's files: in the driver store, in the system's folders, INF and catalog copies. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "driver-install.h"
#include "driver-signature.h"
#include "inf-package-private.h"
#include "le.h"
#include "mem.h"

#define WHY "driver of the target"

/* ---- names ---- */

char *driver_dirid_folder(const struct driver_install *d, uint32_t dirid)
{
	static const struct {
		uint32_t id;
		const char *folder;
	} dirids[] = {{10, ""}, {11, "System32"}, {12, "System32\\drivers"}, {17, "INF"},
		{18, "Help"}, {20, "Fonts"}, {16425, "SysWOW64"}};
	if (dirid == 13)
		return xasprintf("System32\\DriverStore\\FileRepository\\%s", d->key);
	for (size_t i = 0; i < ARRAY_SIZE(dirids); i++)
		if (dirids[i].id == dirid)
			return xstrdup(dirids[i].folder);
	return NULL;
}

/* FNV-1a: a name for the content, not a proof of it. */
static uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *p = data;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Every file of the package beside INF and catalog: those copied, and those only named, if they are there. */
static int store_files(const struct driver_install *d, char ***ret, struct error **err)
{
	const struct inf_package *p = d->package;
	char **list = NULL;
	if (inf_all_sources(p, &d->s->target, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < p->n_configs; i++)
		for (size_t k = 0; k < p->configs[i].n_files; k++)
			inf_texts_add(&list, p->configs[i].files[k].source);
	*ret = list;
	return 0;
}

/* Whether a device of the target takes a configuration that copies the file. */
static bool is_needed(const struct driver_install *d, const char *source)
{
	for (size_t i = 0; i < d->package->n_configs; i++)
		for (size_t k = 0; d->wanted[i] && k < d->package->configs[i].n_files; k++)
			if (strcasecmp(d->package->configs[i].files[k].source, source) == 0)
				return true;
	return false;
}

/* 1 and the content; 0: it is named by the INF, missing, and not needed. */
static int read_source(struct driver_install *d, const char *path, uint8_t **ret, size_t *ret_len,
	struct error **err)
{
	CLEANUP_ERR struct error *problem = NULL;
	if (pack_read(d->s->p->packs, d->source, path, ret, ret_len, &problem) == 0)
		return 1;
	if (!is_needed(d, path))
		return 0;
	err_move(err, &problem);
	return -1;
}

/* The catalog, where the INF names one and the pack has it. */
static int read_catalog(struct driver_install *d)
{
	CLEANUP_ERR struct error *ignored = NULL;
	const struct inf_package *p = d->package;
	if (!*p->catalog || d->catalog)
		return 0;
	return pack_read(
		d->s->p->packs, d->source, p->catalog, &d->catalog, &d->catalog_size, &ignored);
}

int driver_content_id(struct driver_install *d, char ret[static 17], struct error **err)
{
	uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), d->source->data, d->source->size);
	char **files = NULL;
	if (store_files(d, &files, err) < 0)
		return -1;
	int rc = 0;
	for (size_t i = 0; rc >= 0 && files && files[i]; i++) {
		CLEANUP_FREE uint8_t *data = NULL;
		size_t len;
		rc = read_source(d, files[i], &data, &len, err);
		if (rc == 1)
			hash = hash_bytes(hash_bytes(hash, files[i], strlen(files[i])), data, len);
	}
	reg_texts_free(files);
	if (rc < 0)
		return -1;
	if (read_catalog(d) == 0 && d->catalog)
		hash = hash_bytes(hash, d->catalog, d->catalog_size);
	snprintf(ret, 17, "%016llx", (unsigned long long)hash);
	return 0;
}

/* ---- what is no driver for this Windows ---- */

static bool is_driver_name(const char *name)
{
	size_t len = strlen(name);
	return len > 4 && strcasecmp(name + len - 4, ".sys") == 0;
}

/* The machine that a PE file is for; 0: it is none. */
static uint16_t pe_machine(const uint8_t *data, size_t len)
{
	if (len < 0x40 || le16_at(data) != 0x5a4d)
		return 0;
	uint32_t pe = le32_at(data + 0x3c);
	if (pe > len - 6 || memcmp(data + pe, "PE\0", 4) != 0)
		return 0;
	return le16_at(data + pe + 4);
}

static int check_driver(const struct driver_install *d, const char *name, const uint8_t *data,
	size_t len, struct error **err)
{
	static const struct {
		uint16_t machine;
		const char *title;
	} machines[] = {[INF_X86] = {0x14c, "x86"},
		[INF_AMD64] = {0x8664, "x64"},
		[INF_ARM64] = {0xaa64, "ARM64"}};
	uint16_t machine = pe_machine(data, len);
	const char *is = "of an unknown kind";
	if (machine == machines[d->s->target.arch].machine)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (machines[i].machine == machine)
			is = machines[i].title;
	return err_set(err, ERR_PACK_INVALID,
		"pack \"%s\": driver \"%s\" of \"%s\" is %s%s (%s expected)", d->source->pack, name,
		d->source->file, machine ? "" : "no program, ", is,
		machines[d->s->target.arch].title);
}

/* ---- putting ---- */

/* Where it differs from what is there; once, however often it is named. */
static int put(struct driver_install *d, const char *path, const uint8_t *data, size_t len,
	struct error **err)
{
	bool same;
	for (size_t i = 0; d->s->files && d->s->files[i]; i++)
		if (strcasecmp(d->s->files[i], path) == 0)
			return 0;
	inf_texts_add(&d->s->files, path);
	if (guest_file_is(d->s->p->guest, path, data, len, &same, err) < 0)
		return -1;
	if (!same)
		plan_file_put(d->s->p->plan, path, data, len, WHY);
	return 0;
}

/* To where the configurations that the target's devices take copy it. */
static int put_in_system(struct driver_install *d, const char *source, const uint8_t *data,
	size_t len, struct error **err)
{
	const struct inf_package *p = d->package;
	for (size_t i = 0; i < p->n_configs; i++)
		for (size_t k = 0; d->wanted[i] && k < p->configs[i].n_files; k++) {
			const struct inf_file *f = &p->configs[i].files[k];
			if (strcasecmp(f->source, source) != 0 || f->dirid == 13)
				continue;
			CLEANUP_FREE char *folder = driver_dirid_folder(d, f->dirid);
			CLEANUP_FREE char *path = xasprintf("%s%s%s%s%s\\%s", d->s->p->guest->root,
				folder && *folder ? "\\" : "", folder ? folder : "",
				*f->subdir ? "\\" : "", f->subdir, f->name);
			if (!folder)
				plan_note(d->s->p->plan,
					"%s: \"%s\" goes to folder %u, which only Windows knows",
					p->inf->name, f->name, f->dirid);
			else if (put(d, path, data, len, err) < 0)
				return -1;
		}
	return 0;
}

static int put_source(struct driver_install *d, const char *source, struct error **err)
{
	CLEANUP_FREE uint8_t *data = NULL;
	size_t len;
	int rc = read_source(d, source, &data, &len, err);
	if (rc <= 0)
		return rc;
	if (is_needed(d, source) && is_driver_name(source) &&
		(check_driver(d, source, data, len, err) < 0 ||
			driver_check_program(d, source, data, len, err) < 0))
		return -1;
	if (!d->s->p->guest->volume)
		return 0; /* hives alone: a test of the registry side */
	CLEANUP_FREE char *folder = driver_store_folder(d->s->p->guest, d->key);
	CLEANUP_FREE char *path = xasprintf("%s\\%s", folder, source);
	if (put(d, path, data, len, err) < 0)
		return -1;
	return put_in_system(d, source, data, len, err);
}

static int put_copies(struct driver_install *d, struct error **err)
{
	const struct guest *g = d->s->p->guest;
	CLEANUP_FREE char *folder = driver_store_folder(g, d->key);
	CLEANUP_FREE char *store_inf = xasprintf("%s\\%s", folder, d->package->inf->name);
	CLEANUP_FREE char *store_catalog = xasprintf("%s\\%s", folder, d->package->catalog);
	CLEANUP_FREE char *inf = driver_inf_path(g, d->published);
	CLEANUP_FREE char *catalog = driver_catalog_path(g, d->published);
	if (put(d, store_inf, d->source->data, d->source->size, err) < 0 ||
		put(d, inf, d->source->data, d->source->size, err) < 0)
		return -1;
	if (!d->catalog)
		return 0;
	return put(d, store_catalog, d->catalog, d->catalog_size, err) < 0
		       ? -1
		       : put(d, catalog, d->catalog, d->catalog_size, err);
}

int driver_plan_files(struct driver_install *d, struct error **err)
{
	char **files = NULL;
	int rc = store_files(d, &files, err);
	for (size_t i = 0; rc >= 0 && files && files[i]; i++)
		rc = put_source(d, files[i], err);
	reg_texts_free(files);
	if (rc < 0 || driver_check_inf(d, err) < 0)
		return -1;
	return d->s->p->guest->volume ? put_copies(d, err) : 0;
}
