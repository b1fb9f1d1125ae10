/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The registry, as paths below one root: HKEY_LOCAL_MACHINE, or a copy of it that a test judges. What is
 * there already is not written again: doing a thing twice changes nothing, and reg_writes() says what did.
 */
#pragma once

#include <windows.h>

#define REG_MAX_DATA (1024 * 1024) /* a value with more is taken as absent */

/* path: below HKEY_LOCAL_MACHINE; NULL: that itself. */
BOOL reg_open(const WCHAR *path);
/* Writes that changed something. */
unsigned reg_writes(void);
unsigned reg_failures(void);
/* For tests: as if the power failed before the write after so many. */
void reg_die_after(unsigned writes);
/* To the disk, before what follows. */
void reg_flush(void);

struct reg_data {
	DWORD type;
	BYTE *data; /* NULL: there is none */
	DWORD len;
};

BOOL reg_has_key(const WCHAR *key);
/* FALSE: no such value. The caller frees ret->data. */
BOOL reg_get(const WCHAR *key, const WCHAR *name, struct reg_data *ret);
/* NULL where it is missing or of another type; the caller frees. */
WCHAR *reg_get_text(const WCHAR *key, const WCHAR *name);
WCHAR *reg_get_list(const WCHAR *key, const WCHAR *name);
BOOL reg_get_number(const WCHAR *key, const WCHAR *name, DWORD *ret);

/* FALSE: refused, which is logged. Keys are made where they are missing. */
BOOL reg_set(const WCHAR *key, const WCHAR *name, DWORD type, const void *data, size_t len);
BOOL reg_set_text(const WCHAR *key, const WCHAR *name, const WCHAR *text);
BOOL reg_set_list(const WCHAR *key, const WCHAR *name, const WCHAR *list);
BOOL reg_set_number(const WCHAR *key, const WCHAR *name, DWORD number);
BOOL reg_make_key(const WCHAR *key);
BOOL reg_delete_value(const WCHAR *key, const WCHAR *name);
BOOL reg_delete_key(const WCHAR *key); /* with what is below */

/* Lists that the caller frees; what is not there has none. */
WCHAR *reg_keys(const WCHAR *key);
WCHAR *reg_names(const WCHAR *key); /* of values; the default value is left out */

/* Changes a value on its way: key is relative to what is copied. data may be freed and replaced. */
typedef void reg_change_fn(
	const void *context, const WCHAR *key, const WCHAR *name, struct reg_data *value);
/* Key and what is below it: over what is there, or only what is missing. */
enum reg_copy { REG_COPY_OVER, REG_COPY_MISSING };
BOOL reg_copy(const WCHAR *from, const WCHAR *to, enum reg_copy how, reg_change_fn *change,
	const void *context);
