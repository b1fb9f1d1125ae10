/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "utf16.h"

#include <string.h>

#include "le.h"
#include "mem.h"

static size_t put_utf8(char *p, uint32_t c)
{
	if (c < 0x80) {
		p[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		p[0] = (char)(0xc0 | c >> 6);
		p[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		p[0] = (char)(0xe0 | c >> 12);
		p[1] = (char)(0x80 | (c >> 6 & 0x3f));
		p[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	p[0] = (char)(0xf0 | c >> 18);
	p[1] = (char)(0x80 | (c >> 12 & 0x3f));
	p[2] = (char)(0x80 | (c >> 6 & 0x3f));
	p[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

char *utf16_to_utf8(const void *units, size_t n)
{
	const uint8_t *p = units;
	char *text = xmalloc(n * 3 + 1);
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t c = le16_at(p + 2 * i);
		if (c == 0)
			break;
		if (c >= 0xd800 && c < 0xe000) {
			uint32_t low = i + 1 < n ? le16_at(p + 2 * i + 2) : 0;
			if (c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
				i++;
			} else {
				c = 0xfffd;
			}
		}
		len += put_utf8(text + len, c);
	}
	text[len] = '\0';
	return text;
}

/* Decodes one character at *p; returns UINT32_MAX where it is not valid UTF-8. */
static uint32_t get_utf8(const uint8_t **p)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	uint32_t c = *(*p)++;
	unsigned more = c < 0x80 ? 0 : c >> 5 == 6 ? 1 : c >> 4 == 14 ? 2 : c >> 3 == 30 ? 3 : 4;
	if (more == 4)
		return UINT32_MAX;
	if (more)
		c &= 0x3fu >> more;
	for (unsigned i = 0; i < more; i++) {
		if ((**p & 0xc0) != 0x80)
			return UINT32_MAX;
		c = c << 6 | (*(*p)++ & 0x3f);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return UINT32_MAX;
	return c;
}

uint8_t *utf8_to_utf16(const char *text, size_t *ret_units)
{
	const uint8_t *p = (const uint8_t *)text;
	uint8_t *units = xmalloc(strlen(text) * 2 + 2);
	size_t n = 0;
	while (*p) {
		uint32_t c = get_utf8(&p);
		if (c == UINT32_MAX) {
			free(units);
			return NULL;
		}
		if (c >= 0x10000) {
			c -= 0x10000;
			le16_put(units + 2 * n++, (uint16_t)(0xd800 + (c >> 10)));
			c = 0xdc00 + (c & 0x3ff);
		}
		le16_put(units + 2 * n++, (uint16_t)c);
	}
	*ret_units = n;
	return units;
}

static bool is_control(uint32_t c)
{
	return (c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7f && c < 0xa0);
}

char *utf8_clean(const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	char *clean = xmalloc(strlen(text) * 3 + 1);
	size_t len = 0;
	while (*p) {
		uint32_t c = get_utf8(&p);
		len += put_utf8(clean + len, c == UINT32_MAX || is_control(c) ? 0xfffd : c);
	}
	clean[len] = '\0';
	return clean;
}
