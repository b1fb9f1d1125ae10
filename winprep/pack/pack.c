/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "mem.h"
#include "pack-private.h"

/* ---- files and folders ---- */

int pack_open_folder(int folder, const char *name)
{
	return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int pack_open_file(int folder, const char *name)
{
	struct stat st;
	/* O_NONBLOCK: a FIFO in a pack must not stop us. */
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

int pack_read_fd(int fd, uint64_t limit, uint8_t **ret, size_t *ret_len)
{
	struct stat st;
	uint8_t *data = NULL;
	ssize_t n = -1;
	int failed = 0;
	if (fstat(fd, &st) < 0)
		failed = errno;
	else if ((uint64_t)st.st_size > limit)
		failed = EFBIG;
	else {
		data = xmalloc((size_t)st.st_size + 1);
		n = read_full(fd, data, (size_t)st.st_size);
		failed = n < 0 ? errno : 0;
	}
	close(fd);
	if (failed) {
		free(data);
		errno = failed;
		return -1;
	}
	data[n] = 0;
	*ret = data;
	*ret_len = (size_t)n;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int pack_entries(char ***ret, int fd, const char *pack, struct error **err)
{
	DIR *dir = fdopendir(fd);
	char **names = xcalloc(1, sizeof(*names));
	size_t n = 0;
	if (!dir) {
		err_errno(
			err, ERR_PACK_INVALID, errno, "pack \"%s\": a folder cannot be read", pack);
		if (fd >= 0)
			close(fd);
		free(names);
		return -1;
	}
	for (struct dirent *e; n <= PACK_FILES_MAX && (e = readdir(dir));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if ((n & (n - 1)) == 0) /* 0, 1, 2, 4 …: room for twice as many and the end */
			names = xrealloc_array(names, 2 * n + 2, sizeof(*names));
		names[n++] = xstrdup(e->d_name);
		names[n] = NULL;
	}
	closedir(dir);
	if (n > PACK_FILES_MAX) {
		pack_entries_free(names);
		return err_set(err, ERR_PACK_INVALID, "pack \"%s\" holds more than %u files", pack,
			PACK_FILES_MAX);
	}
	qsort(names, n, sizeof(*names), compare_names);
	*ret = names;
	return 0;
}

void pack_entries_free(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

/* ---- the set ---- */

static int compare_infs(const void *pa, const void *pb)
{
	const struct pack_inf *a = pa, *b = pb;
	int c = strcmp(a->pack, b->pack);
	if (c == 0)
		c = a->root < b->root ? -1 : a->root > b->root;
	if (c == 0)
		c = strcmp(a->folder, b->folder);
	return c ? c : strcmp(a->file, b->file);
}

/* The last part of a path, slashes at its end ignored. */
static char *base_name(const char *path)
{
	size_t end = strlen(path), start;
	while (end > 1 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/';)
		start--;
	return start == end ? xstrdup(path) : xstrndup(path + start, end - start);
}

static int open_root(struct pack_set *s, const char *path, struct error **err)
{
	size_t before = s->n;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_PACK_INVALID, errno, "pack folder \"%s\"", path);
	s->roots = xrealloc_array(s->roots, s->n_roots + 1, sizeof(*s->roots));
	s->roots[s->n_roots++] = (struct pack_root){.name = base_name(path), .fd = fd};
	if (pack_scan(s, s->n_roots - 1, err) < 0)
		return -1;
	if (s->n == before)
		return err_set(err, ERR_PACK_INVALID, "pack folder \"%s\" holds no INF file", path);
	return 0;
}

int pack_set_open(struct pack_set **ret, const char *const *folders, struct error **err)
{
	struct pack_set *s CLEANUP(pack_set_free_p) = xcalloc(1, sizeof(*s));
	for (; *folders; folders++)
		if (open_root(s, *folders, err) < 0)
			return -1;
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), compare_infs);
	*ret = TAKE_PTR(s);
	return 0;
}

void pack_set_free(struct pack_set *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].pack);
		free(s->v[i].folder);
		free(s->v[i].file);
		free(s->v[i].data);
		free(s->v[i].problem);
		inf_free(s->v[i].inf);
	}
	for (size_t i = 0; i < s->n_roots; i++) {
		free(s->roots[i].name);
		close(s->roots[i].fd);
	}
	free(s->v);
	free(s->roots);
	free(s);
}

/* ---- one file ---- */

/* The name as the folder has it: exactly, else but for case. NULL: there is none. */
static char *find_name(int folder, const char *name, const char *pack, struct error **err)
{
	char **names, *found = NULL;
	int fd = pack_open_folder(folder, ".");
	if (fd < 0) {
		err_errno(err, ERR_PACK_INVALID, errno, "pack \"%s\"", pack);
		return NULL;
	}
	if (pack_entries(&names, fd, pack, err) < 0)
		return NULL;
	for (size_t i = 0; names[i]; i++)
		if (strcasecmp(names[i], name) == 0 && (!found || strcmp(names[i], name) == 0))
			found = names[i];
	found = found ? xstrdup(found) : NULL;
	pack_entries_free(names);
	return found;
}

/* Walks part by part from *fd, which it replaces; the last part is a file. */
static int walk(int *fd, char *path, const char *pack, struct error **err)
{
	char *rest = path, *part;
	while ((part = strsep(&rest, "/\\"))) {
		if (!*part && rest)
			continue; /* "a//b", "\a" */
		if (!*part || strcmp(part, ".") == 0 || strcmp(part, "..") == 0)
			return err_set(err, ERR_PACK_INVALID, "the path is not one of a file");
		CLEANUP_FREE char *name = find_name(*fd, part, pack, err);
		if (!name)
			return *err ? -1
				    : err_set(err, ERR_PACK_INVALID,
					      "there is no \"%s\" in the pack", part);
		int next = rest ? pack_open_folder(*fd, name) : pack_open_file(*fd, name);
		if (next < 0)
			return errno == EINVAL || errno == ELOOP || errno == ENOTDIR
				       ? err_set(err, ERR_PACK_INVALID,
						 "\"%s\" is a link or no plain %s", part,
						 rest ? "folder" : "file")
				       : err_errno(err, ERR_PACK_INVALID, errno, "\"%s\"", part);
		close(*fd);
		*fd = next;
	}
	return 0;
}

int pack_read(const struct pack_set *s, const struct pack_inf *inf, const char *path, uint8_t **ret,
	size_t *ret_len, struct error **err)
{
	CLEANUP_FREE char *whole = xasprintf("%s%s%s", inf->folder, *inf->folder ? "/" : "", path);
	int fd = pack_open_folder(s->roots[inf->root].fd, ".");
	if (fd < 0)
		return err_errno(err, ERR_PACK_INVALID, errno, "pack \"%s\"", inf->pack);
	if (walk(&fd, whole, inf->pack, err) < 0) {
		close(fd);
		return err_prefix(
			err, "pack \"%s\": \"%s\" that \"%s\" names", inf->pack, path, inf->file);
	}
	if (pack_read_fd(fd, PACK_FILE_SIZE_MAX, ret, ret_len) < 0)
		return err_errno(
			err, ERR_PACK_INVALID, errno, "pack \"%s\": \"%s\"", inf->pack, path);
	return 0;
}
