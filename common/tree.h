/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Folders with all that is in them. */
#pragma once

#include <sys/types.h>

#include "errors.h"

/* One folder, its parent exists; where it exists already that is fine. ERR_SYSTEM. */
int folder_make(const char *path, mode_t mode, struct error **err);
/*
 * Removes the file or folder `name` in the folder dir_fd (AT_FDCWD: the current one), and below it
 * whatever there is; links are removed, never followed; other file systems are left alone. What is not
 * there is removed already. ERR_SYSTEM names what resists.
 */
int tree_remove(int dir_fd, const char *name, struct error **err);
