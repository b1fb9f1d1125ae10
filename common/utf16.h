/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UTF-16LE as Windows writes it, unpaired surrogates included, to and from UTF-8. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * UTF-8 of n UTF-16LE code units, NUL-terminated; a unit of 0 ends the text; an unpaired surrogate
 * becomes U+FFFD. The caller frees.
 */
char *utf16_to_utf8(const void *units, size_t n);
/* UTF-16LE of valid UTF-8 text, without a terminator; NULL where text is not UTF-8. */
uint8_t *utf8_to_utf16(const char *text, size_t *ret_units);
/*
 * Text of unknown origin as UTF-8 that a log, a terminal or a JSON file may show: bytes that are not
 * UTF-8 and control characters other than tab and newline become U+FFFD. The caller frees.
 */
char *utf8_clean(const char *text);
