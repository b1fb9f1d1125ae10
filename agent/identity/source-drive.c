/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A config drive: a small disk or CD with a file system of one of three labels. Ours holds
 * ce-enrolment.json; cloud-init's holds it as user-data ("cidata": NoCloud, "config-2": OpenStack).
 * What a guest wrote on its own disk, attached to this machine to be exported, must not say whom the
 * machine obeys: a disk that could hold a system is none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "enrolment.h"
#include "io.h"
#include "mem.h"
#include "source.h"

static const struct drive {
	const char *label, *file;
} drives[] = {
	{"CE-CONFIG", "ce-enrolment.json"},
	{"ce-config", "ce-enrolment.json"},
	{"cidata", "user-data"},
	{"CIDATA", "user-data"},
	{"config-2", "openstack/latest/user_data"},
	{0},
};
static const char *const file_systems[] = {"iso9660", "vfat", "ext4", NULL};

/* OpenStack makes config drives of 64 MiB; no Windows fits on it. In sectors of 512 bytes, as sysfs counts. */
#define DRIVE_SECTORS_MAX (64u << 11)

/* A CD, or a disk (also one with partitions) that is small enough. */
static bool is_small(dev_t device)
{
	unsigned long long sectors = 0;
	CLEANUP_FREE char *link = xasprintf("/sys/dev/block/%u:%u", major(device), minor(device));
	CLEANUP_FREE char *path = realpath(link, NULL);
	if (!path)
		return false;
	CLEANUP_FREE char *partition = xasprintf("%s/partition", path);
	if (access(partition, F_OK) == 0)
		*strrchr(path, '/') = '\0';
	if (strncmp(strrchr(path, '/') + 1, "sr", 2) == 0)
		return true;
	CLEANUP_FREE char *size = xasprintf("%s/size", path);
	CLEANUP_FCLOSE FILE *f = fopen(size, "re");
	return f && fscanf(f, "%llu", &sectors) == 1 && sectors > 0 && sectors <= DRIVE_SECTORS_MAX;
}

static int read_file(
	const char *dir, const char *file, char **ret, size_t *ret_len, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, file);
	struct stat st;
	if (lstat(path, &st) < 0 && errno == ENOENT)
		return 0;
	return file_read(path, ENROLMENT_SIZE_MAX, ret, ret_len, err) < 0 ? -1 : 1;
}

/* user-data that is meant for cloud-init is nobody's enrolment. */
static bool is_ours(const struct drive *d, const char *text)
{
	return strcmp(d->file, "ce-enrolment.json") == 0 || text[strspn(text, " \t\r\n")] == '{';
}

static int read_mounted(
	const char *device, const struct drive *d, char **ret, size_t *ret_len, struct error **err)
{
	char dir[] = "/tmp/ce-config.XXXXXX";
	const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW;
	if (!mkdtemp(dir))
		return err_errno(err, ERR_SYSTEM, errno, "folder \"%s\"", dir);
	int rc = -1;
	for (const char *const *fs = file_systems; *fs && rc < 0; fs++)
		rc = mount(device, dir, *fs, flags, NULL);
	if (rc < 0)
		err_errno(err, ERR_ENROLMENT_INVALID, errno, "drive \"%s\" (%s)", d->label, device);
	else {
		rc = read_file(dir, d->file, ret, ret_len, err);
		umount2(dir, MNT_DETACH);
	}
	rmdir(dir);
	return rc;
}

int source_drive(const struct source_env *env, char **ret, size_t *ret_len, struct error **err)
{
	for (const struct drive *d = drives; d->label; d++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", env->drives, d->label);
		struct stat st;
		if (stat(path, &st) < 0)
			continue;
		if (S_ISBLK(st.st_mode) && !is_small(st.st_rdev))
			continue;
		/* a folder is a drive that somebody has mounted already */
		int rc = S_ISDIR(st.st_mode) ? read_file(path, d->file, ret, ret_len, err)
					     : read_mounted(path, d, ret, ret_len, err);
		if (rc < 0)
			return -1;
		if (rc > 0 && is_ours(d, *ret))
			return 1;
		if (rc > 0)
			mem_wipe_str(TAKE_PTR(*ret));
	}
	return 0;
}
