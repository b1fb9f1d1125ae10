/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smb-url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "filename.h"
#include "mem.h"

#define SCHEME	  "smb://"
#define HOST_MAX  253 /* RFC 1123 */
#define SHARE_MAX 80  /* [MS-SMB2] 2.2.9; Windows' own limit */
#define URL_MAX	  4096

static int bad(struct error **err, const char *what)
{
	return err_set(err, ERR_INVALID_ARGUMENT,
		"the share's URL %s (smb://host[:port]/share[/folder…] expected)", what);
}

bool smb_url_is(const char *text)
{
	return strncasecmp(text, SCHEME, strlen(SCHEME)) == 0;
}

static bool is_host_name(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)p[i]) && !strchr(".-_", p[i]))
			return false;
	return n > 0 && n <= HOST_MAX && p[0] != '-';
}

static bool is_ipv6(const char *address)
{
	struct in6_addr ignored;
	return inet_pton(AF_INET6, address, &ignored) == 1;
}

/* p: what follows the host, n bytes. */
static int parse_port(const char *p, size_t n, uint16_t *ret, struct error **err)
{
	unsigned port = 0;
	if (n == 0) {
		*ret = SMB_URL_PORT;
		return 0;
	}
	if (p[0] != ':' || n < 2 || n > 6)
		return bad(err, "has a port that is none");
	for (size_t i = 1; i < n; i++) {
		if (!isdigit((unsigned char)p[i]))
			return bad(err, "has a port that is none");
		port = port * 10 + (unsigned)(p[i] - '0');
	}
	if (port < 1 || port > UINT16_MAX)
		return bad(err, "has a port that is none");
	*ret = (uint16_t)port;
	return 0;
}

static int parse_authority(const char *p, size_t n, struct smb_url *url, struct error **err)
{
	const char *end = p + n, *host_end;
	if (memchr(p, '@', n)) {
		bad(err, "has a user name in it");
		return err_hint(err, "give user, domain and password beside the URL");
	}
	if (n && *p == '[') {
		host_end = memchr(p, ']', n);
		if (!host_end)
			return bad(err, "has an IPv6 address without its ']'");
		url->host = xstrndup(p + 1, (size_t)(host_end - p - 1));
		if (!is_ipv6(url->host))
			return bad(err, "has an IPv6 address that is none");
		host_end++;
	} else {
		host_end = memchr(p, ':', n);
		if (!host_end)
			host_end = end;
		if (!is_host_name(p, (size_t)(host_end - p)))
			return bad(err, "names no host");
		url->host = xstrndup(p, (size_t)(host_end - p));
	}
	return parse_port(host_end, (size_t)(end - host_end), &url->port, err);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL where a NUL is encoded. */
static char *percent_decode(const char *p, size_t n)
{
	char *out = xmalloc(n + 1);
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		int high = p[i] == '%' && i + 2 < n ? hex_value(p[i + 1]) : -1;
		int low = high >= 0 ? hex_value(p[i + 2]) : -1;
		if (low >= 0) {
			out[len] = (char)(high * 16 + low);
			i += 2;
		} else {
			out[len] = p[i];
		}
		if (!out[len++]) {
			free(out);
			return NULL;
		}
	}
	out[len] = '\0';
	return out;
}

static int take_part(const char **p, char **ret, struct error **err)
{
	size_t n = strcspn(*p, "/");
	CLEANUP_FREE char *part = percent_decode(*p, n);
	*p += n + strspn(*p + n, "/");
	if (!part)
		return bad(err, "has a NUL character in it");
	if (file_name_check(part, err) < 0)
		return -1;
	*ret = TAKE_PTR(part);
	return 0;
}

static void add_folder(struct smb_url *url, const char *part)
{
	char *longer = *url->folder ? xasprintf("%s/%s", url->folder, part) : xstrdup(part);
	free(url->folder);
	url->folder = longer;
}

/* named: the last part is the file's name. */
static int parse_path(const char *p, bool named, struct smb_url *url, struct error **err)
{
	bool ends_with_slash = *p && p[strlen(p) - 1] == '/';
	if (!*p)
		return bad(err, "names no share");
	if (take_part(&p, &url->share, err) < 0)
		return err_prefix(err, "the share's URL");
	if (strlen(url->share) > SHARE_MAX)
		return bad(err, "has a share name longer than 80 bytes");
	url->folder = xstrdup("");
	while (*p) {
		CLEANUP_FREE char *part = NULL;
		if (take_part(&p, &part, err) < 0)
			return err_prefix(err, "the share's URL");
		if (named && !*p && !ends_with_slash)
			url->name = TAKE_PTR(part);
		else
			add_folder(url, part);
	}
	return named && !url->name ? bad(err, "names no file") : 0;
}

static int parse(const char *text, bool named, struct smb_url *ret, struct error **err)
{
	struct smb_url url = {0};
	if (!smb_url_is(text))
		return bad(err, "does not begin with smb://");
	if (strlen(text) > URL_MAX)
		return bad(err, "is longer than 4096 bytes");
	const char *authority = text + strlen(SCHEME);
	size_t n = strcspn(authority, "/");
	const char *path = authority + n + strspn(authority + n, "/");
	if (parse_authority(authority, n, &url, err) < 0 ||
		parse_path(path, named, &url, err) < 0) {
		smb_url_done(&url);
		return -1;
	}
	*ret = url;
	return 0;
}

int smb_url_parse(const char *text, struct smb_url *ret, struct error **err)
{
	return parse(text, true, ret, err);
}

int smb_url_parse_folder(const char *text, struct smb_url *ret, struct error **err)
{
	return parse(text, false, ret, err);
}

void smb_url_done(struct smb_url *url)
{
	free(url->host);
	free(url->share);
	free(url->folder);
	free(url->name);
	*url = (struct smb_url){0};
}

char *smb_url_append(const char *location, const char *name)
{
	size_t n = strlen(location);
	while (n && location[n - 1] == '/')
		n--;
	char *out = xmalloc(n + 1 + 3 * strlen(name) + 1);
	memcpy(out, location, n);
	char *p = out + n;
	*p++ = '/';
	for (; *name; name++)
		if (*name == '%')
			p += sprintf(p, "%%25");
		else
			*p++ = *name;
	*p = '\0';
	return out;
}
