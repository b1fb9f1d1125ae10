/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "driver-db.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

static void add_package(
	struct driver_packages *p, struct hive *h, enum hive_id id, hive_node node, const char *key)
{
	uint32_t number;
	CLEANUP_FREE char *published = hive_get_text(h, node, "");
	if (!published || !driver_oem_number(published, &number))
		return;
	char *inf_name = hive_get_text(h, node, "InfName"),
	     *provider = hive_get_text(h, node, "Provider");
	p->v = xrealloc_array(p->v, p->n + 1, sizeof(*p->v));
	p->v[p->n++] = (struct driver_package){.hive = id,
		.key = xstrdup(key),
		.published = TAKE_PTR(published),
		.inf_name = inf_name ? inf_name : xstrdup(""),
		.provider = provider ? provider : xstrdup("")};
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
