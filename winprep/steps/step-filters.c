/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Upper and lower filters that name a stripped driver: a filter whose driver does not start takes the
 * device with it, so the names go first, in every control set, from classes and from devices alike.
 */
#include <string.h>

#include "filters-orphan.h"
#include "mem.h"
#include "strip.h"

static const char *const filter_values[] = {"UpperFilters", "LowerFilters"};

static int strip_filters(struct prep *p, const char *key, hive_node node, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(filter_values); i++) {
		CLEANUP_REG_VALUE struct reg_value v = {0};
		int found = hive_get(h, node, filter_values[i], &v, err);
		if (found < 0)
			return -1;
		char **names = found ? reg_texts(&v) : NULL;
		for (size_t k = 0; rc == 0 && names && names[k]; k++)
			if (strip_find_service(p, names[k]))
				rc = plan_reg_list_remove(p->plan, h, HIVE_SYSTEM, key,
					filter_values[i], names[k], "filter of the source platform",
					err);
		reg_texts_free(names);
	}
	return rc;
}

static int strip_device(void *data, const char *key, hive_node node, struct error **err)
{
	return strip_filters(data, key, node, err);
}

static int strip_classes(struct prep *p, unsigned control_set, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *classes = guest_control_set_key(p->guest, control_set, "Control\\Class");
	hive_node node = hive_find(h, hive_root(h), classes);
	char **names = NULL;
	if (hive_subkeys(h, node, &names, err) < 0)
		return -1;
	int rc = 0;
	for (size_t i = 0; rc == 0 && names[i]; i++) {
		CLEANUP_FREE char *key = xasprintf("%s\\%s", classes, names[i]);
		rc = strip_filters(p, key, hive_find(h, node, names[i]), err);
	}
	reg_texts_free(names);
	return rc;
}

static int plan_filters(struct prep *p, struct error **err)
{
	bool strip = strip_applies(p);
	for (unsigned i = 0; i < p->guest->n_control_sets; i++)
		if ((strip && (strip_classes(p, i, err) < 0 ||
				      guest_each_device(p->guest, i, strip_device, p, err) < 0)) ||
			filters_orphan(p, i, err) < 0)
			return -1;
	return 0;
}

const struct step step_filters = {
	.name = "filters",
	.summary = "take the source platform's filter drivers out of classes and devices, and "
		   "those without a driver out of storage classes",
	.plan = plan_filters,
};
