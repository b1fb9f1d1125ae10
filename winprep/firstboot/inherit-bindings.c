/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is bound to the adapter: Bind, Export and Route of services, with LanaMap in step with Bind. Windows
 * keeps the lists of a device that is gone, so the old one's are there, with what somebody took away.
 */
#include "inherit.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "reg.h"
#include "text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const WCHAR *const lists[] = {L"Bind", L"Export", L"Route"};

/* What Windows itself binds to every adapter: where the old one lacks it, somebody wanted it so. */
static const WCHAR *const inbox[] = {L"LanmanServer", L"LanmanWorkstation", L"NetBIOS", L"NetBT",
	L"Tcpip", L"Tcpip6", L"lltdio", L"rspndr", L"MsLldp", L"Ndisuio", L"RasPppoe", L"RDMANDK"};

static BOOL is_inbox(const WCHAR *service)
{
	for (size_t i = 0; i < COUNT(inbox); i++)
		if (text_same(service, inbox[i]))
			return TRUE;
	return FALSE;
}

static BOOL linkage_names(const WCHAR *linkage, const WCHAR *guid)
{
	BOOL found = FALSE;
	for (size_t i = 0; i < COUNT(lists) && !found; i++) {
		WCHAR *list = reg_get_list(linkage, lists[i]);
		found = list_names(list, guid);
		free(list);
	}
	return found;
}

BOOL bindings_name(const WCHAR *guid)
{
	WCHAR *services = in_set(L"Services"), *names = reg_keys(services);
	BOOL found = FALSE;
	LIST_EACH (name, names) {
		WCHAR *linkage = text_format(L"%ls\\%ls\\Linkage", services, name);
		found = found || linkage_names(linkage, guid);
		free(linkage);
	}
	free(services);
	free(names);
	return found;
}

/* ---- the adapter's own list ---- */

static BOOL is_wanted(const void *old_list, const WCHAR *service)
{
	return !is_inbox(service) || list_has(old_list, service);
}

WCHAR *bindings_upper(const struct inherit *i, const WCHAR *list)
{
	return i->old_upper && *i->old_upper ? list_filter(list, is_wanted, i->old_upper) : NULL;
}

/* ---- services ---- */

static BOOL is_not_new(const void *guid, const WCHAR *text)
{
	return !bytes_name((const BYTE *)text, wcslen(text) * sizeof(*text), guid);
}

/* LanaMap has two bytes for each entry of Bind. It is written first: a shorter one tells it is done. */
static BOOL drop_lanas(const WCHAR *linkage, const WCHAR *bind, const WCHAR *guid)
{
	struct reg_data map;
	size_t at = 0, kept = 0;
	BOOL done = TRUE;
	if (!reg_get(linkage, L"LanaMap", &map))
		return TRUE;
	if (map.type == REG_BINARY && map.len == 2 * list_count(bind)) {
		LIST_EACH (text, bind) {
			if (is_not_new(guid, text))
				memmove(map.data + 2 * kept++, map.data + 2 * at, 2);
			at++;
		}
		done = reg_set(linkage, L"LanaMap", REG_BINARY, map.data, 2 * kept);
	}
	free(map.data);
	return done;
}

static BOOL drop_new(
	const struct inherit *i, const WCHAR *linkage, const WCHAR *name, const WCHAR *list)
{
	WCHAR *kept = list_filter(list, is_not_new, i->new_guid);
	BOOL done = (!text_same(name, L"Bind") || drop_lanas(linkage, list, i->new_guid)) &&
		    reg_set_list(linkage, name, kept);
	free(kept);
	return done;
}

static BOOL bind_list(
	const struct inherit *i, const WCHAR *service, const WCHAR *linkage, const WCHAR *name)
{
	WCHAR *list = reg_get_list(linkage, name);
	BOOL done = TRUE;
	if (!list || !list_names(list, i->new_guid))
		; /* not bound to it */
	else if (list_names(list, i->old->guid) || (i->bound && is_inbox(service)))
		done = drop_new(i, linkage, name, list);
	else {
		bytes_rename((BYTE *)list, list_bytes(list), i->new_guid, i->old->guid);
		done = reg_set_list(linkage, name, list);
	}
	free(list);
	return done;
}

static void as_old(const void *context, const WCHAR *key, const WCHAR *name, struct reg_data *v)
{
	const struct inherit *i = context;
	(void)key, (void)name;
	bytes_rename(v->data, v->len, i->new_guid, i->old->guid);
}

/* Filters and protocols keep a key for each adapter they are bound to. */
static BOOL bind_parameters(const struct inherit *i, const WCHAR *service_key)
{
	static const WCHAR *const folders[] = {L"Adapters", L"NdisAdapters"};
	BOOL done = TRUE;
	for (size_t k = 0; k < COUNT(folders); k++) {
		WCHAR *from = text_format(
			L"%ls\\Parameters\\%ls\\%ls", service_key, folders[k], i->new_guid);
		WCHAR *to = text_format(
			L"%ls\\Parameters\\%ls\\%ls", service_key, folders[k], i->old->guid);
		done = done && reg_copy(from, to, REG_COPY_MISSING, as_old, i) &&
		       reg_delete_key(from);
		free(from);
		free(to);
	}
	return done;
}

BOOL inherit_bindings(const struct inherit *i)
{
	if (!i->new_guid)
		return TRUE;
	WCHAR *services = in_set(L"Services"), *names = reg_keys(services);
	BOOL done = TRUE;
	LIST_EACH (name, names) {
		WCHAR *key = text_format(L"%ls\\%ls", services, name);
		WCHAR *linkage = text_format(L"%ls\\Linkage", key);
		for (size_t k = 0; k < COUNT(lists); k++)
			done = bind_list(i, name, linkage, lists[k]) && done;
		done = bind_parameters(i, key) && done;
		free(key);
		free(linkage);
	}
	free(services);
	free(names);
	return done;
}
