/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The settings of the old GUID and LUID stayed where they are. What is missing comes back from the
 * hand-over; what is there is newer, and stays.
 */
#include "inherit.h"

#include <stdlib.h>
#include <wchar.h>

#include "reg.h"
#include "text.h"

static BOOL restore_value(const WCHAR *from, const WCHAR *to, const WCHAR *name)
{
	struct reg_data v, is;
	if (reg_get(to, name, &is)) {
		free(is.data);
		return TRUE;
	}
	if (!reg_get(from, name, &v))
		return TRUE;
	BOOL done = reg_set(to, name, v.type, v.data, v.len);
	free(v.data);
	return done;
}

static BOOL restore_place(const struct inherit *i, const struct place *place)
{
	WCHAR *from = text_format(HANDOVER_KEY L"\\Adapters\\%ls\\%ls", i->old->guid, place->title);
	WCHAR *to = in_set(L"%ls%ls", place->prefix, i->old->guid);
	WCHAR *names = reg_names(from);
	BOOL done = TRUE;
	LIST_EACH (name, names)
		done = restore_value(from, to, name) && done;
	free(from);
	free(to);
	free(names);
	return done;
}

static BOOL is_luid_name(const WCHAR *name, const WCHAR *luid)
{
	size_t len = wcslen(name);
	if (len < 16 || len > 512 || wcsspn(name, L"0123456789abcdefABCDEF") != len)
		return FALSE;
	for (size_t at = 0; at + 16 <= len; at += 16)
		if (_wcsnicmp(name + at, luid, 16) == 0)
			return TRUE;
	return FALSE;
}

static BOOL is_object(const WCHAR *name)
{
	size_t len = wcslen(name);
	return len && len < 6 && wcsspn(name, L"0123456789") == len;
}

static BOOL restore_object(
	const struct inherit *i, const WCHAR *from, const WCHAR *module, const WCHAR *object)
{
	WCHAR luid[17];
	WCHAR *source = text_format(L"%ls\\%ls", from, object);
	WCHAR *to = in_set(L"Control\\Nsi\\%ls\\%ls", module, object);
	WCHAR *names = reg_names(source);
	BOOL done = TRUE;
	luid_text(i->old->luid_index, luid);
	LIST_EACH (name, names)
		if (is_luid_name(name, luid))
			done = restore_value(source, to, name) && done;
	free(source);
	free(to);
	free(names);
	return done;
}

static BOOL restore_stack(const struct inherit *i, const WCHAR *title, const WCHAR *module)
{
	WCHAR *from = text_format(HANDOVER_KEY L"\\Adapters\\%ls\\%ls", i->old->guid, title);
	WCHAR *objects = reg_keys(from);
	BOOL done = TRUE;
	LIST_EACH (object, objects)
		if (is_object(object))
			done = restore_object(i, from, module, object) && done;
	free(from);
	free(objects);
	return done;
}

BOOL inherit_settings(const struct inherit *i)
{
	BOOL done = TRUE;
	for (const struct place *place = places; place->title; place++)
		done = restore_place(i, place) && done;
	if (!i->old->has_luid)
		return done;
	done = restore_stack(i, L"Nsi4", NSI_IPV4) && done;
	return restore_stack(i, L"Nsi6", NSI_IPV6) && done;
}
