/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking a pack's folder for INF files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "mem.h"
#include "pack-private.h"
#include "utf16.h"

struct scan {
	struct pack_set *set;
	size_t root;
	const char *pack;
	unsigned files; /* seen so far, folders counted */
};

static bool is_inf(const char *name)
{
	size_t len = strlen(name);
	return len > 4 && strcasecmp(name + len - 4, ".inf") == 0;
}

/* Names go into messages and reports, which are UTF-8. */
static bool is_text(const char *name)
{
	size_t units;
	uint8_t *p = utf8_to_utf16(name, &units);
	free(p);
	return p != NULL;
}

static struct pack_inf *add_inf(struct scan *s, const char *folder, const char *name)
{
	struct pack_set *set = s->set;
	if ((set->n & (set->n - 1)) == 0) /* 0, 1, 2, 4 …: room for twice as many */
		set->v = xrealloc_array(set->v, set->n ? set->n * 2 : 1, sizeof(*set->v));
	struct pack_inf *p = &set->v[set->n++];
	*p = (struct pack_inf){.pack = xstrdup(s->pack),
		.folder = xstrdup(folder),
		.file = xstrdup(name),
		.root = s->root};
	return p;
}

/* What is wrong with an INF stays with it: only whoever wants its device is told. */
static void read_inf(struct scan *s, int fd, const char *folder, const char *name)
{
	struct pack_inf *p = add_inf(s, folder, name);
	CLEANUP_ERR struct error *problem = NULL;
	if (pack_read_fd(fd, INF_SIZE_MAX, &p->data, &p->size) < 0)
		err_errno(&problem, ERR_PACK_INVALID, errno, "\"%s\" cannot be read", name);
	else
		inf_parse(&p->inf, p->data, p->size, name, &problem);
	if (problem)
		p->problem = xstrdup(problem->message);
}

static int scan_folder(
	struct scan *s, int fd, const char *folder, unsigned depth, struct error **err);

static int scan_name(struct scan *s, int fd, const char *folder, const char *name, unsigned depth,
	struct error **err)
{
	if (++s->files > PACK_FILES_MAX)
		return err_set(err, ERR_PACK_INVALID, "pack \"%s\" holds more than %u files",
			s->pack, PACK_FILES_MAX);
	if (!is_text(name))
		return err_set(err, ERR_PACK_INVALID,
			"pack \"%s\": the name of a file in \"%s\" is not UTF-8", s->pack, folder);
	int sub = pack_open_folder(fd, name);
	if (sub >= 0) {
		CLEANUP_FREE char *path = xasprintf("%s%s%s", folder, *folder ? "/" : "", name);
		return scan_folder(s, sub, path, depth + 1, err);
	}
	int file = is_inf(name) ? pack_open_file(fd, name) : -1;
	if (file >= 0)
		read_inf(s, file, folder, name);
	return 0;
}

/* Takes fd over. */
static int scan_folder(
	struct scan *s, int fd, const char *folder, unsigned depth, struct error **err)
{
	char **names = NULL;
	int rc = 0;
	if (depth > PACK_DEPTH_MAX)
		rc = err_set(err, ERR_PACK_INVALID, "pack \"%s\" has folders more than %u deep",
			s->pack, PACK_DEPTH_MAX);
	else
		rc = pack_entries(&names, pack_open_folder(fd, "."), s->pack, err);
	for (size_t i = 0; rc == 0 && names[i]; i++)
		rc = scan_name(s, fd, folder, names[i], depth, err);
	pack_entries_free(names);
	close(fd);
	return rc;
}

int pack_scan(struct pack_set *set, size_t root, struct error **err)
{
	struct scan s = {.set = set, .root = root, .pack = set->roots[root].name};
	if (!is_text(s.pack))
		return err_set(err, ERR_PACK_INVALID, "the name of a pack's folder is not UTF-8");
	int fd = pack_open_folder(set->roots[root].fd, ".");
	if (fd < 0)
		return err_errno(err, ERR_PACK_INVALID, errno, "pack \"%s\"", s.pack);
	return scan_folder(&s, fd, "", 0, err);
}
