/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The side of a Windows service that talks to the service control manager. */
#pragma once

#include <windows.h>

#define SERVICE_NAME L"CEFirstBoot"

/* stop: signalled when the service is asked to end. */
typedef void service_work(HANDLE stop);

/* Runs work as that service; false: this process was not started as one. */
BOOL service_run(service_work *work);
