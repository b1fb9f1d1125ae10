/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine.h"

#include <cfgmgr32.h>

#include "log.h"
#include "service.h"

BOOL machine_present(const WCHAR *device)
{
	DEVINST instance;
	return CM_Locate_DevNodeW(&instance, (DEVINSTID_W)device, CM_LOCATE_DEVNODE_NORMAL) ==
	       CR_SUCCESS;
}

BOOL machine_settled(void)
{
	return CMP_WaitNoPendingInstallEvents(0) == WAIT_OBJECT_0;
}

void machine_retire(void)
{
	WCHAR path[MAX_PATH];
	SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
	SC_HANDLE service = manager ? OpenServiceW(manager, SERVICE_NAME, DELETE) : NULL;
	if (!service || !DeleteService(service))
		log_line(L"cannot remove the service: error %lu", GetLastError());
	if (service)
		CloseServiceHandle(service);
	if (manager)
		CloseServiceHandle(manager);
	DWORD len = GetModuleFileNameW(NULL, path, MAX_PATH);
	if (!len || len == MAX_PATH || !MoveFileExW(path, NULL, MOVEFILE_DELAY_UNTIL_REBOOT))
		log_line(L"cannot mark the program for deletion: error %lu", GetLastError());
}

static BOOL allow_shutdown(void)
{
	TOKEN_PRIVILEGES p = {.PrivilegeCount = 1};
	HANDLE token;
	p.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
	if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES, &token))
		return FALSE;
	BOOL done = LookupPrivilegeValueW(NULL, SE_SHUTDOWN_NAME, &p.Privileges[0].Luid) &&
		    AdjustTokenPrivileges(token, FALSE, &p, 0, NULL, NULL);
	CloseHandle(token);
	return done;
}

void machine_restart(void)
{
	WCHAR message[] = L"The network adapter has taken over its earlier settings.";
	allow_shutdown();
	if (!InitiateSystemShutdownExW(NULL, message, 30, TRUE, TRUE,
		    SHTDN_REASON_MAJOR_OPERATINGSYSTEM | SHTDN_REASON_MINOR_RECONFIG |
			    SHTDN_REASON_FLAG_PLANNED))
		log_line(L"cannot restart: error %lu; the settings count after the next restart",
			GetLastError());
}
