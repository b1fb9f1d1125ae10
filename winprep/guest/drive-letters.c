/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drive-letters.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "le.h"
#include "mem.h"

#define GPT_TAG "DMIO:ID:" /* followed by the partition's GUID */

char guest_system_letter(const struct guest *g)
{
	struct hive *h = g->hives[HIVE_SOFTWARE].h;
	if (!h)
		return 'C';
	hive_node node = hive_find(h, hive_root(h), "Microsoft\\Windows NT\\CurrentVersion");
	CLEANUP_FREE char *root = hive_get_text(h, node, "SystemRoot");
	if (!root || !isalpha((unsigned char)root[0]) || root[1] != ':')
		return 'C';
	return (char)toupper((unsigned char)root[0]);
}

char *drive_letter_name(char letter)
{
	return xasprintf("\\DosDevices\\%c:", letter);
}

/* 1 where the letter is taken; an entry that cannot be read counts as none. */
static int letter_value(const struct guest *g, char letter, struct reg_value *ret)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	CLEANUP_ERR struct error *ignored = NULL;
	CLEANUP_FREE char *name = drive_letter_name(letter);
	return hive_get(h, hive_find(h, hive_root(h), "MountedDevices"), name, ret, &ignored) == 1;
}

/* Signature and first byte of an MBR partition, or the GUID of a GPT one: one of this disk's? */
static bool on_this_disk(const struct guest *g, const struct reg_value *v)
{
	const struct partition_table *t = g->table;
	size_t tag = strlen(GPT_TAG);
	bool mbr = t && t->kind == TABLE_MBR && v->len == 12 &&
		   strtoul(t->id, NULL, 16) == le32_at(v->data);
	bool gpt = t && t->kind == TABLE_GPT && v->len == tag + sizeof(struct guid);
	for (size_t i = 0; (mbr || gpt) && i < t->n; i++)
		if (mbr ? t->v[i].start == le64_at(v->data + 4)
			: memcmp(v->data + tag, &t->v[i].id, sizeof(struct guid)) == 0)
			return true;
	return false;
}

static bool is_disk(const struct reg_value *v)
{
	size_t tag = strlen(GPT_TAG);
	return v->len == 12 ||
	       (v->len == tag + sizeof(struct guid) && memcmp(v->data, GPT_TAG, tag) == 0);
}

char *guest_letter_device(const struct guest *g, char letter)
{
	CLEANUP_REG_VALUE struct reg_value v = {0};
	return letter_value(g, letter, &v) && !is_disk(&v) ? reg_text(&v) : NULL;
}

enum letter_use guest_letter_use(const struct guest *g, char letter)
{
	CLEANUP_REG_VALUE struct reg_value v = {0};
	if (letter == guest_system_letter(g))
		return LETTER_SYSTEM;
	if (!letter_value(g, letter, &v))
		return LETTER_FREE;
	if (is_disk(&v))
		return on_this_disk(g, &v) ? LETTER_THIS_DISK : LETTER_OTHER_DISK;
	CLEANUP_FREE char *device = reg_text(&v);
	return strcasestr(device, "#CdRom") ? LETTER_CD : LETTER_OTHER;
}

bool temporary_letter_is_taken(const struct guest *g, const struct platform *from)
{
	enum letter_use use = guest_letter_use(g, TEMPORARY_LETTER);
	bool is_temporary_disk = use == LETTER_OTHER_DISK && from && from->temporary_disk;
	return use != LETTER_FREE && use != LETTER_CD && !is_temporary_disk;
}
