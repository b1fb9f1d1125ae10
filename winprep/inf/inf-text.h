/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An INF file's bytes as text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* UTF-8, NUL-terminated, line ends "\n"; NUL characters are dropped. The caller frees. */
char *inf_text_decode(const void *data, size_t size);
/* Whether the backslash at p is the last thing on its line, but for blanks and a comment. */
bool inf_text_joins_lines(const char *p);
