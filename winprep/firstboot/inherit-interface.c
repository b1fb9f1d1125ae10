/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inherit.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "reg.h"
#include "text.h"

/* Of NetworkSetup2's properties of an interface: its LUID, and its alias. */
#define PROPERTY_LUID  L"Properties\\{a111f1f4-5923-47c0-9a68-d0bafb577901}\\0004"
#define PROPERTY_ALIAS L"Properties\\{a111f1f4-5923-47c0-9a68-d0bafb577901}\\0010"

static void replace_data(struct reg_data *v, const void *data, size_t len)
{
	BYTE *copy = xalloc(len + 3 * sizeof(WCHAR));
	memcpy(copy, data, len);
	free(v->data);
	v->data = copy;
	v->len = (DWORD)len;
}

static void replace_text(struct reg_data *v, const WCHAR *text)
{
	replace_data(v, text, (wcslen(text) + 1) * sizeof(*text));
}

/* NET_LUID as a number: 24 bits reserved, 24 of the index, 16 of the type. */
static void replace_luid(const struct inherit *i, struct reg_data *v)
{
	unsigned long long luid = (unsigned long long)IF_ETHERNET << 48 |
				  (unsigned long long)(i->old->luid_index & 0xffffff) << 24;
	if (v->len == sizeof(luid))
		memcpy(v->data, &luid, sizeof(luid));
}

/* What describes the new device, under the old one's name, GUID and LUID. */
static void as_old(const void *context, const WCHAR *key, const WCHAR *name, struct reg_data *v)
{
	const struct inherit *i = context;
	bytes_rename(v->data, v->len, i->new_guid, i->old->guid);
	BOOL kernel = text_same(key, L"Kernel");
	if (kernel && text_same(name, L"NetLuidIndex") && v->len == sizeof(DWORD) &&
		i->old->has_luid)
		memcpy(v->data, &i->old->luid_index, sizeof(DWORD));
	else if (kernel && text_same(name, L"ProtocolList") && v->type == REG_MULTI_SZ) {
		WCHAR *list = bindings_upper(i, (const WCHAR *)(const void *)v->data);
		if (list)
			replace_data(v, list, list_bytes(list));
		free(list);
	} else if (i->old->name &&
		   ((kernel && text_same(name, L"IfAlias")) || text_same(key, PROPERTY_ALIAS)))
		replace_text(v, i->old->name);
	else if (text_same(key, PROPERTY_LUID) && i->old->has_luid)
		replace_luid(i, v);
}

static BOOL copy_interface(const struct inherit *i)
{
	WCHAR *from = in_set(L"Control\\NetworkSetup2\\Interfaces\\%ls", i->new_guid);
	WCHAR *to = in_set(L"Control\\NetworkSetup2\\Interfaces\\%ls", i->old->guid);
	BOOL done = reg_copy(from, to, REG_COPY_OVER, as_old, i);
	free(from);
	free(to);
	return done;
}

/* NDIS offers the device under a name that ends in the GUID. */
static BOOL copy_reference(const struct inherit *i)
{
	static const WCHAR class[] = L"{ad498944-762f-11d0-8dcb-00c04fc3358c}";
	WCHAR *link = text_copy(i->new->device);
	for (WCHAR *c = link; *c; c++)
		if (*c == L'\\')
			*c = L'#';
	WCHAR *key = in_set(L"Control\\DeviceClasses\\%ls\\##?#%ls#%ls", class, link, class);
	WCHAR *from = text_format(L"%ls\\#%ls", key, i->new_guid);
	WCHAR *to = text_format(L"%ls\\#%ls", key, i->old->guid);
	BOOL done = reg_copy(from, to, REG_COPY_OVER, as_old, i);
	free(link);
	free(key);
	free(from);
	free(to);
	return done;
}

static BOOL connect(const struct inherit *i)
{
	WCHAR *key = in_set(L"Control\\Network\\" NET_CLASS L"\\%ls\\Connection", i->old->guid);
	WCHAR *name = reg_get_text(key, L"Name");
	BOOL done = reg_set_text(key, L"PnPInstanceId", i->new->device);
	if (!name && i->old->name)
		done = reg_set_text(key, L"Name", i->old->name) && done;
	free(key);
	free(name);
	return done;
}

BOOL inherit_interface(const struct inherit *i)
{
	BOOL done = TRUE;
	if (i->new_guid)
		done = copy_interface(i) && copy_reference(i);
	return connect(i) && done;
}

static BOOL rename_list(const struct inherit *i, const WCHAR *key, const WCHAR *name)
{
	struct reg_data v;
	if (!reg_get(key, name, &v))
		return TRUE;
	bytes_rename(v.data, v.len, i->new_guid, i->old->guid);
	BOOL done = reg_set(key, name, v.type, v.data, v.len);
	free(v.data);
	return done;
}

static BOOL link_upper(const struct inherit *i, const WCHAR *key)
{
	WCHAR *list = reg_get_list(key, L"UpperBind");
	WCHAR *kept = list ? bindings_upper(i, list) : NULL;
	BOOL done = !kept || reg_set_list(key, L"UpperBind", kept);
	free(list);
	free(kept);
	return done;
}

/* The GUID last: until then the driver key is the new adapter's, after it the old one's. */
BOOL inherit_identity(const struct inherit *i)
{
	static const WCHAR *const lists[] = {L"Export", L"FilterList", L"RootDevice"};
	WCHAR *linkage = text_format(L"%ls\\Linkage", i->new_key);
	BOOL done = link_upper(i, linkage);
	for (size_t k = 0; i->new_guid && k < sizeof(lists) / sizeof(*lists); k++)
		done = rename_list(i, linkage, lists[k]) && done;
	if (i->old->has_luid)
		done = reg_set_number(i->new_key, L"NetLuidIndex", i->old->luid_index) && done;
	done = done && reg_set_text(i->new_key, L"NetCfgInstanceId", i->old->guid);
	free(linkage);
	return done;
}
