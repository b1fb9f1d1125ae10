/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hive-guest.h"

#include <stdio.h>

#include "io.h"
#include "mem.h"
#include "unit.h"

static void find_control_sets(struct guest *g)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	for (unsigned n = 1; n < 10; n++)
		if (hive_findf(h, hive_root(h), "ControlSet%03u", n))
			g->control_sets[g->n_control_sets++] = n;
	hive_get_number(
		h, hive_find(h, hive_root(h), "Select"), "Current", &g->current_control_set);
}

void hive_guest_init(struct guest *g, const char *name)
{
	if (!unit_data_dir())
		unit_skip("the test data folder (CE_TEST_DATA) is missing");
	CLEANUP_FREE char *plain = xasprintf("%s/%s", unit_tmp(), name);
	ck_assert_int_eq(
		unit_run("xz -dc '%s/hives/%s.xz' > '%s'", unit_data_dir(), name, plain), 0);
	char *data = NULL;
	size_t size;
	*g = (struct guest){.major = 10, .build = 19041, .arch = INF_AMD64, .product_type = 1};
	ck_ok(file_read(plain, 64u << 20, &data, &size, &err));
	ck_ok(hive_open(&g->hives[HIVE_SYSTEM].h, data, size, "SYSTEM", &err));
	free(data);
	find_control_sets(g);
}

void hive_guest_done(struct guest *g)
{
	for (int i = 0; i < _HIVE_MAX; i++)
		hive_close(g->hives[i].h);
}

void hive_guest_run(struct prep *p, const struct step *step)
{
	static struct op quiet;
	if (!p->op)
		p->op = &quiet;
	p->plan->step = step->name;
	ck_ok(step->plan(p, &err));
	for (size_t i = 0; i < p->plan->n; i++) {
		const struct action *a = &p->plan->v[i];
		ck_ok(action_apply_reg(a, p->guest->hives[a->hive].h, &err));
	}
	struct plan again = {.step = step->name}, *first = p->plan;
	p->plan = &again;
	ck_ok(step->plan(p, &err));
	if (again.n) {
		CLEANUP_FREE char *text = plan_to_text(&again);
		ck_abort_msg("%s plans again:\n%s", step->name, text);
	}
	plan_done(&again);
	p->plan = first;
}
