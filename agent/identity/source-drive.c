/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A config drive: a small disk or CD with an ISO 9660 or FAT file system of one of three labels. Ours holds
 * ce-enrolment.json; cloud-init's holds it as user-data ("cidata": NoCloud, "config-2": OpenStack).
 * What a guest wrote on its own disk, attached to this machine to be exported, must not say whom the
 * machine obeys, nor keep it from being told: every device with such a label is looked at, not the one
 * that a link in /dev/disk/by-label is left to, and a disk that could hold a system is none.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <systemd/sd-device.h>
#include <unistd.h>

#include "drive-file.h"
#include "enrolment.h"
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
	{"CONFIG-2", "openstack/latest/user_data"},
	{0},
};
/* Mounted read-only, these write nothing; ext4 replays its journal: it may be somebody's disk after all. */
static const char *const file_systems[] = {"iso9660", "vfat"};

/* OpenStack makes config drives of 64 MiB; no Windows fits on it. In sectors of 512 bytes, as sysfs counts. */
#define DRIVE_SECTORS_MAX (64u << 11)

DEFINE_CLEANUP(sd_device_enumerator *, sd_device_enumerator_unref);

/* What has been found up to now. */
struct search {
	char *text, *drive, *disk;
	size_t len;
};

static void search_done(struct search *s)
{
	mem_wipe_str(s->text);
	free(s->drive);
	free(s->disk);
}

/* sysfs's folder of a disk, also where the device is a partition of it; or NULL. */
static char *whole_disk(dev_t device)
{
	CLEANUP_FREE char *link = xasprintf("/sys/dev/block/%u:%u", major(device), minor(device));
	char *path = realpath(link, NULL);
	if (!path)
		return NULL;
	CLEANUP_FREE char *partition = xasprintf("%s/partition", path);
	if (access(partition, F_OK) == 0)
		*strrchr(path, '/') = '\0';
	return path;
}

/* A CD, or a disk (also one with partitions) that is small enough. */
static bool is_small(const char *disk)
{
	unsigned long long sectors = 0;
	if (strncmp(strrchr(disk, '/') + 1, "sr", 2) == 0)
		return true;
	CLEANUP_FREE char *size = xasprintf("%s/size", disk);
	CLEANUP_FCLOSE FILE *f = fopen(size, "re");
	return f && fscanf(f, "%llu", &sectors) == 1 && sectors > 0 && sectors <= DRIVE_SECTORS_MAX;
}

/* user-data that is meant for cloud-init is nobody's enrolment. */
static bool is_ours(const struct drive *d, const char *text)
{
	return strcmp(d->file, "ce-enrolment.json") == 0 || text[strspn(text, " \t\r\n")] == '{';
}

/* path: a device, or the folder where somebody has mounted one already. */
static int look_at(struct search *s, const struct drive *d, const char *path, const struct stat *st,
	struct error **err)
{
	bool mounted = S_ISDIR(st->st_mode);
	CLEANUP_FREE char *disk = mounted ? xstrdup(path) : whole_disk(st->st_rdev), *text = NULL;
	size_t len = 0;
	if (!disk || (!mounted && !is_small(disk)))
		return 0;
	/* a hybrid CD image shows its file system twice: as the disk and as a partition of it */
	if (s->disk && strcmp(s->disk, disk) == 0)
		return 0;
	int rc = drive_file_read(path, file_systems, d->file, ENROLMENT_SIZE_MAX, &text, &len, err);
	if (rc <= 0)
		return rc < 0 ? err_prefix(err, "drive \"%s\"", d->label) : 0;
	if (!is_ours(d, text)) {
		mem_wipe_str(TAKE_PTR(text));
		return 0;
	}
	CLEANUP_FREE char *drive = xasprintf("\"%s\" (%s)", d->label, path);
	if (s->text) {
		mem_wipe_str(TAKE_PTR(text));
		return err_set(err, ERR_ENROLMENT_INVALID,
			"drive %s and drive %s both have a document: one expected", s->drive,
			drive);
	}
	*s = (struct search){TAKE_PTR(text), TAKE_PTR(drive), TAKE_PTR(disk), len};
	return 0;
}

/* A test's: one entry per label, a folder or a link to a device. */
static int search_folder(struct search *s, const char *folder, struct error **err)
{
	for (const struct drive *d = drives; d->label; d++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", folder, d->label);
		struct stat st;
		if (stat(path, &st) == 0 && (S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode)) &&
			look_at(s, d, path, &st, err) < 0)
			return -1;
	}
	return 0;
}

static int look_at_device(struct search *s, sd_device *device, struct error **err)
{
	const char *label, *path;
	struct stat st;
	if (sd_device_get_property_value(device, "ID_FS_LABEL", &label) < 0 ||
		sd_device_get_devname(device, &path) < 0 || stat(path, &st) < 0 ||
		!S_ISBLK(st.st_mode))
		return 0; /* gone in the meantime */
	for (const struct drive *d = drives; d->label; d++)
		if (strcmp(d->label, label) == 0)
			return look_at(s, d, path, &st, err);
	return 0;
}

/* Every block device of which udev knows such a label. */
static int search_devices(struct search *s, struct error **err)
{
	CLEANUP(sd_device_enumerator_unref_p) sd_device_enumerator *all = NULL;
	int rc = sd_device_enumerator_new(&all);
	if (rc >= 0)
		rc = sd_device_enumerator_add_match_subsystem(all, "block", true);
	for (const struct drive *d = drives; d->label && rc >= 0; d++)
		rc = sd_device_enumerator_add_match_property(all, "ID_FS_LABEL", d->label);
	if (rc < 0)
		return err_errno(err, ERR_SYSTEM, -rc, "enumerating block devices");
	for (sd_device *device = sd_device_enumerator_get_device_first(all); device;
		device = sd_device_enumerator_get_device_next(all))
		if (look_at_device(s, device, err) < 0)
			return -1;
	return 0;
}

int source_drive(const struct source_env *env, char **ret, size_t *ret_len, struct error **err)
{
	CLEANUP(search_done) struct search s = {0};
	int rc = env->drives ? search_folder(&s, env->drives, err) : search_devices(&s, err);
	if (rc < 0 || !s.text)
		return rc;
	*ret = TAKE_PTR(s.text);
	*ret_len = s.len;
	return 1;
}
