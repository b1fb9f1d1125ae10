/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the boot configuration says of the serial console (EMS), and of starting where nobody sees the screen.
 * Objects and elements: facts windows-and-peers 1.8, 2.4. EMS on COM1 made guests of Google restart without
 * end: the port is always the platform's own, and without one the settings go.
 */
#include <string.h>
#include <strings.h>

#include "le.h"
#include "mem.h"
#include "settings.h"

#define OBJECTS	       "Objects\\"
#define BOOT_MANAGER   "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"
#define EMS_SETTINGS   "{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}"
#define TYPE_OS_LOADER 0x10200003
#define DEFAULT_ENTRY  "23000003"
#define DISPLAY_ORDER  "24000001"
#define OS_DEVICE      "21000001"
#define SYSTEM_ROOT    "22000002"
#define EMS_PORT       "15000022"

enum owner { MANAGER, EMS, LOADER };

enum when { PORT, AZURE }; /* the target has a port for EMS; the target is Azure */

/* Booleans have one byte, numbers eight. */
static const struct element {
	enum owner owner;
	const char *id;
	size_t len;
	uint64_t value; /* EMS_PORT: the platform's */
	enum when when;
	const char *why;
} elements[] = {
	{EMS, EMS_PORT, 8, 0, PORT, "serial port of the platform's console"},
	{EMS, "15000023", 8, 115200, PORT, "baud rate of the platform's console"},
	{MANAGER, "16000020", 1, 1, PORT, "bootems: the boot menu on the serial console"},
	{LOADER, "260000b0", 1, 1, PORT, "ems: Windows on the serial console"},
	{MANAGER, "26000020", 1, 1, AZURE, "displaybootmenu: Azure's requirement"},
	{MANAGER, "25000004", 8, 5, AZURE, "timeout: Azure's requirement"},
	{LOADER, "16000009", 1, 0, AZURE, "recoveryenabled off: Azure's requirement"},
	{LOADER, "250000e0", 8, 1, AZURE, "bootstatuspolicy: Azure's requirement"},
};

static struct hive *bcd(const struct prep *p)
{
	return p->guest->hives[HIVE_BCD].h;
}

static char *element_key(const char *object, const char *id)
{
	return xasprintf(OBJECTS "%s\\Elements\\%s", object, id);
}

static hive_node element_node(const struct prep *p, const char *object, const char *id)
{
	CLEANUP_FREE char *key = element_key(object, id);
	return hive_find(bcd(p), hive_root(bcd(p)), key);
}

/* ---- which loaders are this Windows' ---- */

/* A partition device names its partition; anything else ("boot", locate) names the one it finds. */
static bool device_is_ours(const struct prep *p, const struct reg_value *v)
{
	enum { TYPE = 16, PARTITION = 32, SCHEME = 52, SIZE = 88, TYPE_PARTITION = 6 };
	const struct partition *part = p->guest->partition;
	if (!part || v->len < SIZE || le32_at(v->data + TYPE) != TYPE_PARTITION)
		return true;
	if (le32_at(v->data + SCHEME) == 0)
		return memcmp(v->data + PARTITION, &part->id, sizeof(part->id)) == 0;
	return le64_at(v->data + PARTITION) == part->start;
}

static bool is_our_loader(const struct prep *p, const char *object)
{
	CLEANUP_ERR struct error *ignored = NULL;
	CLEANUP_REG_VALUE struct reg_value device = {0};
	uint32_t type = 0;
	hive_get_number(bcd(p),
		hive_findf(bcd(p), hive_root(bcd(p)), OBJECTS "%s\\Description", object), "Type",
		&type);
	CLEANUP_FREE char *root =
		hive_get_text(bcd(p), element_node(p, object, SYSTEM_ROOT), "Element");
	if (type != TYPE_OS_LOADER || !root ||
		strcasecmp(root, p->guest->root ? p->guest->root : "\\Windows") != 0)
		return false;
	return hive_get(bcd(p), element_node(p, object, OS_DEVICE), "Element", &device, &ignored) !=
		       1 ||
	       device_is_ours(p, &device);
}

