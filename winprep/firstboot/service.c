/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service.h"

static service_work *the_work;
static SERVICE_STATUS_HANDLE status_handle;
static HANDLE stop_event;

static void report(DWORD state)
{
	SERVICE_STATUS s = {.dwServiceType = SERVICE_WIN32_OWN_PROCESS, .dwCurrentState = state};
	if (state == SERVICE_RUNNING)
		s.dwControlsAccepted = SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN;
	SetServiceStatus(status_handle, &s);
}

static DWORD WINAPI control(DWORD code, DWORD type, void *data, void *context)
{
	(void)type, (void)data, (void)context;
	if (code == SERVICE_CONTROL_STOP || code == SERVICE_CONTROL_SHUTDOWN)
		SetEvent(stop_event);
	else if (code != SERVICE_CONTROL_INTERROGATE)
		return ERROR_CALL_NOT_IMPLEMENTED;
	return NO_ERROR;
}

static void WINAPI service_main(DWORD argc, WCHAR **argv)
{
	(void)argc, (void)argv;
	status_handle = RegisterServiceCtrlHandlerExW(SERVICE_NAME, control, NULL);
	if (!status_handle)
		return;
	report(SERVICE_RUNNING);
	the_work(stop_event);
	report(SERVICE_STOPPED);
}

BOOL service_run(service_work *work)
{
	WCHAR name[] = SERVICE_NAME;
	const SERVICE_TABLE_ENTRYW table[] = {{name, service_main}, {NULL, NULL}};
	the_work = work;
	stop_event = CreateEventW(NULL, TRUE, FALSE, NULL);
	return stop_event && StartServiceCtrlDispatcherW(table);
}
