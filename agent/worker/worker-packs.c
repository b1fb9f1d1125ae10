/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker-packs.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mem.h"
#include "pack-archive.h"
#include "tree.h"

static int make_tmp(struct worker_packs *p, struct error **err)
{
	const char *dir = getenv("TMPDIR");
	if (p->tmp)
		return 0;
	char *path = xasprintf("%s/ce-packs-XXXXXX", dir && *dir ? dir : "/tmp");
	if (!mkdtemp(path)) {
		err_errno(err, ERR_WRITE, errno, "make the folder \"%s\"", path);
		free(path);
		return -1;
	}
	p->tmp = path;
	return 0;
}

/* An archive to a folder of its own below tmp; its last part is the pack's name in messages. */
static int unpack(struct worker *w, struct worker_packs *p, const char *path, size_t i, char **ret,
	struct error **err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_errno(err, ERR_PACK_NOT_FOUND, errno, "pack \"%s\"", path);
	if (make_tmp(p, err) < 0)
		return -1;
	CLEANUP_FREE char *copy = xstrdup(path);
	CLEANUP_FREE char *folder = xasprintf("%s/%zu", p->tmp, i);
	if (mkdir(folder, 0700) < 0)
		return err_errno(err, ERR_WRITE, errno, "make the folder \"%s\"", folder);
	CLEANUP_FREE char *dest = xasprintf("%s/%s", folder, basename(copy));
	struct pack_listing listing = {0};
	/* Its progress is that of an operation of its own. */
	struct op quiet = {.stop = w->op.stop};
	if (pack_unpack(fd, path, dest, NULL, &listing, &quiet, err) < 0)
		return -1;
	pack_listing_done(&listing);
	*ret = TAKE_PTR(dest);
	return 0;
}

static int find_folder(
	struct worker *w, struct worker_packs *p, const char *name, size_t i, struct error **err)
{
	struct stat st;
	if (stat(name, &st) < 0)
		return err_errno(err, ERR_PACK_NOT_FOUND, errno, "pack \"%s\"", name);
	if (!S_ISDIR(st.st_mode))
		return unpack(w, p, name, i, &p->folders[i], err);
	p->folders[i] = xstrdup(name);
	return 0;
}

int worker_packs_open(
	struct worker *w, char *const *names, struct worker_packs *ret, struct error **err)
{
	size_t n = 0;
	while (names[n])
		n++;
	if (n == 0)
		return 0;
	if (!w->local && json_array_size(w->packs) != n)
		return err_set(err, ERR_INVALID_FIELD, "%zu packs are asked for, %zu given", n,
			json_array_size(w->packs));
	op_begin(&w->op, "packs", 0, 4);
	ret->folders = xcalloc(n + 1, sizeof(*ret->folders));
	for (size_t i = 0; i < n; i++) {
		const char *given = json_string_value(json_array_get(w->packs, i));
		if (find_folder(w, ret, w->local ? names[i] : given ? given : "", i, err) < 0)
			return -1;
	}
	return pack_set_open(&ret->set, (const char *const *)ret->folders, err);
}

void worker_packs_done(struct worker_packs *p)
{
	struct error *ignored CLEANUP_ERR = NULL;
	pack_set_free(p->set);
	for (char **f = p->folders; f && *f; f++)
		free(*f);
	free(p->folders);
	/* What cannot be removed is a temporary folder more. */
	if (p->tmp)
		tree_remove(AT_FDCWD, p->tmp, &ignored);
	free(p->tmp);
}
