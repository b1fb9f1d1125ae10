/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of disk images as libguestfs sees them: a reader that shares nothing with this project.
 *   guestfs-hashes LABEL (FORMAT IMAGE OUTPUT)...
 * Opens all images in one appliance; on each finds the NTFS volume of that label, mounts it read-only
 * and writes "sha256  ./path" of every file to OUTPUT. Fails where a volume is missing.
 */
#include <err.h>
#include <guestfs.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static void free_strings(char ***p)
{
	for (char **s = *p; s && *s; s++)
		free(*s);
	free(*p);
}

/* The last letter of /dev/sdX names the drive; file systems are pairs of device and type. */
static char *find_volume(guestfs_h *g, size_t drive, const char *label)
{
	char **list CLEANUP(free_strings) = guestfs_list_filesystems(g);
	char prefix[] = "/dev/sda";
	prefix[sizeof(prefix) - 2] = (char)('a' + drive);
	for (char **p = list; p && p[0] && p[1]; p += 2) {
		CLEANUP_FREE char *got = NULL;
		if (strncmp(p[0], prefix, strlen(prefix)) != 0 || strcmp(p[1], "ntfs") != 0)
			continue;
		got = guestfs_vfs_label(g, p[0]);
		if (got && strcmp(got, label) == 0)
			return strdup(p[0]);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc < 5 || (argc - 2) % 3)
		errx(2, "usage: guestfs-hashes LABEL (FORMAT IMAGE OUTPUT)...");
	guestfs_h *g = guestfs_create();
	if (!g)
		err(1, "guestfs_create");
	/* libguestfs itself says on standard error what failed */
	for (int i = 2; i < argc; i += 3)
		if (guestfs_add_drive_opts(g, argv[i + 1], GUESTFS_ADD_DRIVE_OPTS_READONLY, 1,
			    GUESTFS_ADD_DRIVE_OPTS_FORMAT, argv[i], -1) < 0)
			return 1;
	if (guestfs_launch(g) < 0)
		return 1;
	for (int i = 2; i < argc; i += 3) {
		CLEANUP_FREE char *device = find_volume(g, (size_t)(i - 2) / 3, argv[1]);
		if (!device)
			errx(1, "%s: no NTFS volume is named \"%s\"", argv[i + 1], argv[1]);
		if (guestfs_mount_ro(g, device, "/") < 0 ||
			guestfs_checksums_out(g, "sha256", "/", argv[i + 2]) < 0 ||
			guestfs_umount_all(g) < 0)
			return 1;
	}
	if (guestfs_shutdown(g) < 0)
		return 1;
	guestfs_close(g);
	return 0;
}
