/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Giving an old adapter's identity to the new device. The order of writes, and why a start that ends in the
 * middle leaves a Windows that works and that the next start completes: docs/design/network.md.
 */
#pragma once

#include "adapters.h"

struct inherit {
	const struct adapter *old, *new;
	WCHAR *old_key;	  /* driver key of the old device; NULL: gone */
	WCHAR *new_key;	  /* driver key of the new device */
	WCHAR *new_guid;  /* that Windows drew for it; NULL: unknown, nothing of it is left */
	WCHAR *old_upper; /* what the old device was bound to; NULL: unknown */
	DWORD new_luid;
	BOOL has_new_luid;
	BOOL bound; /* Windows kept the old device's bindings: what is missing was taken away on purpose */
};

/* FALSE: the next start is to complete it; what and why is logged. */
BOOL inherit(struct adapter *old);

/* The parts, in their order. */
BOOL inherit_settings(
	const struct inherit *i); /* inherit-settings.c: of the old GUID, where they are gone */
BOOL inherit_interface(
	const struct inherit *i); /* inherit-interface.c: what describes the new device */
BOOL inherit_identity(const struct inherit *i); /* inherit-interface.c: the switch itself */
BOOL inherit_bindings(const struct inherit *i); /* inherit-bindings.c */
BOOL inherit_remove(const struct inherit *i);	/* inherit-remove.c: the old device, the new GUID */
BOOL inherit_cards(const struct inherit *i);	/* inherit-remove.c: SOFTWARE's list */

/* inherit-bindings.c: whether any service's bindings name the GUID. */
BOOL bindings_name(const WCHAR *guid);
/* What the old adapter was not bound to, the new one is not, either; NULL: as it is. The caller frees. */
WCHAR *bindings_upper(const struct inherit *i, const WCHAR *list);