/* The default entry and those of the menu; recovery, which also has a \Windows, is in neither. */
static char **our_loaders(const struct prep *p)
{
	CLEANUP_ERR struct error *ignored = NULL;
	CLEANUP_REG_VALUE struct reg_value order = {0};
	hive_get(bcd(p), element_node(p, BOOT_MANAGER, DISPLAY_ORDER), "Element", &order, &ignored);
	char **menu = reg_texts(&order);
	char *first =
		hive_get_text(bcd(p), element_node(p, BOOT_MANAGER, DEFAULT_ENTRY), "Element");
	size_t n = 0, kept = 0;
	while (menu[n])
		n++;
	char **all = xcalloc(n + 2, sizeof(*all));
	if (first && is_our_loader(p, first))
		all[kept++] = xstrdup(first);
	for (size_t i = 0; i < n; i++)
		if ((!first || strcasecmp(menu[i], first) != 0) && is_our_loader(p, menu[i]))
			all[kept++] = xstrdup(menu[i]);
	free(first);
	reg_texts_free(menu);
	return all;
}

/* ---- the elements ---- */

static struct reg_value element_value(const struct element *e, unsigned port)
{
	uint8_t bytes[8];
	le64_put(bytes, strcmp(e->id, EMS_PORT) == 0 ? port : e->value);
	return reg_binary(bytes, e->len);
}

static int set_element(
	struct prep *p, const struct element *e, const char *object, struct error **err)
{
	CLEANUP_FREE char *key = element_key(object, e->id);
	return plan_reg_set(p->plan, bcd(p), HIVE_BCD, key, "Element",
		element_value(e, p->to->ems_port), e->why, err);
}

/* Only what still has the source's value. */
static int drop_element(
	struct prep *p, const struct element *e, const char *object, struct error **err)
{
	CLEANUP_FREE char *key = element_key(object, e->id);
	CLEANUP_REG_VALUE struct reg_value now = {0}, source = element_value(e, p->from->ems_port);
	int found = hive_get(bcd(p), element_node(p, object, e->id), "Element", &now, err);
	if (found <= 0 || !reg_value_equal(&now, &source))
		return found < 0 ? -1 : 0;
	return plan_reg_delete_key(
		p->plan, bcd(p), HIVE_BCD, key, "the target has no serial console for it", err);
}

static int plan_object(
	struct prep *p, const struct element *e, const char *object, struct error **err)
{
	bool azure = strcmp(p->to->name, "azure") == 0;
	if (!hive_findf(bcd(p), hive_root(bcd(p)), OBJECTS "%s\\Elements", object))
		return 0;
	/* without its port the console would be on the firmware's: on Google's COM1 guests restart without end */
	bool has_port = hive_findf(bcd(p), hive_root(bcd(p)), OBJECTS EMS_SETTINGS "\\Elements");
	if (e->when == PORT && p->to->ems_port && !has_port)
		return 0;
	if (e->when == AZURE ? azure : p->to->ems_port != 0)
		return set_element(p, e, object, err);
	if (e->when == PORT && p->from && p->from->ems_port)
		return drop_element(p, e, object, err);
	return 0;
}

static int plan_elements(struct prep *p, char *const *loaders, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(elements); i++) {
		const struct element *e = &elements[i];
		if (e->owner != LOADER) {
			if (plan_object(p, e, e->owner == EMS ? EMS_SETTINGS : BOOT_MANAGER, err) <
				0)
				return -1;
			continue;
		}
		for (size_t k = 0; loaders[k]; k++)
			if (plan_object(p, e, loaders[k], err) < 0)
				return -1;
	}
	return 0;
}

int settings_boot(struct prep *p, struct error **err)
{
	const struct guest_hive *gh = &p->guest->hives[HIVE_BCD];
	bool leaving = p->from && p->from->ems_port;
	if (!p->to->ems_port && !leaving)
		return 0;
	if (!gh->h) {
		plan_note(p->plan, "serial console left as it is: %s",
			gh->problem ? gh->problem->message : "no boot configuration was found");
		return 0;
	}
	char **loaders = our_loaders(p);
	if (p->to->ems_port &&
		!hive_findf(bcd(p), hive_root(bcd(p)), OBJECTS EMS_SETTINGS "\\Elements"))
		plan_note(p->plan,
			"serial console left as it is: the boot configuration has no {emssettings}");
	if (!loaders[0])
		plan_note(p->plan, "no entry of the boot menu starts this Windows");
	int rc = plan_elements(p, loaders, err);
	reg_texts_free(loaders);
	return rc;
}
