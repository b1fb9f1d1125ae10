/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reg.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "log.h"
#include "text.h"

#define MAX_NAME   16384 /* of a value, with its end: what the registry allows */
#define MAX_COUNT  20000 /* keys or values of one key */
#define MAX_NESTED 32

static HKEY root = HKEY_LOCAL_MACHINE;
static unsigned writes, failures, die_at;

BOOL reg_open(const WCHAR *path)
{
	root = HKEY_LOCAL_MACHINE;
	return !path ||
	       RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_ALL_ACCESS, &root) == ERROR_SUCCESS;
}

unsigned reg_writes(void)
{
	return writes;
}

unsigned reg_failures(void)
{
	return failures;
}

void reg_die_after(unsigned n)
{
	die_at = n + 1;
}

void reg_flush(void)
{
	static const WCHAR *const hives[] = {L"SYSTEM", L"SOFTWARE"};
	for (size_t i = 0; i < sizeof(hives) / sizeof(*hives); i++) {
		HKEY key;
		if (RegOpenKeyExW(root, hives[i], 0, KEY_READ, &key) != ERROR_SUCCESS)
			continue;
		RegFlushKey(key);
		RegCloseKey(key);
	}
}

/* Before each write that changes something. */
static void count_write(void)
{
	writes++;
	if (die_at && writes >= die_at)
		ExitProcess(ERROR_OPERATION_ABORTED);
}

static BOOL failed(LSTATUS status, const char *what, const WCHAR *key, const WCHAR *name)
{
	if (status == ERROR_SUCCESS)
		return FALSE;
	failures++;
	log_line(L"cannot %hs %.300ls%hs%.100ls: error %ld", what, key, name ? ", value " : "",
		name ? name : L"", (long)status);
	return TRUE;
}

static HKEY open_key(const WCHAR *path, REGSAM access)
{
	HKEY key;
	return RegOpenKeyExW(root, path, 0, access, &key) == ERROR_SUCCESS ? key : NULL;
}

BOOL reg_has_key(const WCHAR *path)
{
	HKEY key = open_key(path, KEY_READ);
	if (key)
		RegCloseKey(key);
	return key != NULL;
}

/* ---- reading ---- */

BOOL reg_get(const WCHAR *path, const WCHAR *name, struct reg_data *ret)
{
	struct reg_data v = {0};
	DWORD len = 0;
	HKEY key = open_key(path, KEY_READ);
	if (!key)
		return FALSE;
	LSTATUS status = RegQueryValueExW(key, name, NULL, &v.type, NULL, &len);
	if (status == ERROR_SUCCESS && len > REG_MAX_DATA)
		status = ERROR_MORE_DATA;
	if (status == ERROR_SUCCESS) {
		/* Two characters more: a text always has an end, and so has a list. */
		v.data = xalloc(len + 3 * sizeof(WCHAR));
		v.len = len;
		status = RegQueryValueExW(key, name, NULL, &v.type, v.data, &v.len);
	}
	RegCloseKey(key);
	if (status != ERROR_SUCCESS) {
		free(v.data);
		return FALSE;
	}
	*ret = v;
	return TRUE;
}

static WCHAR *get_texts(const WCHAR *path, const WCHAR *name, DWORD type)
{
	struct reg_data v;
	if (!reg_get(path, name, &v))
		return NULL;
	if (v.type == type)
		return (WCHAR *)(void *)v.data;
	free(v.data);
	return NULL;
}

WCHAR *reg_get_text(const WCHAR *path, const WCHAR *name)
{
	return get_texts(path, name, REG_SZ);
}

WCHAR *reg_get_list(const WCHAR *path, const WCHAR *name)
{
	return get_texts(path, name, REG_MULTI_SZ);
}

BOOL reg_get_number(const WCHAR *path, const WCHAR *name, DWORD *ret)
{
	struct reg_data v;
	if (!reg_get(path, name, &v))
		return FALSE;
	BOOL fits = v.type == REG_DWORD && v.len == sizeof(*ret);
	if (fits)
		memcpy(ret, v.data, sizeof(*ret));
	free(v.data);
	return fits;
}

/* Names one after another, as a list; values: of them, not of keys. */
static WCHAR *enumerate(const WCHAR *path, BOOL values)
{
	HKEY key = open_key(path, KEY_READ);
	size_t used = 0, size = 1024;
	WCHAR *list = xalloc(size * sizeof(*list));
	static WCHAR name[MAX_NAME];
	for (DWORD i = 0; key && i < MAX_COUNT; i++) {
		DWORD len = MAX_NAME;
		LSTATUS status = values ? RegEnumValueW(key, i, name, &len, NULL, NULL, NULL, NULL)
					: RegEnumKeyExW(key, i, name, &len, NULL, NULL, NULL, NULL);
		if (status != ERROR_SUCCESS)
			break;
		if (!len)
			continue;
		if (used + len + 2 > size) {
			size = (used + len + 2) * 2;
			WCHAR *more = xalloc(size * sizeof(*more));
			memcpy(more, list, used * sizeof(*more));
			free(list);
			list = more;
		}
		memcpy(list + used, name, len * sizeof(*name));
		used += len + 1;
	}
	if (key)
		RegCloseKey(key);
	return list;
}

