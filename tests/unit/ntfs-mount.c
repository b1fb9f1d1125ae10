/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntfs-mount.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mem.h"
#include "unit.h"

#define CANNOT_MOUNT 111

int ntfs_mounted(const char *image, const char *options, const char *script, ...)
{
	va_list ap;
	va_start(ap, script);
	CLEANUP_FREE char *text = xvasprintf(script, ap);
	va_end(ap);
	CLEANUP_FREE char *point = xasprintf("%s/mnt-%d", unit_tmp(), (int)getpid());
	mkdir(point, 0700);
	ck_assert_int_eq(setenv("NTFS_SCRIPT", text, 1), 0);
	/* In the foreground: the image is complete when the driver has ended. */
	int status =
		unit_run("export LC_ALL=C.UTF-8\n"
			 "ntfs-3g -o %s,no_detach '%s' '%s' >/dev/null 2>'%s.log' & driver=$!\n"
			 "for i in $(seq 100); do\n"
			 "  mountpoint -q '%s' && break\n"
			 "  kill -0 $driver 2>/dev/null || exit %d\n"
			 "  sleep 0.05\n"
			 "done\n"
			 "(cd '%s' && eval \"$NTFS_SCRIPT\"); status=$?\n"
			 "fusermount -u '%s' || status=112\n"
			 "wait $driver\n"
			 "exit $status",
			options, image, point, point, point, CANNOT_MOUNT, point, point);
	rmdir(point);
	if (status == CANNOT_MOUNT)
		unit_skip("ntfs-3g cannot mount here (FUSE, privileges)");
	return status;
}

void ntfs_check_sound(const char *image)
{
	ck_assert_int_eq(unit_run("ntfsfix -n '%s' >'%s.fix' 2>&1 || { cat '%s.fix'; exit 1; }",
				 image, image, image),
		0);
	ck_assert_int_eq(unit_run("ntfsresize -i -f -P '%s' >'%s.fix' 2>&1 &&"
				  " ! grep -iE 'error|fail|corrupt|inconsisten|bad' '%s.fix' ||"
				  " { cat '%s.fix'; exit 1; }",
				 image, image, image, image),
		0);
	/* Behind the last entry of $SDS it reads on, and then finds that "too long", also on volumes
	 * that Windows wrote: the number of entries tells whether it got there. */
	ck_assert_int_eq(
		unit_run("ntfssecaudit -a '%s' >'%s.fix' 2>&1;"
			 " entries() { grep \"entries in .SDS-$1\" '%s.fix' | cut -d' ' -f1-5; };"
			 " grep -q '^All keys are present in all lists' '%s.fix' &&"
			 " ! grep '^\\*\\*' '%s.fix' | grep -v 'is too long' &&"
			 " test \"$(entries 1)\" = \"$(entries 2)\" ||"
			 " { cat '%s.fix'; exit 1; }",
			image, image, image, image, image, image),
		0);
}
