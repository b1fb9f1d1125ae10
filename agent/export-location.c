/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a share is, as a request writes it. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "export-request.h"
#include "filename.h"
#include "mem.h"

#define FIELD	     "outputStorageLocation.location"
#define LOCATION_MAX 2048
#define HOST_MAX     255
#define SHARE_MAX    80 /* [MS-SMB2] 2.2.9; Windows' own limit */

static int bad(struct error **err, const char *what)
{
	err_set(err, ERR_INVALID_FIELD,
		"field \"" FIELD "\" %s (smb://host[:port]/share[/folder] expected)", what);
	return -1;
}

static const char *skip_scheme(const char *text, bool *ret_old_scheme)
{
	*ret_old_scheme = strncasecmp(text, "smbn://", 7) == 0;
	if (*ret_old_scheme)
		return text + 7;
	return strncasecmp(text, "smb://", 6) == 0 ? text + 6 : NULL;
}

static bool is_port(const char *p, size_t n)
{
	unsigned port = 0;
	if (n == 0 || n > 5)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)p[i]))
			return false;
		port = port * 10 + (unsigned)(p[i] - '0');
	}
	return port >= 1 && port <= 65535;
}

static bool all_of(const char *p, size_t n, const char *allowed)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)p[i]) && !strchr(allowed, p[i]))
			return false;
	return true;
}

/* host[:port] or [IPv6][:port] */
static int check_authority(const char *p, size_t n, struct error **err)
{
	const char *end = p + n, *host_end;
	if (memchr(p, '@', n)) {
		bad(err, "has a user name in it");
		return err_hint(err, "send user, domain and password beside the location");
	}
	if (n && *p == '[') {
		host_end = memchr(p, ']', n);
		if (!host_end || host_end - p < 3 ||
			!all_of(p + 1, (size_t)(host_end - p - 1), ":.%-_"))
			return bad(err, "has an IPv6 address that is none");
		host_end++;
	} else {
		host_end = memchr(p, ':', n);
		if (!host_end)
			host_end = end;
		if (host_end == p || host_end - p > HOST_MAX ||
			!all_of(p, (size_t)(host_end - p), ".-_"))
			return bad(err, "names no host");
	}
	if (host_end < end &&
		(*host_end != ':' || !is_port(host_end + 1, (size_t)(end - host_end - 1))))
		return bad(err, "has a port that is none");
	return 0;
}

/* The share and each folder are names Windows accepts; empty ones ("//") are dropped. */
static int append_parts(char **location, const char *path, struct error **err)
{
	bool share = true;
	while (*path) {
		size_t n = strcspn(path, "/");
		CLEANUP_FREE char *part = xstrndup(path, n);
		path += n + strspn(path + n, "/");
		if (file_name_check(part, err) < 0) {
			(*err)->code = ERR_INVALID_FIELD;
			return err_prefix(err, "field \"" FIELD "\"");
		}
		if (share && n > SHARE_MAX)
			return bad(err, "has a share name longer than 80 characters");
		share = false;
		char *longer = xasprintf("%s/%s", *location, part);
		free(*location);
		*location = longer;
	}
	return share ? bad(err, "names no share") : 0;
}

int export_location_parse(const char *text, char **ret, bool *ret_old_scheme, struct error **err)
{
	bool old_scheme;
	if (strlen(text) > LOCATION_MAX)
		return bad(err, "is longer than 2048 bytes");
	const char *authority = skip_scheme(text, &old_scheme);
	if (!authority) {
		bad(err, "does not begin with smb://");
		if (strncmp(text, "\\\\", 2) == 0)
			err_hint(err, "write \\\\host\\share\\folder as smb://host/share/folder");
		return -1;
	}
	size_t n = strcspn(authority, "/");
	if (check_authority(authority, n, err) < 0)
		return -1;
	CLEANUP_FREE char *location = xasprintf("smb://%.*s", (int)n, authority);
	const char *path = authority + n + strspn(authority + n, "/");
	if (append_parts(&location, path, err) < 0)
		return -1;
	*ret = TAKE_PTR(location);
	*ret_old_scheme = old_scheme;
	return 0;
}