WCHAR *reg_keys(const WCHAR *path)
{
	return enumerate(path, FALSE);
}

WCHAR *reg_names(const WCHAR *path)
{
	return enumerate(path, TRUE);
}

/* ---- writing ---- */

static HKEY make_key(const WCHAR *path)
{
	HKEY key;
	DWORD what;
	if (!reg_has_key(path))
		count_write();
	LSTATUS status = RegCreateKeyExW(root, path, 0, NULL, REG_OPTION_NON_VOLATILE,
		KEY_READ | KEY_WRITE, NULL, &key, &what);
	return failed(status, "make key", path, NULL) ? NULL : key;
}

BOOL reg_make_key(const WCHAR *path)
{
	HKEY key = make_key(path);
	if (key)
		RegCloseKey(key);
	return key != NULL;
}

BOOL reg_set(const WCHAR *path, const WCHAR *name, DWORD type, const void *data, size_t len)
{
	struct reg_data was;
	if (reg_get(path, name, &was)) {
		BOOL same = was.type == type && was.len == len && memcmp(was.data, data, len) == 0;
		free(was.data);
		if (same)
			return TRUE;
	}
	HKEY key = make_key(path);
	if (!key)
		return FALSE;
	count_write();
	LSTATUS status = RegSetValueExW(key, name, 0, type, data, (DWORD)len);
	RegCloseKey(key);
	return !failed(status, "write", path, name);
}

BOOL reg_set_text(const WCHAR *path, const WCHAR *name, const WCHAR *text)
{
	return reg_set(path, name, REG_SZ, text, (wcslen(text) + 1) * sizeof(*text));
}

BOOL reg_set_list(const WCHAR *path, const WCHAR *name, const WCHAR *list)
{
	return reg_set(path, name, REG_MULTI_SZ, list, list_bytes(list));
}

BOOL reg_set_number(const WCHAR *path, const WCHAR *name, DWORD number)
{
	return reg_set(path, name, REG_DWORD, &number, sizeof(number));
}

BOOL reg_delete_value(const WCHAR *path, const WCHAR *name)
{
	struct reg_data was;
	if (!reg_get(path, name, &was))
		return TRUE;
	free(was.data);
	HKEY key = make_key(path);
	if (!key)
		return FALSE;
	count_write();
	LSTATUS status = RegDeleteValueW(key, name);
	RegCloseKey(key);
	return !failed(status, "delete", path, name);
}

BOOL reg_delete_key(const WCHAR *path)
{
	if (!reg_has_key(path))
		return TRUE;
	count_write();
	LSTATUS status = RegDeleteTreeW(root, path);
	/* Wine leaves the key itself, when it is reached through another. */
	if (status == ERROR_SUCCESS && reg_has_key(path))
		status = RegDeleteKeyW(root, path);
	return !failed(status, "delete key", path, NULL);
}

/* ---- copying ---- */

struct copy {
	const WCHAR *from, *to;
	enum reg_copy how;
	reg_change_fn *change;
	const void *context;
};

static BOOL copy_value(const struct copy *c, const WCHAR *from, const WCHAR *to,
	const WCHAR *relative, const WCHAR *name)
{
	struct reg_data v, is;
	if (c->how == REG_COPY_MISSING && reg_get(to, name, &is)) {
		free(is.data);
		return TRUE;
	}
	if (!reg_get(from, name, &v))
		return TRUE;
	c->change(c->context, relative, name, &v);
	BOOL done = reg_set(to, name, v.type, v.data, v.len);
	free(v.data);
	return done;
}

static BOOL copy_level(const struct copy *c, const WCHAR *relative, unsigned nested)
{
	WCHAR *from = text_format(L"%ls%ls%ls", c->from, *relative ? L"\\" : L"", relative);
	WCHAR *to = text_format(L"%ls%ls%ls", c->to, *relative ? L"\\" : L"", relative);
	BOOL done = reg_make_key(to) && copy_value(c, from, to, relative, L"");
	WCHAR *names = reg_names(from);
	LIST_EACH (name, names)
		done = copy_value(c, from, to, relative, name) && done;
	WCHAR *keys = reg_keys(from);
	LIST_EACH (key, keys) {
		WCHAR *below = text_format(L"%ls%ls%ls", relative, *relative ? L"\\" : L"", key);
		done = nested < MAX_NESTED && copy_level(c, below, nested + 1) && done;
		free(below);
	}
	free(from);
	free(to);
	free(names);
	free(keys);
	return done;
}

BOOL reg_copy(const WCHAR *from, const WCHAR *to, enum reg_copy how, reg_change_fn *change,
	const void *context)
{
	struct copy c = {.from = from, .to = to, .how = how, .change = change, .context = context};
	return !reg_has_key(from) || copy_level(&c, L"", 0);
}
