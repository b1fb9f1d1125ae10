/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which files a package has, where they are in it, and where they go. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "inf-package-private.h"
#include "mem.h"
#include "strbuf.h"

static const char *const arch_suffixes[] = {
	[INF_X86] = "x86", [INF_AMD64] = "amd64", [INF_ARM64] = "arm64"};

/*
 * Parts joined with single backslashes, ones at the ends dropped. Refused: "..", and what no file name of
 * Windows holds.
 */
static int clean_path(const struct inf_package *p, char **ret, const char *a, const char *b,
	const char *c, struct error **err)
{
	CLEANUP_FREE char *joined = xasprintf("%s\\%s\\%s", a, b, c), *cut = xstrdup(joined);
	struct strbuf out = {0};
	char *rest = cut, *part;
	bool bad = strpbrk(joined, ":*?\"<>|") != NULL;
	for (const char *q = joined; *q; q++)
		bad = bad || (unsigned char)*q < 0x20;
	while (!bad && (part = strsep(&rest, "/\\"))) {
		if (!*part || strcmp(part, ".") == 0)
			continue;
		bad = strcmp(part, "..") == 0;
		strbuf_addf(&out, "%s%s", out.len ? "\\" : "", part);
	}
	if (bad) {
		strbuf_done(&out);
		return err_set(err, ERR_INF_INVALID, "\"%s\": \"%s\" is no path of a file",
			p->inf->name, joined);
	}
	*ret = strbuf_take(&out);
	return 0;
}

/* A line of SourceDisksFiles.ARCH, else of SourceDisksFiles. */
static const struct inf_line *arch_line(
	const struct inf *inf, const char *section, const struct inf_target *t, const char *key)
{
	const struct inf_line *l =
		inf_line(inf_section_suffixed(inf, section, arch_suffixes[t->arch]), key);
	return l ? l : inf_line(inf_section(inf, section), key);
}

static int line_source(const struct inf_package *p, const struct inf_target *t,
	const struct inf_line *file, const char *name, char **ret, struct error **err)
{
	CLEANUP_FREE char *disk_id = inf_text(p->inf, file, 0), *subdir = inf_text(p->inf, file, 1);
	const struct inf_line *disk = arch_line(p->inf, "SourceDisksNames", t, disk_id);
	CLEANUP_FREE char *folder = inf_text(p->inf, disk, 3);
	return clean_path(p, ret, folder, subdir, name, err);
}

int inf_source_path(const struct inf_package *p, const struct inf_target *t, const char *name,
	char **ret, struct error **err)
{
	return line_source(p, t, arch_line(p->inf, "SourceDisksFiles", t, name), name, ret, err);
}

int inf_all_sources(
	const struct inf_package *p, const struct inf_target *t, char ***ret, struct error **err)
{
	const struct inf_section *sections[] = {
		inf_section_suffixed(p->inf, "SourceDisksFiles", arch_suffixes[t->arch]),
		inf_section(p->inf, "SourceDisksFiles")};
	char **list = xcalloc(1, sizeof(*list));
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		for (size_t k = 0; sections[i] && k < sections[i]->n; k++) {
			const struct inf_line *l = &sections[i]->lines[k];
			CLEANUP_FREE char *path = NULL;
			if (!l->key)
				continue;
			if (line_source(p, t, l, l->key, &path, err) < 0 ||
				(k > INF_DEVICES_MAX &&
					err_set(err, ERR_INF_INVALID, "\"%s\" names too many files",
						p->inf->name))) {
				reg_texts_free(list);
				return -1;
			}
			inf_texts_add(&list, path);
		}
	*ret = list;
	return 0;
}

/* Where a CopyFiles section's files go; false: nowhere we know. */
static bool destination(
	const struct inf *inf, const char *section, uint32_t *ret_dirid, char **ret_subdir)
{
	const struct inf_section *dirs = inf_section(inf, "DestinationDirs");
	const struct inf_line *l = section ? inf_line(dirs, section) : NULL;
	if (!l)
		l = inf_line(dirs, "DefaultDestDir");
	CLEANUP_FREE char *id = inf_text(inf, l, 0);
	if (!l || !inf_number(id, ret_dirid))
		return false;
	*ret_subdir = inf_text(inf, l, 1);
	return true;
}

static int add_file(struct inf_reader *r, struct inf_config *c, const char *section,
	const char *target, const char *source, struct error **err)
{
	struct inf_file f = {0};
	CLEANUP_FREE char *subdir = NULL;
	if (!destination(r->p->inf, section, &f.dirid, &subdir)) {
		inf_note(r->p, "%s: it is not said where \"%s\" goes", r->p->inf->name, target);
		return 0;
	}
	if (clean_path(r->p, &f.subdir, subdir, "", "", err) < 0 ||
		clean_path(r->p, &f.name, "", "", target, err) < 0 ||
		inf_source_path(r->p, r->target, source, &f.source, err) < 0) {
		free(f.subdir);
		free(f.name);
		return -1;
	}
	if ((c->n_files & (c->n_files - 1)) == 0) /* 0, 1, 2, 4 …: room for twice as many */
		c->files = xrealloc_array(
			c->files, c->n_files ? c->n_files * 2 : 1, sizeof(*c->files));
	c->files[c->n_files++] = f;
	return 0;
}

/* A line of a CopyFiles section: destination[,source[,temporary[,flags]]]. */
static int copy_section(
	struct inf_reader *r, struct inf_config *c, const char *name, struct error **err)
{
	const struct inf_section *s = inf_section(r->p->inf, name);
	if (!s)
		return err_set(err, ERR_INF_INVALID,
			"\"%s\": section [%s] that CopyFiles names is missing", r->p->inf->name,
			name);
	if (inf_count_steps(r, s->n, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		CLEANUP_FREE char *target = inf_text(r->p->inf, &s->lines[i], 0),
				  *source = inf_text(r->p->inf, &s->lines[i], 1);
		if (*target && add_file(r, c, name, target, *source ? source : target, err) < 0)
			return -1;
	}
	return 0;
}

int inf_copy_files(
	struct inf_reader *r, struct inf_config *c, const struct inf_line *l, struct error **err)
{
	for (size_t i = 0; i < l->n; i++) {
		CLEANUP_FREE char *name = inf_text(r->p->inf, l, i);
		int rc = 0;
		if (*name == '@')
			rc = add_file(r, c, NULL, name + 1, name + 1, err);
		else if (*name)
			rc = copy_section(r, c, name, err);
		if (rc < 0)
			return -1;
	}
	return 0;
}
