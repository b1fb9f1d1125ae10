/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inherit.h"

#include <stdlib.h>
#include <wchar.h>

#include "log.h"
#include "reg.h"
#include "text.h"

/*
 * Driver key of the old device: the one with its GUID that says so itself, or that Enum names. Another
 * device with that GUID or that LUID: *conflict.
 */
static WCHAR *find_old_key(const struct inherit *i, BOOL *conflict)
{
	WCHAR *enum_key = in_set(L"Enum\\%ls", i->old->device);
	WCHAR *driver = reg_get_text(enum_key, L"Driver");
	WCHAR *class = in_set(L"Control\\Class\\" NET_CLASS);
	WCHAR *numbers = reg_keys(class), *found = NULL;
	LIST_EACH (number, numbers) {
		WCHAR *key = text_format(L"%ls\\%ls", class, number);
		WCHAR *path = text_format(NET_CLASS L"\\%ls", number);
		WCHAR *guid = reg_get_text(key, L"NetCfgInstanceId");
		WCHAR *device = reg_get_text(key, L"DeviceInstanceID");
		DWORD luid, type = IF_ETHERNET;
		BOOL has_luid = reg_get_number(key, L"NetLuidIndex", &luid);
		reg_get_number(key, L"*IfType", &type);
		BOOL same_guid = text_same(guid, i->old->guid);
		BOOL same_luid = has_luid && i->old->has_luid && type == IF_ETHERNET &&
				 luid == i->old->luid_index;
		if (text_same(key, i->new_key))
			; /* an earlier start was here */
		else if (same_guid && !found &&
			 (text_same(path, driver) || text_same(device, i->old->device)))
			found = text_copy(key);
		else if (same_guid || same_luid)
			*conflict = TRUE;
		free(key);
		free(path);
		free(guid);
		free(device);
	}
	free(enum_key);
	free(driver);
	free(class);
	free(numbers);
	return found;
}

/* Device goes first and comes last: without it the rest does not count. */
static BOOL write_down(const struct inherit *i, const WCHAR *key)
{
	return reg_delete_value(key, L"Device") &&
	       reg_set_text(key, L"NetCfgInstanceId", i->new_guid) &&
	       reg_set_number(key, L"Bound", i->bound ? 1 : 0) &&
	       (i->has_new_luid ? reg_set_number(key, L"NetLuidIndex", i->new_luid)
				: reg_delete_value(key, L"NetLuidIndex")) &&
	       (i->old_upper ? reg_set_list(key, L"UpperBind", i->old_upper)
			     : reg_delete_value(key, L"UpperBind")) &&
	       reg_set_text(key, L"Device", i->new->device);
}

/*
 * What both devices were before anything is changed: once that is done it cannot be seen any more. An
 * earlier start's words count, if they are of this device.
 */
static BOOL remember(struct inherit *i)
{
	WCHAR *key = text_format(HANDOVER_KEY L"\\Adapters\\%ls\\Applying", i->old->guid);
	WCHAR *device = reg_get_text(key, L"Device");
	WCHAR *guid = reg_get_text(key, L"NetCfgInstanceId");
	DWORD bound = 0;
	BOOL done = TRUE;
	if (text_same(device, i->new->device) && guid && text_is_guid(guid)) {
		i->new_guid = text_copy(guid);
		i->has_new_luid = reg_get_number(key, L"NetLuidIndex", &i->new_luid);
		i->old_upper = reg_get_list(key, L"UpperBind");
		reg_get_number(key, L"Bound", &bound);
		i->bound = bound != 0;
	} else if (!text_same(i->new->guid, i->old->guid)) {
		WCHAR *linkage = text_format(L"%ls\\Linkage", i->old_key ? i->old_key : L"");
		i->new_guid = text_copy(i->new->guid);
		i->has_new_luid = i->new->has_luid;
		i->new_luid = i->new->luid_index;
		i->old_upper = i->old_key ? reg_get_list(linkage, L"UpperBind") : NULL;
		i->bound = bindings_name(i->old->guid);
		done = write_down(i, key);
		free(linkage);
	}
	free(key);
	free(device);
	free(guid);
	return done;
}

static BOOL step(BOOL done, const char *what)
{
	if (!done)
		log_line(L"%hs: not complete", what);
	return done;
}

/*
 * FALSE: nothing that the running adapter needs was touched, or the switch is to be completed. What describes
 * the new device Windows can find out again, and what is left over does no harm: there a write that is
 * refused is said, and no more.
 */
static BOOL apply(const struct inherit *i, BOOL *leftovers)
{
	reg_flush();
	if (!step(inherit_settings(i), "settings"))
		return FALSE;
	*leftovers = !step(inherit_interface(i), "description of the interface");
	reg_flush();
	if (!step(inherit_identity(i), "identity") || !step(inherit_bindings(i), "bindings"))
		return FALSE;
	reg_flush();
	*leftovers = !step(inherit_remove(i), "removal of the old device") || *leftovers;
	*leftovers = !step(inherit_cards(i), "card list") || *leftovers;
	return TRUE;
}

BOOL inherit(struct adapter *old)
{
	struct inherit i = {.old = old, .new = old->successor};
	BOOL conflict = FALSE, leftovers = FALSE;
	i.new_key = in_set(L"Control\\Class\\" NET_CLASS L"\\%ls", i.new->number);
	i.old_key = find_old_key(&i, &conflict);
	BOOL done = FALSE;
	if (conflict) {
		log_line(L"another device has that GUID or LUID: nothing is changed");
		old->done = "conflict";
	} else {
		done = remember(&i) && apply(&i, &leftovers);
		old->done = !done	? "not complete"
			    : leftovers ? "inherited, but for what the log says"
					: "inherited";
	}
	if (done) {
		WCHAR *key = text_format(HANDOVER_KEY L"\\Adapters\\%ls\\Applying", old->guid);
		reg_delete_key(key);
		free(key);
	}
	free(i.new_key);
	free(i.old_key);
	free(i.new_guid);
	free(i.old_upper);
	return done;
}
