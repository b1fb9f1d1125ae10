/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the parent of a differencing image is looked for. The paths come from a guest's bytes, so the
 * rule is narrow: only in the child's own directory and below, and through no symbolic link. Of each
 * path in turn:
 *   - a relative one is followed as it is, as long as it stays there;
 *   - of every other one, and of one that leads out with "..", only the last part counts, beside the
 *     child.
 * A parent elsewhere must be put beside its child first. That it is the right one its id tells.
 */
#include "disk-backend.h"

#include <fcntl.h>
#include <libgen.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "mem.h"

/* The directory where the file really is, whatever link it was opened through. */
static char *directory_of(int fd, const char *name)
{
	char link[64], target[4096];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, target, sizeof(target) - 1);
	CLEANUP_FREE char *path = n > 0 ? xstrndup(target, (size_t)n) : xstrdup(name);
	return xstrdup(dirname(path));
}

/* With '/' between its parts; "C:…" and "\\server…" begin with one. */
static char *with_slashes(const char *windows_path)
{
	bool drive = windows_path[0] && windows_path[1] == ':';
	char *path = xasprintf("%s%s", drive ? "/" : "", windows_path);
	for (char *p = path; *p; p++)
		if (*p == '\\')
			*p = '/';
	return path;
}

/* -1: not there, or not to be reached by the rule above. */
static int open_beneath(int dir, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* Opens what a path of the image leads to; *ret_path: how it was found. */
static int open_candidate(int dir, const char *windows_path, char **ret_path)
{
	CLEANUP_FREE char *path = with_slashes(windows_path);
	const char *last = strrchr(path, '/');
	int fd = path[0] == '/' ? -1 : open_beneath(dir, path);
	if (fd >= 0) {
		*ret_path = TAKE_PTR(path);
		return fd;
	}
	if (!last || !last[1])
		return -1;
	fd = open_beneath(dir, last + 1);
	if (fd >= 0)
		*ret_path = xstrdup(last + 1);
	return fd;
}

static int open_found(struct disk **ret, const struct disk_source *child, int fd, const char *path,
	struct error **err)
{
	struct disk_source src = {
		.fd = fd,
		.name = path,
		.flags = child->flags & DISK_OPEN_DIRECT,
		.child = child,
		.depth = child->depth + 1,
	};
	return disk_open_source(ret, &src, err);
}

int disk_parent_open(struct disk **ret, const struct disk_source *child, int child_fd,
	const char *const *paths, size_t n, struct error **err)
{
	CLEANUP_FREE char *directory = directory_of(child_fd, child->name);
	CLEANUP_CLOSE int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (child->depth >= DISK_PARENTS_MAX)
		return err_set(err, ERR_IMAGE_PARENT, "\"%s\": more than %u parents in a chain",
			child->name, DISK_PARENTS_MAX);
	for (size_t i = 0; i < n && dir >= 0; i++) {
		CLEANUP_FREE char *found = NULL;
		int fd = open_candidate(dir, paths[i], &found);
		if (fd < 0)
			continue;
		CLEANUP_FREE char *path = xasprintf("%s/%s", directory, found);
		return open_found(ret, child, fd, path, err);
	}
	err_set(err, ERR_IMAGE_PARENT,
		"\"%s\" is a differencing image, and its parent \"%s\" is not in \"%s\"",
		child->name, n ? paths[0] : "(not named)", directory);
	return err_hint(err, "put the parent image beside its child, or below it");
}
