/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What partition types mean, and tables as JSON. */
#include "partition-types.h"

#include <string.h>

#include "jsonx.h"
#include "mem.h"
#include "partition-format.h"

/* Microsoft's list: learn.microsoft.com, PARTITION_INFORMATION_GPT; ESP: UEFI 2.10, 5.3.3. */
static const struct {
	struct guid type;
	enum partition_role role;
} gpt_roles[] = {
	/* EFI system partition */
	{GUID_INIT(0xc12a7328, 0xf81f, 0x11d2, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b),
		ROLE_ESP},
	/* Microsoft reserved */
	{GUID_INIT(0xe3c9e316, 0x0b5c, 0x4db8, 0x81, 0x7d, 0xf9, 0x2d, 0xf0, 0x02, 0x15, 0xae),
		ROLE_MSR},
	/* basic data */
	{GUID_INIT(0xebd0a0a2, 0xb9e5, 0x4433, 0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7),
		ROLE_BASIC},
	/* Windows recovery environment */
	{GUID_INIT(0xde94bba4, 0x06d1, 0x4d40, 0xa1, 0x6a, 0xbf, 0xd5, 0x01, 0x79, 0xd6, 0xac),
		ROLE_RECOVERY},
	/* LDM metadata, LDM data: dynamic disks */
	{GUID_INIT(0x5808c8aa, 0x7e8f, 0x42e0, 0x85, 0xd2, 0xe1, 0xe9, 0x04, 0x34, 0xcf, 0xb3),
		ROLE_LDM},
	{GUID_INIT(0xaf9b60a0, 0x1431, 0x4f62, 0xbc, 0x68, 0x33, 0x11, 0x71, 0x4a, 0x69, 0xad),
		ROLE_LDM},
	/* Storage Spaces, storage replica */
	{GUID_INIT(0xe75caf8f, 0xf680, 0x4cee, 0xaf, 0xa3, 0xb0, 0x01, 0xe5, 0x6e, 0xfc, 0x2d),
		ROLE_STORAGE_POOL},
	{GUID_INIT(0x558d43c5, 0xa1ac, 0x43c0, 0xaa, 0xc8, 0xd1, 0x47, 0x2b, 0x29, 0x23, 0xd1),
		ROLE_STORAGE_POOL},
};

static const struct {
	uint8_t type;
	enum partition_role role;
} mbr_roles[] = {
	{MBR_EXTENDED, ROLE_EXTENDED},
	{MBR_EXTENDED_LBA, ROLE_EXTENDED},
	{MBR_EXTENDED_LINUX, ROLE_EXTENDED},
	{0x07, ROLE_BASIC},    /* NTFS, also exFAT */
	{0x17, ROLE_BASIC},    /* NTFS, hidden */
	{0x12, ROLE_RECOVERY}, /* a maker's diagnostics and recovery */
	{0x27, ROLE_RECOVERY}, /* Windows recovery environment */
	{0x86, ROLE_LDM},
	{0x87, ROLE_LDM}, /* NT 4 volume sets */
	{MBR_LDM, ROLE_LDM},
	{0xef, ROLE_ESP},
};

enum partition_role partition_role_of_gpt(const struct guid *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(gpt_roles); i++)
		if (guid_equal(&gpt_roles[i].type, type))
			return gpt_roles[i].role;
	return ROLE_UNKNOWN;
}

enum partition_role partition_role_of_mbr(uint8_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(mbr_roles); i++)
		if (mbr_roles[i].type == type)
			return mbr_roles[i].role;
	return ROLE_UNKNOWN;
}

const char *table_kind_name(enum table_kind kind)
{
	static const char *const names[] = {
		[TABLE_NONE] = "none", [TABLE_MBR] = "mbr", [TABLE_GPT] = "gpt"};
	return names[kind];
}

const char *partition_role_name(enum partition_role role)
{
	static const char *const names[] = {
		[ROLE_UNKNOWN] = "unknown",
		[ROLE_ESP] = "efi-system",
		[ROLE_MSR] = "microsoft-reserved",
		[ROLE_RECOVERY] = "recovery",
		[ROLE_BASIC] = "basic-data",
		[ROLE_LDM] = "dynamic-disk",
		[ROLE_STORAGE_POOL] = "storage-pool",
		[ROLE_EXTENDED] = "extended",
	};
	return names[role];
}

static void set_type(json_t *o, enum table_kind kind, const struct partition *p)
{
	char text[GUID_STRING_SIZE];
	if (kind == TABLE_GPT) {
		guid_format(&p->type, text);
		jsonx_set_string(o, "type", text);
		guid_format(&p->id, text);
		jsonx_set_string(o, "id", text);
		jsonx_set_string(o, "name", p->name);
		snprintf(text, sizeof(text), "0x%016llx", (unsigned long long)p->attributes);
		jsonx_set_string(o, "attributes", text);
	} else if (kind == TABLE_MBR) {
		snprintf(text, sizeof(text), "0x%02x", p->mbr_type);
		jsonx_set_string(o, "type", text);
		jsonx_set_bool(o, "active", p->active);
	}
}

static json_t *partition_to_json(enum table_kind kind, const struct partition *p)
{
	json_t *o = json_object();
	jsonx_set_u64(o, "number", p->number);
	jsonx_set_u64(o, "start", p->start);
	jsonx_set_u64(o, "size", p->size);
	jsonx_set_string(o, "role", partition_role_name(p->role));
	set_type(o, kind, p);
	jsonx_set_string(o, "fileSystem", p->fs[0] ? p->fs : NULL);
	jsonx_set_string(o, "label", p->label[0] ? p->label : NULL);
	return o;
}

json_t *partition_table_to_json(const struct partition_table *t)
{
	json_t *o = json_object(), *list = json_array();
	jsonx_set_string(o, "kind", table_kind_name(t->kind));
	jsonx_set_u64(o, "sectorSize", t->sector);
	jsonx_set_string(o, "id", t->id[0] ? t->id : NULL);
	jsonx_set_string(o, "problem", t->problem);
	for (size_t i = 0; i < t->n; i++)
		json_array_append_new(list, partition_to_json(t->kind, &t->v[i]));
	jsonx_set(o, "partitions", list);
	return o;
}
