/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 64 /* descriptors that are open at once */

int folder_make(const char *path, mode_t mode, struct error **err)
{
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return err_errno(err, ERR_SYSTEM, errno, "cannot make the folder \"%s\"", path);
	return 0;
}

static int fail(struct error **err, const char *name)
{
	return err_errno(err, ERR_SYSTEM, errno, "cannot remove \"%s\"", name);
}

static int remove_below(
	int dir_fd, const char *name, dev_t device, unsigned depth, struct error **err);

/* What the folder holds; takes fd over. */
static int empty(int fd, const char *name, dev_t device, unsigned depth, struct error **err)
{
	CLEANUP_CLOSEDIR DIR *d = fdopendir(fd);
	struct dirent *e;
	if (!d) {
		close(fd);
		return fail(err, name);
	}
	while ((errno = 0, e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (remove_below(dirfd(d), e->d_name, device, depth + 1, err) < 0)
			return err_prefix(err, "\"%s\"", name);
	}
	return errno ? fail(err, name) : 0;
}

static int remove_below(
	int dir_fd, const char *name, dev_t device, unsigned depth, struct error **err)
{
	struct stat st;
	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return fail(err, name);
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(err, name);
	if (fstat(fd, &st) < 0 || depth > DEPTH_MAX || (depth > 0 && st.st_dev != device)) {
		close(fd);
		return err_set(err, ERR_SYSTEM, "cannot remove \"%s\": it %s", name,
			depth > DEPTH_MAX ? "lies too deep" : "is on another file system");
	}
	if (empty(fd, name, st.st_dev, depth, err) < 0)
		return -1;
	return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 ? fail(err, name) : 0;
}

int tree_remove(int dir_fd, const char *name, struct error **err)
{
	return remove_below(dir_fd, name, 0, 0, err);
}
