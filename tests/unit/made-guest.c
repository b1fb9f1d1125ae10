/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "made-guest.h"

#include <string.h>

#include "hive-guest.h"
#include "hive-make.h"
#include "io.h"
#include "mem.h"
#include "unit.h"

void made_guest_init(struct guest *g)
{
	*g = (struct guest){.root = (char *)"\\Windows",
		.major = 10,
		.build = 19041,
		.arch = INF_AMD64,
		.product_type = 1,
		.control_sets = {1, 2},
		.n_control_sets = 2,
		.current_control_set = 1};
	g->hives[HIVE_SYSTEM].h = hive_make_open("SYSTEM");
	g->hives[HIVE_SOFTWARE].h = hive_make_open("SOFTWARE");
}

void made_guest_done(struct guest *g)
{
	for (int i = 0; i < _HIVE_MAX; i++)
		hive_close(g->hives[i].h);
}

static struct reg_value row_list(const char *text)
{
	CLEANUP_FREE char *copy = xstrdup(text);
	const char *texts[16] = {0};
	size_t n = 0;
	for (char *rest = copy, *one; (one = strsep(&rest, "|"));)
		texts[n++] = one;
	return reg_multi_sz(texts);
}

static struct reg_value row_value(const struct made_row *r)
{
	if (!r->text)
		return reg_dword(r->number);
	if (r->list)
		return row_list(r->text);
	return r->expand ? reg_expand_sz(r->text) : reg_sz(r->text);
}

static void add(struct hive *h, const char *key, const struct made_row *r)
{
	hive_node node = 0;
	ck_ok(hive_make(h, hive_root(h), key, &node, &err));
	if (!r->name)
		return;
	CLEANUP_REG_VALUE struct reg_value v = row_value(r);
	ck_ok(hive_set(h, node, r->name, &v, &err));
}

void made_guest_add(struct guest *g, const struct made_row *rows)
{
	for (const struct made_row *r = rows; r->key; r++) {
		const char *rest = strchr(r->key, '\\') + 1;
		if (strncmp(r->key, "SOFTWARE\\", 9) == 0)
			add(g->hives[HIVE_SOFTWARE].h, rest, r);
		else if (strncmp(r->key, "SYSTEM\\", 7) == 0)
			add(g->hives[HIVE_SYSTEM].h, rest, r);
		for (unsigned i = 0; strncmp(r->key, "CCS\\", 4) == 0 && i < g->n_control_sets;
			i++) {
			CLEANUP_FREE char *key = guest_control_set_key(g, i, rest);
			add(g->hives[HIVE_SYSTEM].h, key, r);
		}
	}
}

/* One line a value, with its key before it, sorted. */
static char *export_text(struct hive *h, const char *name)
{
	uint8_t *data = NULL;
	size_t size;
	CLEANUP_FREE char *path = xasprintf("%s/%s", unit_tmp(), name);
	ck_ok(hive_save(h, &data, &size, &err));
	ck_ok(file_write_atomic(path, data, size, 0600, &err));
	free(data);
	ck_assert_int_eq(
		unit_run("hivexregedit --export --unsafe-printable-strings '%s' '\\' | "
			 "awk '/^\\[/ { k = $0; print k } !/^\\[/ && NF { print k \" \" $0 }' | "
			 "LC_ALL=C sort > '%s.text'",
			path, path),
		0);
	return xasprintf("%s.text", path);
}

void made_guest_compare(const struct guest *is, const struct guest *expected)
{
	static const enum hive_id hives[] = {HIVE_SYSTEM, HIVE_SOFTWARE};
	for (size_t i = 0; i < ARRAY_SIZE(hives); i++) {
		CLEANUP_FREE char *a = export_text(is->hives[hives[i]].h, "is");
		CLEANUP_FREE char *b = export_text(expected->hives[hives[i]].h, "expected");
		ck_assert_msg(unit_run("test -s '%s' && diff '%s' '%s' >&2", a, a, b) == 0,
			"%s differs: < is, > expected", hive_id_name(hives[i]));
	}
}

void made_guest_check(const struct step *step, const char *from, const char *to, const char *domain,
	const struct made_row *stay, const struct made_row *go)
{
	struct guest g, expected;
	struct plan plan = {0};
	struct prep p = {
		.guest = &g, .from = platform_find(from), .to = platform_find(to), .plan = &plan};
	made_guest_init(&g);
	made_guest_init(&expected);
	g.domain = (char *)domain;
	made_guest_add(&g, stay);
	made_guest_add(&g, go);
	made_guest_add(&expected, stay);
	ck_assert(step->applies(&p));
	hive_guest_run(&p, step);
	ck_assert_uint_ge(plan.n, 1);
	made_guest_compare(&g, &expected);
	plan_done(&plan);
	made_guest_done(&g);
	made_guest_done(&expected);
}
