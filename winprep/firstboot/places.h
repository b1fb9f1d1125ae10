/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where this Windows keeps its network, below the registry's root: docs/design/network.md. */
#pragma once

#include <windows.h>

#define NET_CLASS    L"{4d36e972-e325-11ce-bfc1-08002be10318}"
#define NSI_IPV4     L"{eb004a00-9b1a-11d4-9123-0050047759bc}"
#define NSI_IPV6     L"{eb004a01-9b1a-11d4-9123-0050047759bc}"
#define HANDOVER_KEY L"SOFTWARE\\CE Agent\\Network"
#define IF_ETHERNET  6

/* Finds the current control set. */
void places_open(void);
/* "SYSTEM\ControlSet001\…"; the format goes on there. The caller frees. */
WCHAR *in_set(const WCHAR *format, ...);

/* Keys that hold an interface's settings: prefix, then its GUID, in the control set. */
struct place {
	const WCHAR *title; /* in the hand-over */
	const WCHAR *prefix;
};
extern const struct place places[]; /* ends with a row without a title */

/* 16 hex digits, as Control\Nsi names values: the bytes of a NET_LUID. */
void luid_text(DWORD index, WCHAR ret[static 17]);
