/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plans: nothing where nothing changes, edits that add up, and an empty plan after applying. */
#include "unit.h"

#include <string.h>

#include "io.h"
#include "mem.h"
#include "plan.h"
#include "reg-edit.h"

/* The smallest hive there is. */
static struct hive *real_hive(void)
{
	if (!unit_data_dir())
		unit_skip("the test data folder (CE_TEST_DATA) is missing");
	struct hive *h = NULL;
	char *data = NULL;
	size_t size;
	CLEANUP_FREE char *path = xasprintf("%s/hives/hivex/minimal", unit_data_dir());
	ck_ok(file_read(path, 1u << 20, &data, &size, &err));
	ck_ok(hive_open(&h, data, size, "SYSTEM", &err));
	free(data);
	return h;
}

static void make_plan(struct plan *p, struct hive *h)
{
	p->step = "strip";
	ck_ok(plan_reg_set(p, h, HIVE_SYSTEM, "A\\B", "Start", reg_dword(4), "disable", &err));
	ck_ok(plan_reg_list_remove(p, h, HIVE_SYSTEM, "A", "Filters", "VMMOUSE", "filter", &err));
	ck_ok(plan_reg_token_remove(p, h, HIVE_SYSTEM, "A", "Order", "vmhgfs", "order", &err));
	ck_ok(plan_reg_bit(p, h, HIVE_SYSTEM, "A", "Map", 2, false, "oem2.inf goes", &err));
	ck_ok(plan_reg_unset(p, h, HIVE_SYSTEM, "A", "Gone", "stale", &err));
	ck_ok(plan_reg_delete_key(p, h, HIVE_SYSTEM, "A\\Old", "unreferenced", &err));
	p->step = "inject";
	ck_ok(plan_reg_list_add(p, h, HIVE_SYSTEM, "A", "Filters", "new", true, "filter", &err));
	ck_ok(plan_reg_bit(p, h, HIVE_SYSTEM, "A", "Map", 9, true, "oem9.inf comes", &err));
	ck_ok(plan_reg_make_key(p, h, HIVE_SYSTEM, "A\\New\\Deep", "package", &err));
}

static void fill(struct hive *h)
{
	hive_node a, sub;
	const char *const filters[] = {"partmgr", "VMMouse", NULL};
	CLEANUP_REG_VALUE struct reg_value list = reg_multi_sz(filters),
					   order = reg_sz("RDPNP,vmhgfs,Lanman"),
					   map = reg_binary("\xe0", 1), gone = reg_sz("x");
	ck_ok(hive_make(h, hive_root(h), "A", &a, &err));
	ck_ok(hive_make(h, hive_root(h), "A\\Old\\Deep", &sub, &err));
	ck_ok(hive_set(h, a, "Filters", &list, &err));
	ck_ok(hive_set(h, a, "Order", &order, &err));
	ck_ok(hive_set(h, a, "Map", &map, &err));
	ck_ok(hive_set(h, a, "Gone", &gone, &err));
}

START_TEST(applied_plan_leaves_nothing_to_do)
{
	struct hive *h = real_hive();
	struct plan p = {0}, again = {0};
	fill(h);
	make_plan(&p, h);
	ck_assert_uint_eq(p.n, 9);
	for (size_t i = 0; i < p.n; i++)
		ck_ok(action_apply_reg(&p.v[i], h, &err));
	make_plan(&again, h);
	ck_assert_uint_eq(again.n, 0);

	hive_node a = hive_find(h, hive_root(h), "A");
	CLEANUP_REG_VALUE struct reg_value filters = {0}, map = {0};
	int rc = 0;
	ck_ok(rc = hive_get(h, a, "Filters", &filters, &err));
	CLEANUP_FREE char *text = reg_value_describe(&filters);
	ck_assert_str_eq(text, "multi-sz \"new\" \"partmgr\"");
	ck_ok(rc = hive_get(h, a, "Map", &map, &err));
	ck_assert_int_eq(rc, 1);
	ck_assert_uint_eq(map.len, 2);
	ck_assert_int_eq(memcmp(map.data, "\xc0\x40", 2), 0);
	CLEANUP_FREE char *order = hive_get_text(h, a, "Order");
	ck_assert_str_eq(order, "RDPNP,Lanman");
	ck_assert_uint_eq(hive_find(h, a, "Old"), 0);
	ck_assert_uint_ne(hive_find(h, a, "New\\Deep"), 0);
	plan_done(&p);
	plan_done(&again);
	hive_close(h);
}
END_TEST

START_TEST(report_names_step_old_and_new)
{
	struct hive *h = real_hive();
	struct plan p = {0};
	fill(h);
	make_plan(&p, h);
	plan_note(&p, "left %s alone", "partmgr");
	CLEANUP_FREE char *text = plan_to_text(&p);
	ck_assert_ptr_nonnull(strstr(
		text, "strip\n  reg-set          SYSTEM\\A\\B [Start] -> dword 0x4 (disable)\n"));
	ck_assert_ptr_nonnull(
		strstr(text, "[Order] sz \"RDPNP,vmhgfs,Lanman\" -> sz \"RDPNP,Lanman\""));
	json_t *j = plan_to_json(&p);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "actions")), 9);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "notes")), 1);
	json_decref(j);
	plan_file_put(&p, "\\Windows\\x.sys", "abc", 3, "driver");
	ck_assert_uint_eq(p.v[9].size, 3);
	plan_done(&p);
	hive_close(h);
}
END_TEST

UNIT_MAIN("plan", applied_plan_leaves_nothing_to_do, report_names_step_old_and_new)
