/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pack-names.h"

#include <search.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "filename.h"
#include "mem.h"
#include "utf16.h"

struct name {
	wchar_t *folded; /* the key: as Windows compares it */
	char *path;
	bool folder;
};

struct pack_names {
	const struct pack_limits *limits;
	void *tree; /* of struct name, tsearch(3) */
	unsigned n;
};

struct pack_names *pack_names_new(const struct pack_limits *limits)
{
	struct pack_names *names = xcalloc(1, sizeof(*names));
	names->limits = limits;
	return names;
}

static void name_free(void *p)
{
	struct name *name = p;
	free(name->folded);
	free(name->path);
	free(name);
}

void pack_names_free(struct pack_names *names)
{
	if (!names)
		return;
	tdestroy(names->tree, name_free);
	free(names);
}

static int bad(struct error **err, const char *raw, const char *what)
{
	CLEANUP_FREE char *shown = utf8_clean(raw);
	return err_set(err, ERR_PACK_INVALID, "\"%.300s\" %s", shown, what);
}

/* One component, appended to path. */
static int append(char *path, const char *part, const char *raw, struct error **err)
{
	CLEANUP_ERR struct error *why = NULL;
	if (strcmp(part, "..") == 0)
		return bad(err, raw, "leads out of the pack");
	if (file_name_check(part, &why) < 0) {
		CLEANUP_FREE char *shown = utf8_clean(raw);
		return err_set(err, ERR_PACK_INVALID, "\"%.300s\": %s", shown, why->message);
	}
	if (*path)
		strcat(path, "/");
	strcat(path, part);
	return 0;
}

int pack_names_clean(
	const struct pack_names *names, const char *raw, char **ret, struct error **err)
{
	if (strlen(raw) > PACK_PATH_MAX) {
		CLEANUP_FREE char *shown = utf8_clean(raw);
		return err_set(err, ERR_PACK_INVALID,
			"\"%.300s…\" has %zu bytes (%u at most expected)", shown, strlen(raw),
			PACK_PATH_MAX);
	}
	CLEANUP_FREE char *text = xstrdup(raw);
	CLEANUP_FREE char *path = xcalloc(1, strlen(raw) + 1);
	unsigned depth = 0;
	char *save = NULL;
	for (char *p = text; *p; p++)
		if (*p == '\\')
			*p = '/';
	if (*text == '/')
		return bad(err, raw, "is an absolute path");
	if (((*text | 0x20) >= 'a' && (*text | 0x20) <= 'z') && text[1] == ':')
		return bad(err, raw, "begins with a drive letter");
	for (char *part = strtok_r(text, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		if (strcmp(part, ".") == 0)
			continue;
		if (++depth > names->limits->depth)
			return err_set(err, ERR_PACK_INVALID,
				"\"%.300s\" lies deeper than %u folders", path,
				names->limits->depth - 1);
		if (append(path, part, raw, err) < 0)
			return -1;
	}
	*ret = TAKE_PTR(path);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return wcscmp(((const struct name *)a)->folded, ((const struct name *)b)->folded);
}

/* Upper case, as NTFS compares; NULL where text is not of the locale. */
static wchar_t *fold(const char *text)
{
	size_t n = strlen(text) + 1;
	CLEANUP_FREE wchar_t *folded = xcalloc(n, sizeof(*folded));
	if (mbstowcs(folded, text, n) == (size_t)-1)
		return NULL;
	for (wchar_t *p = folded; *p; p++)
		*p = (wchar_t)towupper((wint_t)*p);
	return TAKE_PTR(folded);
}

/* The two are one name to Windows. */
static int check_same(const struct name *known, const char *path, bool folder, struct error **err)
{
	if (known->folder != folder)
		return err_set(err, ERR_PACK_INVALID, "\"%s\" is both a file and a folder", path);
	if (strcmp(known->path, path) != 0)
		return err_set(err, ERR_PACK_INVALID,
			"\"%s\" and \"%s\" differ only in upper and lower case", known->path, path);
	if (!folder)
		return err_set(err, ERR_PACK_INVALID, "\"%s\" is in the archive twice", path);
	return 0;
}

static int add_one(struct pack_names *names, const char *path, bool folder, struct error **err)
{
	struct name *name = xcalloc(1, sizeof(*name));
	*name = (struct name){fold(path), xstrdup(path), folder};
	if (!name->folded) {
		name_free(name);
		return bad(err, path, "is not UTF-8");
	}
	struct name **found = tsearch(name, &names->tree, compare);
	if (!found) {
		name_free(name);
		return err_set(err, ERR_NO_MEMORY, "no memory for the names of the pack");
	}
	if (*found != name) {
		int r = check_same(*found, path, folder, err);
		name_free(name);
		return r;
	}
	if (++names->n > names->limits->files)
		return err_set(err, ERR_PACK_INVALID, "holds more than %u files and folders",
			names->limits->files);
	return 0;
}

int pack_names_add(struct pack_names *names, const char *path, bool folder, struct error **err)
{
	CLEANUP_FREE char *above = xstrdup(path);
	for (char *slash = strchr(above, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (add_one(names, above, true, err) < 0)
			return -1;
		*slash = '/';
	}
	return add_one(names, path, folder, err);
}
