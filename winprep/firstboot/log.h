/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happened, for people: a text file that is only appended to. Without one, nothing is written. */
#pragma once

#include <windows.h>

void log_open(const WCHAR *path);
/* One line, with the time before it; in UTF-8; swprintf's formats: "%ls", "%hs". Flushed: the next thing may be a restart. */
void log_line(const WCHAR *format, ...);
void log_close(void);
