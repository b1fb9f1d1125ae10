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

void log_line(const WCHAR *format, ...)
{
	WCHAR line[1024];
	char utf8[3 * 1024];
	SYSTEMTIME t;
	va_list ap;
	DWORD written;
	if (file == INVALID_HANDLE_VALUE)
		return;
	GetSystemTime(&t);
	int at = _snwprintf(line, 64, L"%04u-%02u-%02uT%02u:%02u:%02uZ ", t.wYear, t.wMonth, t.wDay,
		t.wHour, t.wMinute, t.wSecond);
	/* Cut where it is too long; -1 says so, and then there is no end mark. */
	va_start(ap, format);
	int len = _vsnwprintf(line + at, (size_t)(1022 - at), format, ap);
	va_end(ap);
	int end = len < 0 ? 1022 : at + len;
	for (int i = at; i < end; i++)
		line[i] = line[i] < L' ' ? L'?' : line[i];
	line[end++] = L'\r';
	line[end++] = L'\n';
	int bytes = WideCharToMultiByte(CP_UTF8, 0, line, end, utf8, sizeof(utf8), NULL, NULL);
	WriteFile(file, utf8, (DWORD)bytes, &written, NULL);
	FlushFileBuffers(file);
}

void log_close(void)
{
	if (file != INVALID_HANDLE_VALUE)
		CloseHandle(file);
	file = INVALID_HANDLE_VALUE;
}
