/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a share is, as a request writes it. */
#include <string.h>
#include <strings.h>

#include "export-request.h"
#include "mem.h"
#include "smb-url.h"

#define SCHEME	   "smb://"
#define OLD_SCHEME "smbn://" /* in one example of the public API */

static int check(const char *location, struct error **err)
{
	struct smb_url url;
	if (smb_url_parse_folder(location, &url, err) == 0) {
		smb_url_done(&url);
		return 0;
	}
	(*err)->code = ERR_INVALID_FIELD;
	err_prefix(err, "field \"outputStorageLocation.location\"");
	if (strncmp(location, "\\\\", 2) == 0)
		err_hint(err, "write \\\\host\\share\\folder as smb://host/share/folder");
	return -1;
}

int export_location_parse(const char *text, char **ret, bool *ret_old_scheme, struct error **err)
{
	bool old_scheme = strncasecmp(text, OLD_SCHEME, strlen(OLD_SCHEME)) == 0;
	const char *rest = text + (old_scheme ? strlen(OLD_SCHEME) : strlen(SCHEME));
	CLEANUP_FREE char *location =
		old_scheme || smb_url_is(text) ? xasprintf(SCHEME "%s", rest) : xstrdup(text);
	size_t n = strlen(location);
	while (n > strlen(SCHEME) && location[n - 1] == '/')
		location[--n] = '\0';
	if (check(location, err) < 0)
		return -1;
	*ret = TAKE_PTR(location);
	*ret_old_scheme = old_scheme;
	return 0;
}
