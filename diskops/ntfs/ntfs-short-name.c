/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntfs-short-name.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool is_legal(char c)
{
	return c > ' ' && c < 0x7f && !strchr("\"*+,/:;<=>?[\\]|.", c);
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* How many of len characters are legal, from the first on. */
static size_t legal_len(const char *text, size_t len)
{
	size_t n = 0;
	while (n < len && is_legal(text[n]))
		n++;
	return n;
}

bool short_name_fits(const char *name)
{
	size_t len = strlen(name), base = legal_len(name, len);
	if (base == 0 || base > 8)
		return false;
	if (base == len)
		return true;
	size_t ext = len - base - 1;
	return name[base] == '.' && ext >= 1 && ext <= 3 && legal_len(name + base + 1, ext) == ext;
}

/* Copies what of text may be in a short name, up to max characters. */
static size_t copy_legal(const char *text, size_t len, char *ret, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < len && n < max; i++) {
		if (is_legal(text[i]))
			ret[n++] = upper(text[i]);
		else if (text[i] && strchr("+,;=[]", text[i]))
			ret[n++] = '_';
	}
	return n;
}

static uint16_t checksum(const char *name)
{
	uint16_t sum = 0;
	for (const char *p = name; *p; p++)
		sum = (uint16_t)(sum * 0x25 + (uint8_t)*p);
	return sum;
}

void short_name_make(const char *name, unsigned attempt, char ret[13])
{
	char base[9], ext[4], number[8];
	const char *start = name + strspn(name, "."), *dot = strrchr(start, '.');
	size_t base_len = dot ? (size_t)(dot - start) : strlen(start);
	size_t n = copy_legal(start, base_len, base, 6);
	size_t e = dot ? copy_legal(dot + 1, strlen(dot + 1), ext, 3) : 0;
	/* What has too few letters is told apart by the checksum, too. */
	bool summed = attempt > 4 || n < 3;
	unsigned i = attempt > 4 ? attempt - 4 : attempt;
	if (summed) {
		n = n < 2 ? n : 2;
		n += (size_t)snprintf(base + n, sizeof(base) - n, "%04X", checksum(name));
	}
	int digits = snprintf(number, sizeof(number), "~%u", i);
	if (n > 8 - (size_t)digits)
		n = 8 - (size_t)digits;
	snprintf(ret, 13, "%.*s%s%s%.*s", (int)n, base, number, e ? "." : "", (int)e, ext);
}
