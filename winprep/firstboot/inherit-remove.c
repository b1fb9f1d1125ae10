/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is left over: the old device, whose identity lives on, and the GUID and LUID of the new one. */
#include "inherit.h"

#include <stdlib.h>
#include <wchar.h>

#include "reg.h"
#include "text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- the old device, as an uninstall would ---- */

static BOOL remove_offers(const WCHAR *device)
{
	static const WCHAR *const classes[] = {L"{ad498944-762f-11d0-8dcb-00c04fc3358c}",
		L"{cac88484-7515-4c03-82e6-71a87abac361}"};
	WCHAR *link = text_copy(device);
	BOOL done = TRUE;
	for (WCHAR *c = link; *c; c++)
		if (*c == L'\\')
			*c = L'#';
	for (size_t k = 0; k < COUNT(classes); k++) {
		WCHAR *key = in_set(
			L"Control\\DeviceClasses\\%ls\\##?#%ls#%ls", classes[k], link, classes[k]);
		done = reg_delete_key(key) && done;
		free(key);
	}
	free(link);
	return done;
}

static BOOL remove_from_container(const WCHAR *enum_key, const WCHAR *device)
{
	WCHAR *container = reg_get_text(enum_key, L"ContainerID");
	BOOL done = TRUE;
	if (container && text_is_guid(container)) {
		WCHAR *key = in_set(L"Control\\DeviceContainers\\%ls\\BaseContainers\\%ls",
			container, container);
		done = reg_delete_value(key, device);
		free(key);
	}
	free(container);
	return done;
}

static BOOL is_other(const void *number, const WCHAR *text)
{
	return !text_same(text, number);
}

/* The value "Intel(R) …" lists the numbers in use: "1", and "2" is "Intel(R) … #2". */
static BOOL remove_description(const struct inherit *i, const WCHAR *enum_key)
{
	WCHAR *description = reg_get_text(i->old_key, L"DriverDesc");
	WCHAR *friendly = reg_get_text(enum_key, L"FriendlyName");
	WCHAR *key = in_set(L"Control\\Network\\" NET_CLASS L"\\Descriptions");
	WCHAR *list = description ? reg_get_list(key, description) : NULL;
	const WCHAR *number = L"1";
	BOOL done = TRUE;
	if (list && friendly && text_begins(friendly, description) &&
		wcsncmp(friendly + wcslen(description), L" #", 2) == 0)
		number = friendly + wcslen(description) + 2;
	if (list && list_has(list, number)) {
		WCHAR *kept = list_filter(list, is_other, number);
		done = *kept ? reg_set_list(key, description, kept)
			     : reg_delete_value(key, description);
		free(kept);
	}
	free(description);
	free(friendly);
	free(key);
	free(list);
	return done;
}

/* The driver key goes last but one: it says that the rest is of the old device. */
static BOOL remove_device(const struct inherit *i)
{
	WCHAR *enum_key = in_set(L"Enum\\%ls", i->old->device);
	WCHAR *class = reg_get_text(enum_key, L"ClassGUID");
	/* What the hand-over names is taken out only where it is a network device. */
	if (class && !text_same(class, NET_CLASS)) {
		free(enum_key);
		free(class);
		return TRUE;
	}
	free(class);
	BOOL done =
		remove_offers(i->old->device) && remove_from_container(enum_key, i->old->device);
	if (done && i->old_key)
		done = remove_description(i, enum_key) && reg_delete_key(i->old_key);
	done = done && reg_delete_key(enum_key);
	free(enum_key);
	return done;
}

/* ---- the new GUID and LUID ---- */

static const WCHAR *const guid_keys[] = {L"Control\\Network\\" NET_CLASS L"\\",
	L"Control\\NetworkSetup2\\Interfaces\\",
	L"Services\\Tcpip\\Parameters\\DNSRegisteredAdapters\\",
	L"Services\\Dnscache\\InterfaceSpecificParameters\\", L"Services\\"};

