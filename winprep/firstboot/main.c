/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ce-firstboot.exe: docs/design/network.md, "The first start". Windows starts it as a service, without
 * options. With them a test runs the same work on a copy of a registry:
 *   --root KEY         below HKEY_LOCAL_MACHINE; SYSTEM and SOFTWARE are below it
 *   --present DEVICE   as if these devices were in the machine, and no others; may be repeated
 *   --wait SECONDS     at most so long for devices (300)
 *   --log FILE         in place of %SystemRoot%\CEAgent\firstboot.log
 *   --apply-once       one pass, now: no service, no count of starts, no restart. Ends with 0: nothing is
 *                      left to do; 10: and a restart is needed; 20: the next start is to try again
 *   --die-after N      ends before the write after N, as if the power failed
 */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "log.h"
#include "machine.h"
#include "reg.h"
#include "run.h"
#include "service.h"
#include "text.h"

#define POLL_MS	   2000
#define CALM_POLLS 3 /* so often in a row enough: a second adapter may be a moment later */

static struct {
	const WCHAR *root, *log;
	const WCHAR **present;
	size_t n_present;
	DWORD wait;
	BOOL once;
} options = {.wait = 300};

static HANDLE stopping;

static BOOL listed_present(const WCHAR *device)
{
	for (size_t i = 0; i < options.n_present; i++)
		if (text_same(options.present[i], device))
			return TRUE;
	return FALSE;
}

static BOOL wait_for(BOOL (*enough)(const struct run *run), const struct run *run)
{
	ULONGLONG end = GetTickCount64() + 1000ull * options.wait;
	unsigned calm = 0;
	while (GetTickCount64() < end) {
		calm = machine_settled() && enough(run) ? calm + 1 : 0;
		if (calm == CALM_POLLS)
			return TRUE;
		if (WaitForSingleObject(stopping, POLL_MS) == WAIT_OBJECT_0)
			return FALSE;
	}
	log_line(L"waited %lu s", options.wait);
	return TRUE;
}

static const struct run *how(void)
{
	static struct run run = {.wait = wait_for};
	run.present = options.n_present ? listed_present : machine_present;
	return &run;
}

static BOOL begin(void)
{
	WCHAR path[MAX_PATH];
	DWORD len =
		ExpandEnvironmentStringsW(L"%SystemRoot%\\CEAgent\\firstboot.log", path, MAX_PATH);
	if (options.log)
		log_open(options.log);
	else if (len && len <= MAX_PATH)
		log_open(path);
	if (!reg_open(options.root)) {
		log_line(L"cannot open the registry");
		return FALSE;
	}
	places_open();
	return TRUE;
}

static void work(HANDLE stop)
{
	stopping = stop;
	enum outcome outcome = begin() ? run_start(how()) : RUN_LATER;
	if (outcome != RUN_LATER)
		machine_retire();
	if (outcome == RUN_CHANGED) {
		log_line(L"restarting once");
		machine_restart();
	}
	log_close();
}

static int apply_once(void)
{
	static const int status[] = {[RUN_LATER] = 20, [RUN_OVER] = 0, [RUN_CHANGED] = 10};
	return begin() ? status[run_apply(how())] : 1;
}

static BOOL parse(int argc, WCHAR **argv)
{
	options.present = xalloc((size_t)argc * sizeof(*options.present));
	for (int i = 1; i < argc; i++) {
		const WCHAR *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (wcscmp(name, L"--apply-once") == 0) {
			options.once = TRUE;
			continue;
		}
		if (!value)
			return FALSE;
		if (wcscmp(name, L"--root") == 0)
			options.root = value;
		else if (wcscmp(name, L"--log") == 0)
			options.log = value;
		else if (wcscmp(name, L"--present") == 0)
			options.present[options.n_present++] = value;
		else if (wcscmp(name, L"--wait") == 0)
			options.wait = wcstoul(value, NULL, 10);
		else if (wcscmp(name, L"--die-after") == 0)
			reg_die_after(wcstoul(value, NULL, 10));
		else
			return FALSE;
		i++;
	}
	return TRUE;
}

int wmain(int argc, WCHAR **argv);

int wmain(int argc, WCHAR **argv)
{
	if (!parse(argc, argv)) {
		fputs("ce-firstboot.exe: a service of CE Agent's; see its source for a test's options\n",
			stderr);
		return 2;
	}
	if (options.once)
		return apply_once();
	return service_run(work) ? 0 : 1;
}
