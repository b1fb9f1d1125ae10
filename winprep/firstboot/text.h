/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts as Windows has them. Out of memory ends the program: the next start goes on. */
#pragma once

#include <windows.h>

#define GUID_CHARS 38 /* with braces */

void *xalloc(size_t size); /* zeroed */
WCHAR *text_copy(const WCHAR *text);
/* swprintf's formats; "%ls" is a text. The caller frees. */
WCHAR *text_format(const WCHAR *format, ...);
BOOL text_same(const WCHAR *a, const WCHAR *b); /* whatever the case; NULL is like nothing */
BOOL text_begins(const WCHAR *text, const WCHAR *with);
BOOL text_is_guid(const WCHAR *text);

/*
 * Bytes that hold a text somewhere, whatever the case, on a character's boundary: whether; and with every
 * place overwritten by another GUID.
 */
BOOL bytes_name(const BYTE *data, size_t len, const WCHAR *guid);
void bytes_rename(BYTE *data, size_t len, const WCHAR *from, const WCHAR *to);

/* A list as in REG_MULTI_SZ: texts one after another, an empty one at the end. */
#define LIST_EACH(text, list) \
	for (const WCHAR *text = (list); text && *text; text += wcslen(text) + 1)
size_t list_count(const WCHAR *list);
size_t list_bytes(const WCHAR *list); /* with the end */
BOOL list_has(const WCHAR *list, const WCHAR *text);
BOOL list_names(const WCHAR *list, const WCHAR *guid);
/* Those that keep says; the caller frees. */
typedef BOOL list_keep_fn(const void *data, const WCHAR *text);
WCHAR *list_filter(const WCHAR *list, list_keep_fn *keep, const void *data);
