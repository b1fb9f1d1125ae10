/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net-first-boot.h"

#include <string.h>
#include <strings.h>

#include "firstboot-exe.h"
#include "le.h"
#include "mem.h"
#include "net-handover.h"
#include "strip.h"
#include "utf16.h"

#define RENAMES	 "PendingFileRenameOperations"
#define WHY	 "gives the new adapter its settings when Windows starts for the first time"
#define WHY_OLD	 "of an earlier first start"
#define WHY_GONE "a first start was planned, and is not wanted any more"

/* The service's key has these values and no others: DeleteFlag, say, would end it before it began. */
static const struct {
	const char *name;
	uint32_t type, number;
	const char *text;
} service_values[] = {
	{"Type", REG_DWORD, 0x10, NULL}, /* a process of its own */
	{"Start", REG_DWORD, 2, NULL},	 /* by itself */
	{"ErrorControl", REG_DWORD, 0, NULL},
	{"ObjectName", REG_SZ, 0, "LocalSystem"},
	{"ImagePath", REG_EXPAND_SZ, 0, "%SystemRoot%" FIRST_BOOT_FILE},
	{"DisplayName", REG_SZ, 0, "CE Agent first start"},
	{"Description", REG_SZ, 0,
		"Gives this computer's network settings to its new network adapter, once, and removes itself."},
};

/* Below NET_HANDOVER_KEY. */
#define SOURCE	"Source"  /* platform that the adapters are of */
#define MACHINE "Machine" /* HardwareConfig\LastConfig at that time */

static struct reg_value service_value(size_t i)
{
	switch (service_values[i].type) {
	case REG_DWORD:
		return reg_dword(service_values[i].number);
	case REG_EXPAND_SZ:
		return reg_expand_sz(service_values[i].text);
	default:
		return reg_sz(service_values[i].text);
	}
}

static hive_node service_node(const struct guest *g, unsigned control_set)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *key =
		guest_control_set_key(g, control_set, "Services\\" FIRST_BOOT_SERVICE);
	return hive_find(h, hive_root(h), key);
}

bool first_boot_pending(const struct guest *g)
{
	uint32_t deleted = 0;
	for (unsigned i = 0; i < g->n_control_sets; i++) {
		hive_node node = service_node(g, i);
		if (g->control_sets[i] != g->current_control_set || !node)
			continue;
		/* One that removed itself goes for good when Windows starts again. */
		hive_get_number(g->hives[HIVE_SYSTEM].h, node, "DeleteFlag", &deleted);
		return !deleted;
	}
	return false;
}

const char *first_boot_missing(const struct guest *g)
{
	if (g->arch != INF_AMD64)
		return "the first start's service is for x64 Windows";
	if (!g->hives[HIVE_SOFTWARE].h)
		return "there is no SOFTWARE hive";
	return g->volume ? NULL : "there is no volume to put the first start's service on";
}

static hive_node handover_node(const struct guest *g)
{
	struct hive *h = g->hives[HIVE_SOFTWARE].h;
	return h ? hive_find(h, hive_root(h), NET_HANDOVER_KEY) : 0;
}

bool first_boot_begun(const struct guest *g)
{
	struct hive *h = g->hives[HIVE_SOFTWARE].h;
	hive_node node = handover_node(g);
	uint32_t starts;
	return node && (hive_get_number(h, node, FIRST_BOOT_STARTS, &starts) ||
			       hive_find(h, node, FIRST_BOOT_RESULT));
}

/* ---- where the adapters belong ---- */

/* SMBIOS UUID of the machine that Windows started on last; NULL: it does not say. */
static char *last_machine(const struct guest *g)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	return hive_get_text(h, hive_find(h, hive_root(h), "HardwareConfig"), "LastConfig");
}

const struct platform *first_boot_origin(const struct prep *p)
{
	struct hive *h = p->guest->hives[HIVE_SOFTWARE].h;
	hive_node node = handover_node(p->guest);
	if (!node || first_boot_begun(p->guest))
		return p->from;
	CLEANUP_FREE char *source = hive_get_text(h, node, SOURCE);
	CLEANUP_FREE char *then = hive_get_text(h, node, MACHINE);
	CLEANUP_FREE char *now = last_machine(p->guest);
	if (!source || !then || !now || strcasecmp(then, now) != 0)
		return p->from;
	const struct platform *origin = platform_find(source);
	return origin ? origin : p->from;
}

static int set_or_unset(struct prep *p, const char *name, const char *text, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SOFTWARE].h;
	return text ? plan_reg_set(p->plan, h, HIVE_SOFTWARE, NET_HANDOVER_KEY, name, reg_sz(text),
			      "tells a later preparation where the adapters belong", err)
		    : plan_reg_unset(
			      p->plan, h, HIVE_SOFTWARE, NET_HANDOVER_KEY, name, WHY_OLD, err);
}

static int plan_origin(struct prep *p, struct error **err)
{
	const struct platform *origin = first_boot_origin(p);
	CLEANUP_FREE char *machine = last_machine(p->guest);
	bool known = origin && machine;
	if (set_or_unset(p, SOURCE, known ? origin->name : NULL, err) < 0)
		return -1;
	return set_or_unset(p, MACHINE, known ? machine : NULL, err);
}

static int forget_run(struct prep *p, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SOFTWARE].h;
	if (set_or_unset(p, FIRST_BOOT_STARTS, NULL, err) < 0)
		return -1;
	return plan_reg_delete_key(
		p->plan, h, HIVE_SOFTWARE, NET_HANDOVER_KEY "\\" FIRST_BOOT_RESULT, WHY_OLD, err);
}

