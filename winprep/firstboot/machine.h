/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What only a running Windows can say or do. */
#pragma once

#include <windows.h>

/* The device is in the machine, whether or not it works. */
BOOL machine_present(const WCHAR *device);
/* Nothing is being installed just now. */
BOOL machine_settled(void);
/* The service is gone, and its program with the next restart. */
void machine_retire(void);
void machine_restart(void);
