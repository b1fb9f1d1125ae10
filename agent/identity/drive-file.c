/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drive-file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "mem.h"

static int read_file(const char *dir, const char *file, size_t max, char **ret, size_t *ret_len,
	struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, file);
	struct stat st;
	if (lstat(path, &st) < 0 && errno == ENOENT)
		return 0;
	return file_read(path, max, ret, ret_len, err) < 0 ? -1 : 1;
}

int drive_file_read(const char *path, const char *const file_systems[static 2], const char *file,
	size_t max, char **ret, size_t *ret_len, struct error **err)
{
	char dir[] = "/tmp/ce-config.XXXXXX";
	const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW;
	struct stat st;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return read_file(path, file, max, ret, ret_len, err);
	if (!mkdtemp(dir))
		return err_errno(err, ERR_SYSTEM, errno, "folder \"%s\"", dir);
	int rc = -1, problem = EINVAL; /* which only says that it is another file system */
	for (int i = 0; i < 2 && rc < 0; i++) {
		rc = mount(path, dir, file_systems[i], flags, NULL);
		if (rc < 0 && problem == EINVAL)
			problem = errno;
	}
	if (rc < 0)
		err_errno(err, ERR_ENROLMENT_INVALID, problem,
			"\"%s\" cannot be mounted as %s or %s", path, file_systems[0],
			file_systems[1]);
	else {
		rc = read_file(dir, file, max, ret, ret_len, err);
		umount2(dir, MNT_DETACH);
	}
	rmdir(dir);
	return rc;
}
