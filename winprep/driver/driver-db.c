/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "driver-db.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "le.h"
#include "mem.h"

/* Catalogs of drivers, as CryptSvc files them. */
#define DRIVER_CATROOT "\\System32\\CatRoot\\{F750E6C3-38EE-11D1-85E5-00C04FC295EE}"

void driver_packages_done(struct driver_packages *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].key);
		free(p->v[i].published);
		free(p->v[i].inf_name);
		free(p->v[i].provider);
	}
	free(p->v);
	*p = (struct driver_packages){0};
}

bool driver_oem_number(const char *published, uint32_t *ret)
{
	char *end;
	if (strncasecmp(published, "oem", 3) != 0 || published[3] < '0' || published[3] > '9')
		return false;
	unsigned long n = strtoul(published + 3, &end, 10);
	/* Windows itself stays far below; a bitmap is sized by it. */
	if (strcasecmp(end, ".inf") != 0 || n > 9999)
		return false;
	*ret = (uint32_t)n;
	return true;
}

void driver_version_blob(uint8_t ret[static DRIVER_VERSION_SIZE], enum inf_arch arch,
	const struct guid *class_guid, uint64_t date, const uint16_t version[4])
{
	static const uint8_t processors[] = {[INF_X86] = 0, [INF_AMD64] = 9, [INF_ARM64] = 12};
	memset(ret, 0, DRIVER_VERSION_SIZE);
	ret[1] = 0xff; /* byte 0: 0xff for Windows' own packages */
	ret[2] = processors[arch];
	memcpy(ret + 8, class_guid->b, sizeof(class_guid->b));
	le64_put(ret + 24, date);
	for (int i = 0; i < 4; i++)
		le16_put(ret + 32 + 2 * i, version[3 - i]);
}

int driver_version_compare(
	uint64_t a_date, const uint16_t a[4], uint64_t b_date, const uint16_t b[4])
{
	if (a_date != b_date)
		return a_date < b_date ? -1 : 1;
	for (int i = 0; i < 4; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static void read_version(struct hive *h, hive_node node, struct driver_package *d)
{
	CLEANUP_REG_VALUE struct reg_value v = {0};
	CLEANUP_ERR struct error *ignored = NULL;
	if (hive_get(h, node, "Version", &v, &ignored) <= 0 || v.len < 40)
		return;
	d->date = le64_at(v.data + 24);
	for (int i = 0; i < 4; i++)
		d->version[i] = le16_at(v.data + 32 + 2 * (3 - i));
}

void driver_package_read_one(struct hive *h, hive_node node, struct driver_package *ret)
{
	char *inf_name = hive_get_text(h, node, "InfName"),
	     *provider = hive_get_text(h, node, "Provider");
	*ret = (struct driver_package){.inf_name = inf_name ? inf_name : xstrdup(""),
		.provider = provider ? provider : xstrdup(""),
		.configured = hive_find(h, node, "Configurations") != 0};
	read_version(h, node, ret);
}

static void add_package(
	struct driver_packages *p, struct hive *h, enum hive_id id, hive_node node, const char *key)
{
	uint32_t number;
	CLEANUP_FREE char *published = hive_get_text(h, node, "");
	if (!published || !driver_oem_number(published, &number))
		return;
	p->v = xrealloc_array(p->v, p->n + 1, sizeof(*p->v));
	struct driver_package *d = &p->v[p->n++];
	driver_package_read_one(h, node, d);
	d->hive = id;
	d->key = xstrdup(key);
	d->published = TAKE_PTR(published);
}

int driver_packages_read(const struct guest *g, struct driver_packages *ret, struct error **err)
{
	static const enum hive_id hives[] = {HIVE_SYSTEM, HIVE_DRIVERS};
	struct driver_packages p = {0};
	for (size_t i = 0; i < ARRAY_SIZE(hives); i++) {
		struct hive *h = g->hives[hives[i]].h;
		char **names = NULL;
		if (!h)
			continue;
		hive_node packages = hive_find(h, hive_root(h), "DriverDatabase\\DriverPackages");
		if (hive_subkeys(h, packages, &names, err) < 0) {
			driver_packages_done(&p);
			return -1;
		}
		for (size_t k = 0; names[k]; k++)
			add_package(&p, h, hives[i], hive_find(h, packages, names[k]), names[k]);
		reg_texts_free(names);
	}
	*ret = p;
	return 0;
}

char *driver_store_folder(const struct guest *g, const char *package_key)
{
	return xasprintf("%s\\System32\\DriverStore\\FileRepository\\%s", g->root, package_key);
}

/* "oem2.inf" with another ending. */
static char *in_folder(
	const struct guest *g, const char *folder, const char *published, const char *ending)
{
	return xasprintf(
		"%s%s\\%.*s%s", g->root, folder, (int)(strlen(published) - 4), published, ending);
}

char *driver_inf_path(const struct guest *g, const char *published)
{
	return in_folder(g, "\\INF", published, ".inf");
}

char *driver_pnf_path(const struct guest *g, const char *published)
{
	return in_folder(g, "\\INF", published, ".pnf");
}

char *driver_catalog_path(const struct guest *g, const char *published)
{
	return in_folder(g, DRIVER_CATROOT, published, ".cat");
}
