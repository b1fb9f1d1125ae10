/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine's network adapters as this Windows has installed them, and as the hand-over knew them. */
#pragma once

#include "places.h"

/* Whether that device is in the machine now: its instance, as below Enum. */
typedef BOOL present_fn(const WCHAR *device);

struct adapter {
	WCHAR *device; /* instance */
	WCHAR *number; /* below the class; NULL: unknown */
	WCHAR *guid;
	WCHAR *name;	    /* of the connection; NULL: unknown */
	WCHAR *description; /* NULL: unknown */
	DWORD luid_index;
	BOOL has_luid;
	BYTE mac[6];
	BOOL has_mac;
	BOOL present;
	struct adapter *successor; /* of the hand-over's: the new one that inherits */
	const char *by;		   /* how that was told */
	const char *done;	   /* what became of it, for people and for Result */
};

struct adapters {
	struct adapter *v;
	size_t n;
};

#define MAX_ADAPTERS 64

/* Wired, on a bus that a platform brings along, installed: the same notion as the preparation's. */
struct adapters adapters_read(present_fn *present);
/* A team or a virtual switch: what stands on what cannot be told. */
BOOL adapters_team(void);
/* Those of the hand-over; hostile rows are left out and logged. FALSE: there is no hand-over. */
BOOL handover_read(present_fn *present, struct adapters *ret);
void adapters_done(struct adapters *all);
/* Name, or what stands for it. */
const WCHAR *adapter_title(const struct adapter *a);
