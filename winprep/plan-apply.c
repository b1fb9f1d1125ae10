/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan-apply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "guest-bcd.h"
#include "mem.h"
#include "plan-room.h"

static bool is_file(const struct action *a)
{
	return a->kind == ACT_FILE_PUT || a->kind == ACT_FILE_DELETE;
}

/* ---- checking ---- */

/* Gone is gone, whoever says it first; and the same value is the same value. */
static bool agree(const struct action *a, const struct action *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == ACT_REG_UNSET || a->kind == ACT_REG_DELETE_KEY ||
	       a->kind == ACT_FILE_DELETE || a->kind == ACT_REG_MAKE_KEY ||
	       (a->kind == ACT_REG_SET && reg_value_equal(&a->value, &b->value));
}

static int compare_target(const void *pa, const void *pb)
{
	const struct action *a = *(const struct action *const *)pa,
			    *b = *(const struct action *const *)pb;
	if (is_file(a) != is_file(b))
		return is_file(a) ? 1 : -1;
	if (!is_file(a) && a->hive != b->hive)
		return a->hive < b->hive ? -1 : 1;
	int c = strcasecmp(a->path, b->path);
	if (c == 0 && !a->name != !b->name)
		return a->name ? 1 : -1;
	return c || !a->name ? c : strcasecmp(a->name, b->name);
}

static int check_conflicts(const struct plan *p, struct error **err)
{
	const struct action **v = xcalloc(p->n, sizeof(*v));
	int rc = 0;
	for (size_t i = 0; i < p->n; i++)
		v[i] = &p->v[i];
	qsort(v, p->n, sizeof(*v), compare_target);
	for (size_t i = 1; rc == 0 && i < p->n; i++)
		if (compare_target(&v[i - 1], &v[i]) == 0 &&
			!(action_adds_up(v[i - 1]->kind) && action_adds_up(v[i]->kind)) &&
			!agree(v[i - 1], v[i]))
			rc = err_set(err, ERR_INTERNAL, "steps %s and %s both change \"%s\" [%s]",
				v[i - 1]->step, v[i]->step, v[i]->path,
				v[i]->name ? v[i]->name : "");
	free(v);
	return rc;
}

static bool is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);
	return strncasecmp(path, folder, len) == 0 && path[len] == '\\';
}

/*
 * Where a preparation has business: this Windows, whatever its folder is called, and no other one; the folders
 * of programs. A path is compared part by part, so ".." can lead nowhere else.
 */
static bool path_allowed(const struct guest *g, const char *path)
{
	static const char *const below[] = {
		"\\Program Files", "\\Program Files (x86)", "\\ProgramData", "\\Packages"};
	static const char *const exactly[] = {"\\pagefile.sys", "\\swapfile.sys", "\\hiberfil.sys",
		"\\Personality.ini", "\\MCSPersonality.ini", "\\WindowsAzure"};
	if (strstr(path, "\\..\\") || strstr(path, "\\.\\"))
		return false;
	if (is_below(path, g->root ? g->root : "\\Windows") || is_below(path, "\\WindowsAzure"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(below); i++)
		if (is_below(path, below[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(exactly); i++)
		if (strcasecmp(path, exactly[i]) == 0)
			return true;
	return false;
}

int plan_check(const struct plan *p, const struct guest *g, struct error **err)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct action *a = &p->v[i];
		if (is_file(a) && !path_allowed(g, a->path))
			return err_set(err, ERR_INTERNAL, "step %s wants to touch \"%s\"", a->step,
				a->path);
		if (!is_file(a) && !g->hives[a->hive].h)
			return err_set(err, ERR_INTERNAL,
				"step %s changes hive %s, which this Windows lacks", a->step,
				hive_id_name(a->hive));
	}
	return plan_check_room(p, g, err) < 0 ? -1 : check_conflicts(p, err);
}

/* ---- applying ---- */

static int apply_file(const struct action *a, struct guest *g, struct op *op, struct error **err)
{
	if (a->kind == ACT_FILE_PUT)
		return ntfs_file_put(g->volume, a->path, a->data, a->size, err);
	return ntfs_file_delete(g->volume, a->path, op, err);
}

static int apply_one(struct action *a, struct guest *g, struct op *op, struct error **err)
{
	int rc = is_file(a) ? apply_file(a, g, op, err)
			    : action_apply_reg(a, g->hives[a->hive].h, err);
	if (rc < 0) {
		err_prefix(err, "%s \"%s\"", action_kind_name(a->kind), a->path);
		return err_step(err, a->step);
	}
	a->result = "done";
	return 0;
}

static bool touches_hive(const struct plan *p, enum hive_id id)
{
	for (size_t i = 0; i < p->n; i++)
		if (!is_file(&p->v[i]) && p->v[i].hive == id)
			return true;
	return false;
}

/* Logs that were replayed are in the hive now: empty, as Windows leaves them after a clean shutdown. */
static int empty_logs(struct guest *g, const char *hive_path, struct error **err)
{
	static const char *const suffixes[] = {".LOG1", ".LOG2"};
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		struct ntfs_stat st;
		CLEANUP_FREE char *path = xasprintf("%s%s", hive_path, suffixes[i]);
		if (ntfs_file_stat(g->volume, path, &st, err) < 0)
			return -1;
		if (st.exists && ntfs_file_put(g->volume, path, "", 0, err) < 0)
			return -1;
	}
	return 0;
}

static int put_hive(
	struct guest *g, const char *path, const uint8_t *data, size_t size, struct error **err)
{
	if (ntfs_file_put(g->volume, path, data, size, err) < 0)
		return -1;
	return empty_logs(g, path, err);
}

static int save_hive(struct guest *g, enum hive_id id, struct error **err)
{
	struct guest_hive *gh = &g->hives[id];
	CLEANUP_FREE uint8_t *data = NULL;
	size_t size;
	if (hive_save(gh->h, &data, &size, err) < 0 ||
		(id == HIVE_BCD ? guest_bcd_write(g, data, size, err)
				: put_hive(g, gh->path, data, size, err)) < 0)
		return err_prefix(err, "writing hive %s back", hive_id_name(id));
	return 0;
}

int plan_apply(struct plan *p, struct guest *g, struct op *op, struct error **err)
{
	static const enum hive_id order[] = {
		HIVE_BCD, HIVE_DEFAULT, HIVE_SOFTWARE, HIVE_DRIVERS, HIVE_SYSTEM};
	op_begin(op, "apply", p->n, 20);
	for (size_t i = 0; i < p->n; i++)
		if (apply_one(&p->v[i], g, op, err) < 0 || op_tick(op, i + 1, err) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (touches_hive(p, order[i]) && save_hive(g, order[i], err) < 0)
			return -1;
	return ntfs_volume_sync(g->volume, err);
}
