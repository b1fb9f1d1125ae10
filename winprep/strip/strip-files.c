/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files and folders of the source platform's tools. A DLL that the Winsock catalog loads stays, with the
 * folder it is in: without it no program has a network.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "strip-software.h"

const char *strip_without_drive(const char *path)
{
	return isalpha((unsigned char)path[0]) && path[1] == ':' && path[2] == '\\' ? path + 2
										    : NULL;
}

/* The lists say \Windows; this Windows may have another folder, and \Windows be another one's. */
static const char windows[] = "\\Windows\\";

static char *in_this_windows(const struct prep *p, const char *path)
{
	if (!p->guest->root || strncasecmp(path, windows, sizeof(windows) - 1) != 0)
		return xstrdup(path);
	return xasprintf("%s\\%s", p->guest->root, path + sizeof(windows) - 1);
}

bool strip_covers_file(const struct prep *p, const char *path)
{
	const char *root = p->guest->root ? p->guest->root : "\\Windows";
	size_t len = strlen(root);
	bool ours = strncasecmp(path, root, len) == 0 && path[len] == '\\';
	if (!ours && strncasecmp(path, windows, sizeof(windows) - 1) == 0)
		return false;
	CLEANUP_FREE char *listed =
		ours ? xasprintf("%s%s", windows, path + len + 1) : xstrdup(path);
	return strip_covers(p, STRIP_FIELD(files), listed);
}

static int strip_path(struct prep *p, const char *name, struct error **err)
{
	CLEANUP_FREE char *path = in_this_windows(p, name);
	if (!p->guest->volume)
		return 0;
	if (strip_winsock_uses(p, path)) {
		plan_note(p->plan, "%s left: the Winsock catalog loads a DLL of it", path);
		return 0;
	}
	return strip_file(p, path, "file of the source platform's tools", err);
}

int strip_files(struct prep *p, struct error **err)
{
	return strip_each(p, STRIP_FIELD(files), strip_path, err);
}
