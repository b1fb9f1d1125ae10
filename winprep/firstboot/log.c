/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>

static HANDLE file = INVALID_HANDLE_VALUE;

void log_open(const WCHAR *path)
{
	file = CreateFileW(path, FILE_APPEND_DATA, FILE_SHARE_READ, NULL, OPEN_ALWAYS,
		FILE_ATTRIBUTE_NORMAL, NULL);
}

void log_line(const char *format, ...)
{
	char line[1024];
	SYSTEMTIME t;
	va_list ap;
	DWORD written;
	if (file == INVALID_HANDLE_VALUE)
		return;
	GetSystemTime(&t);
	int at = snprintf(line, sizeof(line), "%04u-%02u-%02uT%02u:%02u:%02uZ ", t.wYear, t.wMonth,
		t.wDay, t.wHour, t.wMinute, t.wSecond);
	va_start(ap, format);
	/* Cut where it is too long; -1 says so, and then there is no end mark. */
	int len = _vsnprintf(line + at, sizeof(line) - (size_t)at - 2, format, ap);
	va_end(ap);
	size_t end = len < 0 ? sizeof(line) - 2 : (size_t)(at + len);
	line[end] = '\r';
	line[end + 1] = '\n';
	WriteFile(file, line, (DWORD)end + 2, &written, NULL);
	FlushFileBuffers(file);
}

void log_close(void)
{
	if (file != INVALID_HANDLE_VALUE)
		CloseHandle(file);
	file = INVALID_HANDLE_VALUE;
}
