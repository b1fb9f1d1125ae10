/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happened, for people: a text file that is only appended to. Without one, nothing is written. */
#pragma once

#include <windows.h>

void log_open(const WCHAR *path);
/* One line, with the time before it; printf's formats. Flushed: the next thing may be a restart. */
void log_line(const char *format, ...) __attribute__((format(ms_printf, 1, 2)));
void log_close(void);
