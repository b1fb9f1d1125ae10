/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ce-firstboot.exe: docs/design/network.md, "The first start". */
#include <windows.h>

#include "log.h"
#include "service.h"

static void work(HANDLE stop)
{
	WCHAR path[MAX_PATH];
	(void)stop;
	if (ExpandEnvironmentStringsW(L"%SystemRoot%\\CEAgent\\firstboot.log", path, MAX_PATH))
		log_open(path);
	log_line("started");
	log_close();
}

int wmain(int argc, WCHAR **argv);

int wmain(int argc, WCHAR **argv)
{
	(void)argc, (void)argv;
	return service_run(work) ? 0 : 1;
}
