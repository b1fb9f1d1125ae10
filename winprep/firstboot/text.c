/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "log.h"

void *xalloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);
	if (!p) {
		log_line(L"out of memory");
		ExitProcess(ERROR_OUTOFMEMORY);
	}
	return p;
}

WCHAR *text_copy(const WCHAR *text)
{
	WCHAR *copy = xalloc((wcslen(text) + 1) * sizeof(*copy));
	return wcscpy(copy, text);
}

WCHAR *text_format(const WCHAR *format, ...)
{
	/* Windows' own function cannot say how much it needs. */
	for (size_t size = 512;; size *= 2) {
		WCHAR *text = xalloc(size * sizeof(*text));
		va_list ap;
		va_start(ap, format);
		int len = _vsnwprintf(text, size - 1, format, ap);
		va_end(ap);
		if (len >= 0 && (size_t)len < size - 1)
			return text;
		free(text);
	}
}

BOOL text_same(const WCHAR *a, const WCHAR *b)
{
	return a && b && CompareStringOrdinal(a, -1, b, -1, TRUE) == CSTR_EQUAL;
}

BOOL text_begins(const WCHAR *text, const WCHAR *with)
{
	size_t len = wcslen(with);
	return wcslen(text) >= len &&
	       CompareStringOrdinal(text, (int)len, with, (int)len, TRUE) == CSTR_EQUAL;
}

BOOL text_is_guid(const WCHAR *text)
{
	static const char shape[] = "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}";
	for (size_t i = 0; i < GUID_CHARS; i++)
		if (shape[i] == 'x' ? !text[i] || !wcschr(L"0123456789abcdefABCDEF", text[i])
				    : text[i] != (WCHAR)shape[i])
			return FALSE;
	return !text[GUID_CHARS];
}

/* GUIDs are ASCII. */
static WCHAR lower(WCHAR c)
{
	return c >= 'A' && c <= 'Z' ? (WCHAR)(c + 'a' - 'A') : c;
}

static BOOL is_here(const BYTE *data, const WCHAR *guid)
{
	for (size_t i = 0; i < GUID_CHARS; i++) {
		WCHAR c = (WCHAR)(data[2 * i] | data[2 * i + 1] << 8);
		if (lower(c) != lower(guid[i]))
			return FALSE;
	}
	return TRUE;
}

BOOL bytes_name(const BYTE *data, size_t len, const WCHAR *guid)
{
	for (size_t at = 0; at + GUID_CHARS * 2 <= len; at += 2)
		if (is_here(data + at, guid))
			return TRUE;
	return FALSE;
}

void bytes_rename(BYTE *data, size_t len, const WCHAR *from, const WCHAR *to)
{
	for (size_t at = 0; at + GUID_CHARS * 2 <= len; at += 2)
		if (is_here(data + at, from))
			memcpy(data + at, to, GUID_CHARS * 2);
}

size_t list_count(const WCHAR *list)
{
	size_t n = 0;
	LIST_EACH (text, list)
		n++;
	return n;
}

size_t list_bytes(const WCHAR *list)
{
	size_t chars = 0;
	LIST_EACH (text, list)
		chars += wcslen(text) + 1;
	/* Windows writes an empty list as two ends, too */
	return (chars ? chars + 1 : 2) * sizeof(*list);
}

BOOL list_has(const WCHAR *list, const WCHAR *wanted)
{
	LIST_EACH (text, list)
		if (text_same(text, wanted))
			return TRUE;
	return FALSE;
}

BOOL list_names(const WCHAR *list, const WCHAR *guid)
{
	LIST_EACH (text, list)
		if (bytes_name((const BYTE *)text, wcslen(text) * sizeof(*text), guid))
			return TRUE;
	return FALSE;
}

WCHAR *list_filter(const WCHAR *list, list_keep_fn *keep, const void *data)
{
	WCHAR *kept = xalloc(list_bytes(list)), *end = kept;
	LIST_EACH (text, list)
		if (keep(data, text)) {
			wcscpy(end, text);
			end += wcslen(text) + 1;
		}
	return kept;
}
