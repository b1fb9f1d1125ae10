/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

#include "errors.h"

/* Holds as long as fd is open; ERR_DISK_BUSY says who else has the disk. */
int worker_lock_disk(int fd, const char *name, bool write, struct error **err);
