/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Preloaded into a program whose writes to one file are to fail, or to be its last act:
 *   CE_FAULT_FILE   the file
 *   CE_FAULT_AT     which of its writes, from 0
 *   CE_FAULT_KIND   "kill": SIGKILL instead of that write; "eio": that write and all after it fail with EIO
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_file(int fd)
{
	struct stat a, b;
	const char *path = getenv("CE_FAULT_FILE");
	return path && stat(path, &a) == 0 && fstat(fd, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static bool fails(int fd)
{
	static atomic_long writes;
	const char *at = getenv("CE_FAULT_AT"), *kind = getenv("CE_FAULT_KIND");
	if (!at || !kind || !is_file(fd) || atomic_fetch_add(&writes, 1) < atol(at))
		return false;
	if (strcmp(kind, "kill") == 0)
		kill(getpid(), SIGKILL);
	errno = EIO;
	return true;
}

/* With 64-bit offsets pwrite() is pwrite64(). */
ssize_t pwrite(int fd, const void *buf, size_t n, off_t offset)
{
	static ssize_t (*real)(int, const void *, size_t, off_t);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pwrite64");
	return fails(fd) ? -1 : real(fd, buf, n, offset);
}
