/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "enrolment.h"

static int invalid(struct error **err, const char *why)
{
	return err_set(err, ERR_ENROLMENT_INVALID, "field \"callback.url\" %s", why);
}

/* Its length; 0: no name, no address. */
static size_t host_length(const char *s)
{
	if (*s == '[') {
		size_t n = 1 + strspn(s + 1, "0123456789abcdefABCDEF:.");
		return n > 2 && s[n] == ']' ? n + 1 : 0;
	}
	return strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_");
}

/* Narrow, so that nobody who reads it later reads anything else in it. */
int callback_url_port(const char *url, uint16_t *ret, struct error **err)
{
	unsigned long port = 443;
	if (strncasecmp(url, "https://", 8) != 0)
		return invalid(err, "is no https:// address");
	if (strlen(url) > CALLBACK_URL_MAX)
		return invalid(err, "is too long");
	for (const char *p = url; *p; p++)
		if (!isgraph((unsigned char)*p) || strchr("\"\\<>^`{|}#", *p))
			return invalid(err, "holds a character that has no place in it");
	const char *host = url + 8;
	size_t n = host_length(host);
	if (!n)
		return invalid(err, "has no host");
	const char *p = host + n;
	if (*p == ':') {
		char *end;
		port = isdigit((unsigned char)p[1]) ? strtoul(p + 1, &end, 10) : 0;
		if (!port || port > UINT16_MAX)
			return invalid(err, "has no port from 1 to 65535 behind the colon");
		p = end;
	}
	if (*p && *p != '/' && *p != '?')
		return invalid(err, "has more than a host and a port before its path");
	*ret = (uint16_t)port;
	return 0;
}
