/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GUIDs as Windows stores them: the first three fields little-endian, the rest as written. GPT,
 * VHDX, BCD and the registry all use this form; VHD's unique id is 16 plain bytes in the same type.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "errors.h"

#define GUID_STRING_SIZE 37 /* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" and NUL */

struct guid {
	uint8_t b[16];
};

/* GUID_INIT(0x2dc27766, 0xf623, 0x4200, 0x9d, 0x64, 0x11, …): as specifications print it. */
#define GUID_INIT(a, b_, c, d0, d1, d2, d3, d4, d5, d6, d7)                                     \
	{                                                                                       \
		{                                                                               \
			(a) & 0xff, (a) >> 8 & 0xff, (a) >> 16 & 0xff, (a) >> 24 & 0xff,        \
				(b_)&0xff, (b_) >> 8 & 0xff, (c)&0xff, (c) >> 8 & 0xff, d0, d1, \
				d2, d3, d4, d5, d6, d7                                          \
		}                                                                               \
	}

static inline bool guid_equal(const struct guid *a, const struct guid *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool guid_is_zero(const struct guid *g);
/* A random (version 4) GUID from the kernel's generator. */
int guid_random(struct guid *ret, struct error **err);
/* Lower case, without braces. */
void guid_format(const struct guid *g, char ret[static GUID_STRING_SIZE]);
/* With or without braces, any case; false: not a GUID. */
bool guid_parse(const char *text, struct guid *ret);
