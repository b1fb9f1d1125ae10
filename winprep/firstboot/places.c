/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "places.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "reg.h"
#include "text.h"

/* The same rows as net_places of the preparation. */
const struct place places[] = {
	{L"Tcpip", L"Services\\Tcpip\\Parameters\\Interfaces\\"},
	{L"Tcpip6", L"Services\\Tcpip6\\Parameters\\Interfaces\\"},
	{L"NetBT", L"Services\\NetBT\\Parameters\\Interfaces\\Tcpip_"},
	{L"NetBT6", L"Services\\NetBT\\Parameters\\Interfaces\\Tcpip6_"},
	{NULL, NULL},
};

static WCHAR control_set[64];

void places_open(void)
{
	DWORD current;
	if (reg_get_number(L"SYSTEM\\Select", L"Current", &current) && current < 1000)
		_snwprintf(control_set, 63, L"SYSTEM\\ControlSet%03lu", (unsigned long)current);
	else
		wcscpy(control_set, L"SYSTEM\\CurrentControlSet");
}

WCHAR *in_set(const WCHAR *format, ...)
{
	WCHAR rest[1024]; /* of a path; what is longer names no key of this program's */
	va_list ap;
	va_start(ap, format);
	int len = _vsnwprintf(rest, 1023, format, ap);
	va_end(ap);
	rest[len < 0 || len > 1023 ? 1023 : len] = L'\0';
	return text_format(L"%ls\\%ls", control_set, rest);
}

void luid_text(DWORD index, WCHAR ret[static 17])
{
	_snwprintf(ret, 17, L"000000%02x%02x%02x%02x%02x", (unsigned)(index & 0xff),
		(unsigned)(index >> 8 & 0xff), (unsigned)(index >> 16 & 0xff), IF_ETHERNET, 0);
}
