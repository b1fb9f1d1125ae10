/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mem.h"
#include "sink.h"
#include "worker.h"

/* Device mapper on loop on partition …: more levels than anybody stacks. */
#define STACK_MAX 8

static int is_source(const char *path, const char *how, struct error **err)
{
	err_set(err, ERR_TARGET_EXISTS, "\"%s\" %s", path, how);
	return err_hint(err, "choose another place for the output");
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode) && S_ISBLK(b->st_mode))
		return a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Among the files open here is the source with all its parents, whatever their names. */
static int check_open_files(const char *path, struct error **err)
{
	struct stat target;
	if (stat(path, &target) < 0)
		return 0; /* not there: nothing to be harmed; or the sink says why not */
	DIR *dir = opendir("/proc/self/fd");
	if (!dir)
		return err_errno(err, ERR_SYSTEM, errno, "/proc/self/fd");
	bool found = false;
	for (struct dirent *e; (e = readdir(dir));) {
		struct stat st;
		int fd = atoi(e->d_name);
		if (fd > STDERR_FILENO && fstat(fd, &st) == 0 && same_file(&st, &target))
			found = true;
	}
	closedir(dir);
	return found ? is_source(path, "is the source, or an image that the source is made of", err)
		     : 0;
}

/* Whether a block device, by its folder in sysfs, is `disk`, a partition of it or stacked on it. */
static bool lies_on(const char *device, const char *disk, unsigned depth)
{
	size_t n = strlen(disk);
	if (strncmp(device, disk, n) == 0 && (device[n] == '\0' || device[n] == '/'))
		return true;
	CLEANUP_FREE char *slaves = xasprintf("%s/slaves", device);
	DIR *dir = depth < STACK_MAX ? opendir(slaves) : NULL;
	bool found = false;
	for (struct dirent *e; dir && !found && (e = readdir(dir));) {
		CLEANUP_FREE char *link = xasprintf("%s/%s", slaves, e->d_name);
		CLEANUP_FREE char *below = e->d_name[0] == '.' ? NULL : realpath(link, NULL);
		found = below && lies_on(below, disk, depth + 1);
	}
	if (dir)
		closedir(dir);
	return found;
}

static char *sysfs_folder(dev_t dev)
{
	CLEANUP_FREE char *link = xasprintf("/sys/dev/block/%u:%u", major(dev), minor(dev));
	return realpath(link, NULL);
}

static bool find_source_device(const struct disk *d, dev_t *ret)
{
	struct stat st;
	if (!d->block_device || stat(d->name, &st) < 0 || !S_ISBLK(st.st_mode))
		return false;
	*ret = st.st_rdev;
	return true;
}

static int check_file_system(const char *path, const struct disk *d, struct error **err)
{
	dev_t source;
	struct stat st;
	CLEANUP_FREE char *copy = xstrdup(path);
	if (!find_source_device(d, &source) || stat(dirname(copy), &st) < 0)
		return 0;
	CLEANUP_FREE char *disk = sysfs_folder(source), *device = sysfs_folder(st.st_dev);
	if (disk && device && lies_on(device, disk, 0))
		return is_source(path, "lies on the disk that is exported", err);
	return 0;
}

int worker_check_target(const char *path, const struct disk *d, struct error **err)
{
	CLEANUP_FREE char *partial = sink_partial_name(path), *state = sink_state_name(path);
	if (check_open_files(path, err) < 0 || check_open_files(partial, err) < 0 ||
		check_open_files(state, err) < 0)
		return -1;
	return check_file_system(path, d, err);
}
