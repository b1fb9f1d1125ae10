/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inf-text.h"

#include <stdint.h>
#include <string.h>

#include "le.h"
#include "mem.h"
#include "strbuf.h"
#include "utf16.h"

/* Windows-1252 0x80 to 0x9f; the rest equals Unicode. 0: not assigned. */
static const uint16_t cp1252_high[32] = {0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
	0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0, 0, 0x2018, 0x2019, 0x201c, 0x201d,
	0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178};

static char *from_utf16(const uint8_t *p, size_t units, bool big_endian)
{
	uint8_t *copy = xmalloc(units * 2);
	size_t n = 0;
	for (size_t i = 0; i < units; i++) {
		uint16_t c = big_endian ? be16_at(p + 2 * i) : le16_at(p + 2 * i);
		if (c)
			le16_put(copy + 2 * n++, c);
	}
	char *text = utf16_to_utf8(copy, n);
	free(copy);
	return text;
}

static char *from_cp1252(const uint8_t *p, size_t size)
{
	uint8_t *units = xmalloc(size * 2);
	size_t n = 0;
	for (size_t i = 0; i < size; i++) {
		uint16_t c = p[i];
		if (c >= 0x80 && c < 0xa0 && cp1252_high[c - 0x80])
			c = cp1252_high[c - 0x80];
		if (c)
			le16_put(units + 2 * n++, c);
	}
	char *text = utf16_to_utf8(units, n);
	free(units);
	return text;
}

/* Text of letters written as UTF-16 without a mark has a zero in every other byte. */
static bool looks_like_utf16(const uint8_t *p, size_t size)
{
	size_t zeros = 0, n = size < 512 ? size / 2 : 256;
	for (size_t i = 0; i < n; i++)
		zeros += p[2 * i] != 0 && p[2 * i + 1] == 0;
	return n >= 4 && zeros > n * 3 / 4;
}

static char *from_utf8(const uint8_t *p, size_t size)
{
	CLEANUP_FREE char *text = xmalloc(size + 1);
	size_t n = 0, units;
	for (size_t i = 0; i < size; i++)
		if (p[i])
			text[n++] = (char)p[i];
	text[n] = '\0';
	uint8_t *valid = utf8_to_utf16(text, &units);
	if (!valid)
		return NULL;
	free(valid);
	return TAKE_PTR(text);
}

static char *decode(const uint8_t *p, size_t size)
{
	if (size >= 2 && p[0] == 0xff && p[1] == 0xfe)
		return from_utf16(p + 2, (size - 2) / 2, false);
	if (size >= 2 && p[0] == 0xfe && p[1] == 0xff)
		return from_utf16(p + 2, (size - 2) / 2, true);
	if (looks_like_utf16(p, size))
		return from_utf16(p, size / 2, false);
	if (size >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3, size -= 3;
	char *text = from_utf8(p, size);
	return text ? text : from_cp1252(p, size);
}

char *inf_text_decode(const void *data, size_t size)
{
	char *text = decode(data, size);
	/* "\r\n", and the lone "\r" of some old files, become "\n". */
	char *out = text;
	for (const char *p = text; *p; p++) {
		if (*p == '\r' && p[1] == '\n')
			continue;
		*out++ = *p == '\r' ? '\n' : *p;
	}
	*out = '\0';
	return text;
}

bool inf_text_joins_lines(const char *p)
{
	p++;
	while (*p == ' ' || *p == '\t')
		p++;
	if (*p == ';')
		p += strcspn(p, "\n");
	return *p == '\n';
}
