/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guid.h"

#include <sys/random.h>

#include "mem.h"

/* Where each byte of the text form lies in storage. */
static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

bool guid_is_zero(const struct guid *g)
{
	return mem_is_zero(g, sizeof(*g));
}

int guid_random(struct guid *ret, struct error **err)
{
	struct guid g;
	if (getrandom(g.b, sizeof(g.b), 0) != (ssize_t)sizeof(g.b))
		return err_errno(err, ERR_SYSTEM, errno, "random bytes for a GUID");
	g.b[7] = (g.b[7] & 0x0f) | 0x40;
	g.b[8] = (g.b[8] & 0x3f) | 0x80;
	*ret = g;
	return 0;
}

void guid_format(const struct guid *g, char ret[static GUID_STRING_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	char *p = ret;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[g->b[order[i]] >> 4];
		*p++ = hex[g->b[order[i]] & 15];
	}
	*p = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool guid_parse(const char *text, struct guid *ret)
{
	struct guid g;
	size_t len = strlen(text);
	if (len == 38 && text[0] == '{' && text[37] == '}') {
		text++;
		len = 36;
	}
	if (len != 36)
		return false;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			if (*text++ != '-')
				return false;
		int hi = hex_digit(text[0]), lo = hi < 0 ? -1 : hex_digit(text[1]);
		if (lo < 0)
			return false;
		g.b[order[i]] = (uint8_t)(hi << 4 | lo);
		text += 2;
	}
	*ret = g;
	return true;
}
