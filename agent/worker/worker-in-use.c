/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who else has a disk's file: other workers, a virtual machine that runs on it, a loop device. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "io.h"
#include "mem.h"
#include "worker-in-use.h"

/* QEMU's: bytes from 100 say what it does with the file, from 200 what nobody else may do meanwhile. */
#define QEMU_LOCKS_START 100
#define QEMU_LOCKS_LEN	 200

static int lock_for_us(int fd, const char *name, struct error **err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK
		       ? err_set(err, ERR_DISK_BUSY, "\"%s\" is in use by another job", name)
		       : err_errno(err, ERR_DISK_OPEN, errno, "lock \"%s\"", name);
}

/* With it no QEMU starts on the disk before the job has ended. A file system without locks has none. */
static int lock_for_qemu(int fd, const char *name, bool write, struct error **err)
{
	struct flock lock = {.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = QEMU_LOCKS_START,
		.l_len = QEMU_LOCKS_LEN};
	bool taken =
		write ? fcntl(fd, F_OFD_SETLK, &lock) < 0 && (errno == EAGAIN || errno == EACCES)
		      : fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
	if (!taken)
		return 0;
	err_set(err, ERR_DISK_BUSY, "\"%s\" is in use by a virtual machine (QEMU has locked it)",
		name);
	return err_hint(err, "shut the machine down");
}

static char *first_line(const char *path)
{
	char text[4096];
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return NULL;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return xstrdup(text);
}

static bool backs(const char *loop, const struct stat *file)
{
	struct stat st;
	CLEANUP_FREE char *attribute = xasprintf("/sys/block/%s/loop/backing_file", loop);
	CLEANUP_FREE char *path = first_line(attribute);
	return path && stat(path, &st) == 0 && st.st_dev == file->st_dev &&
	       st.st_ino == file->st_ino;
}

/* What is written to the file would not be seen by who has mounted the device, and the other way round. */
static int check_loops(int fd, const char *name, struct error **err)
{
	struct stat file;
	if (fstat(fd, &file) < 0 || !S_ISREG(file.st_mode))
		return 0;
	DIR *dir = opendir("/sys/block");
	int rc = 0;
	for (struct dirent *e; dir && rc == 0 && (e = readdir(dir));)
		if (strncmp(e->d_name, "loop", 4) == 0 && backs(e->d_name, &file)) {
			err_set(err, ERR_DISK_BUSY, "\"%s\" is in use as /dev/%s", name, e->d_name);
			rc = err_hint(err, "detach it: losetup --detach /dev/%s", e->d_name);
		}
	if (dir)
		closedir(dir);
	return rc;
}

int worker_lock_disk(int fd, const char *name, bool write, struct error **err)
{
	if (lock_for_us(fd, name, err) < 0 || lock_for_qemu(fd, name, write, err) < 0)
		return -1;
	return write ? check_loops(fd, name, err) : 0;
}