static BOOL remove_reference(const struct inherit *i)
{
	static const WCHAR class[] = L"{ad498944-762f-11d0-8dcb-00c04fc3358c}";
	WCHAR *link = text_copy(i->new->device);
	for (WCHAR *c = link; *c; c++)
		if (*c == L'\\')
			*c = L'#';
	WCHAR *key = in_set(
		L"Control\\DeviceClasses\\%ls\\##?#%ls#%ls\\#%ls", class, link, class, i->new_guid);
	BOOL done = reg_delete_key(key);
	free(link);
	free(key);
	return done;
}

static BOOL remove_guid(const struct inherit *i)
{
	BOOL done = remove_reference(i);
	for (size_t k = 0; k < COUNT(guid_keys); k++) {
		WCHAR *key = in_set(L"%ls%ls", guid_keys[k], i->new_guid);
		done = reg_delete_key(key) && done;
		free(key);
	}
	for (const struct place *place = places; place->title; place++) {
		WCHAR *key = in_set(L"%ls%ls", place->prefix, i->new_guid);
		done = reg_delete_key(key) && done;
		free(key);
	}
	return done;
}

/* Most names begin with the LUID; a route's has it as one of its fields of eight bytes. */
static BOOL is_of(const WCHAR *object, const WCHAR *name, const WCHAR *luid)
{
	size_t len = wcslen(name);
	BOOL route = wcscmp(object, L"16") == 0;
	for (size_t at = 0; at + 16 <= len && (at == 0 || route); at += 16)
		if (_wcsnicmp(name + at, luid, 16) == 0)
			return TRUE;
	return FALSE;
}

static BOOL remove_values(const WCHAR *module_key, const WCHAR *object, const WCHAR *luid)
{
	WCHAR *key = text_format(L"%ls\\%ls", module_key, object);
	WCHAR *names = reg_names(key);
	BOOL done = TRUE;
	LIST_EACH (name, names)
		if (is_of(object, name, luid))
			done = reg_delete_value(key, name) && done;
	free(key);
	free(names);
	return done;
}

static BOOL remove_luid(DWORD index)
{
	WCHAR luid[17];
	WCHAR *nsi = in_set(L"Control\\Nsi"), *modules = reg_keys(nsi);
	BOOL done = TRUE;
	luid_text(index, luid);
	LIST_EACH (module, modules) {
		WCHAR *key = text_format(L"%ls\\%ls", nsi, module), *objects = reg_keys(key);
		LIST_EACH (object, objects)
			done = remove_values(key, object, luid) && done;
		free(key);
		free(objects);
	}
	free(nsi);
	free(modules);
	return done;
}

BOOL inherit_remove(const struct inherit *i)
{
	BOOL done = remove_device(i);
	if (i->new_guid)
		done = remove_guid(i) && done;
	if (i->has_new_luid && i->old->has_luid && i->new_luid != i->old->luid_index)
		done = remove_luid(i->new_luid) && done;
	return done;
}

/* ---- SOFTWARE ---- */

#define CARDS L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\NetworkCards"

/* The card with that GUID; NULL: none. */
static WCHAR *find_card(const WCHAR *guid)
{
	WCHAR *cards = reg_keys(CARDS), *found = NULL;
	LIST_EACH (card, cards) {
		WCHAR *key = text_format(CARDS L"\\%ls", card);
		WCHAR *service = reg_get_text(key, L"ServiceName");
		if (!found && text_same(service, guid)) {
			found = key;
			key = NULL;
		}
		free(key);
		free(service);
	}
	free(cards);
	return found;
}

BOOL inherit_cards(const struct inherit *i)
{
	WCHAR *old = find_card(i->old->guid);
	WCHAR *new = i->new_guid ? find_card(i->new_guid) : NULL;
	BOOL done = TRUE;
	if (old && i->new->description)
		done = reg_set_text(old, L"Description", i->new->description);
	if (new)
		done = (old ? reg_delete_key(new)
			    : reg_set_text(new, L"ServiceName", i->old->guid)) &&
		       done;
	free(old);
	free(new);
	return done;
}
