/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disks with a Windows as libguestfs sees them: an inspector that shares nothing with this project.
 *   guestfs-windows IMAGE...
 * Opens all raw images in one appliance, without writing to them. A line for each operating system:
 * drive letter (a for the first image), type, distro, product, version, architecture, system root, control set.
 */
#include <err.h>
#include <guestfs.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static void free_strings(char ***p)
{
	for (char **s = *p; s && *s; s++)
		free(*s);
	free(*p);
}

static void print_windows(guestfs_h *g, const char *root)
{
	CLEANUP_FREE char *type = guestfs_inspect_get_type(g, root);
	CLEANUP_FREE char *distro = guestfs_inspect_get_distro(g, root);
	CLEANUP_FREE char *product = guestfs_inspect_get_product_name(g, root);
	CLEANUP_FREE char *arch = guestfs_inspect_get_arch(g, root);
	CLEANUP_FREE char *folder = guestfs_inspect_get_windows_systemroot(g, root);
	CLEANUP_FREE char *set = guestfs_inspect_get_windows_current_control_set(g, root);
	if (!type || !distro || !product || !arch || !folder || !set)
		errx(1, "%s: libguestfs cannot say what it is", root);
	printf("%c|%s|%s|%s|%d.%d|%s|%s|%s\n", root[strlen("/dev/sd")], type, distro, product,
		guestfs_inspect_get_major_version(g, root),
		guestfs_inspect_get_minor_version(g, root), arch, folder, set);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(2, "usage: guestfs-windows IMAGE...");
	guestfs_h *g = guestfs_create();
	if (!g)
		err(1, "guestfs_create");
	/* libguestfs itself says on standard error what failed */
	for (int i = 1; i < argc; i++)
		if (guestfs_add_drive_opts(g, argv[i], GUESTFS_ADD_DRIVE_OPTS_READONLY, 1,
			    GUESTFS_ADD_DRIVE_OPTS_FORMAT, "raw", -1) < 0)
			return 1;
	if (guestfs_launch(g) < 0)
		return 1;
	char **roots CLEANUP(free_strings) = guestfs_inspect_os(g);
	if (!roots)
		return 1;
	for (char **root = roots; *root; root++)
		print_windows(g, *root);
	if (guestfs_shutdown(g) < 0)
		return 1;
	guestfs_close(g);
	return 0;
}