/* ---- the service ---- */

static bool is_service_value(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(service_values); i++)
		if (strcasecmp(service_values[i].name, name) == 0)
			return true;
	return false;
}

static int plan_service(struct prep *p, unsigned control_set, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *key =
		guest_control_set_key(p->guest, control_set, "Services\\" FIRST_BOOT_SERVICE);
	char **names = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(service_values); i++)
		if (plan_reg_set(p->plan, h, HIVE_SYSTEM, key, service_values[i].name,
			    service_value(i), WHY, err) < 0)
			return -1;
	if (hive_value_names(h, service_node(p->guest, control_set), &names, err) < 0)
		return -1;
	int rc = 0;
	for (size_t i = 0; rc == 0 && names[i]; i++)
		if (!is_service_value(names[i]))
			rc = plan_reg_unset(p->plan, h, HIVE_SYSTEM, key, names[i], WHY_OLD, err);
	reg_texts_free(names);
	return rc;
}

static bool is_program(const struct guest *g, const uint8_t *text, size_t units)
{
	CLEANUP_FREE char *path = utf16_to_utf8(text, units);
	CLEANUP_FREE char *program = xasprintf("%s" FIRST_BOOT_FILE, g->root);
	return strlen(path) > 6 && strncmp(path, "\\??\\", 4) == 0 && path[5] == ':' &&
	       strcasecmp(path + 6, program) == 0;
}

/* Bytes of the text at v->data + at with its NUL; 0: there is none. */
static size_t text_size(const struct reg_value *v, size_t at)
{
	for (size_t end = at; end + 2 <= v->len; end += 2)
		if (le16_at(v->data + end) == 0)
			return end + 2 - at;
	return 0;
}

/*
 * A service that has run its course has Windows delete the program before services start the next time. The
 * list is of pairs, from and to; an empty "to" deletes.
 */
static int keep_from_deletion(struct prep *p, unsigned control_set, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *key =
		guest_control_set_key(p->guest, control_set, "Control\\Session Manager");
	CLEANUP_REG_VALUE struct reg_value v = {0};
	size_t at = 0, kept = 0, from, to;
	if (hive_get(h, hive_find(h, hive_root(h), key), RENAMES, &v, err) < 0)
		return -1;
	while ((from = text_size(&v, at)) > 2 && (to = text_size(&v, at + from)) > 0) {
		if (!is_program(p->guest, v.data + at, from / 2 - 1)) {
			memmove(v.data + kept, v.data + at, from + to);
			kept += from + to;
		}
		at += from + to;
	}
	if (kept == at)
		return 0;
	if (kept == 0)
		return plan_reg_unset(p->plan, h, HIVE_SYSTEM, key, RENAMES, WHY_OLD, err);
	memmove(v.data + kept, v.data + at, v.len - at);
	v.len -= at - kept;
	struct reg_value rest = {.type = v.type, .data = TAKE_PTR(v.data), .len = v.len};
	return plan_reg_set(p->plan, h, HIVE_SYSTEM, key, RENAMES, rest, WHY_OLD, err);
}

static int plan_services(struct prep *p, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	for (unsigned i = 0; i < p->guest->n_control_sets; i++) {
		CLEANUP_FREE char *services = guest_control_set_key(p->guest, i, "Services");
		if (!hive_find(h, hive_root(h), services))
			continue; /* not a whole control set */
		if (plan_service(p, i, err) < 0 || keep_from_deletion(p, i, err) < 0)
			return -1;
	}
	return 0;
}

static int plan_program(struct prep *p, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s" FIRST_BOOT_FILE, p->guest->root);
	bool same;
	if (guest_file_is(p->guest, path, ce_firstboot_exe, ce_firstboot_exe_size, &same, err) < 0)
		return -1;
	if (!same)
		plan_file_put(p->plan, path, ce_firstboot_exe, ce_firstboot_exe_size, WHY);
	return 0;
}

int first_boot_plan(struct prep *p, struct error **err)
{
	if (plan_program(p, err) < 0 || plan_services(p, err) < 0 || plan_origin(p, err) < 0)
		return -1;
	return forget_run(p, err);
}

/* ---- not any more ---- */

/* The folder with it, where nothing else is in it: a run leaves its log. */
static int drop_program(struct prep *p, struct error **err)
{
	CLEANUP_FREE char *folder = xasprintf("%s" FIRST_BOOT_FOLDER, p->guest->root);
	CLEANUP_FREE char *path = xasprintf("%s" FIRST_BOOT_FILE, p->guest->root);
	CLEANUP_ERR struct error *ignored = NULL; /* the file says the same */
	char **names = NULL;
	bool alone = false;
	if (!p->guest->volume)
		return 0;
	if (ntfs_dir_list(p->guest->volume, folder, &names, &ignored) == 0)
		alone = names[0] && !names[1] && strcasecmp(names[0], strrchr(path, '\\') + 1) == 0;
	reg_texts_free(names);
	return strip_file(p, alone ? folder : path, WHY_GONE, err);
}

int first_boot_drop(struct prep *p, struct error **err)
{
	if (first_boot_pending(p->guest))
		plan_note(p->plan,
			"the first start that an earlier preparation had planned is called off");
	for (unsigned i = 0; i < p->guest->n_control_sets; i++) {
		CLEANUP_FREE char *key =
			guest_control_set_key(p->guest, i, "Services\\" FIRST_BOOT_SERVICE);
		if (strip_key(p, HIVE_SYSTEM, key, WHY_GONE, err) < 0)
			return -1;
	}
	return drop_program(p, err);
}
