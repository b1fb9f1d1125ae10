/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One small file of a drive that somebody attached for this machine to read: mounted read-only for the moment. */
#pragma once

#include <stddef.h>

#include "errors.h"

/*
 * path: a block device, tried as the one and the other of file_systems; or the folder where it is mounted
 * already. 1 and a text, NUL-terminated, that the caller wipes and frees; 0: it has no such file. Errors: it cannot
 * be mounted (ERR_ENROLMENT_INVALID), the file is longer than max bytes or cannot be read.
 */
int drive_file_read(const char *path, const char *const file_systems[static 2], const char *file,
	size_t max, char **ret, size_t *ret_len, struct error **err);
