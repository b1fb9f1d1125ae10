/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "errors.h"

/*
 * Whether name is one component that Windows, SMB and Linux all accept for a file: UTF-8, no '/', '\\' or
 * other reserved or control characters, no device name (CON, NUL, COM1, "aux.vhd"…), no dot or space at
 * the end, at most 255 UTF-16 units and 255 bytes, not empty, not "." or "..". ERR_INVALID_FILE_NAME says
 * what is wrong. (Microsoft, "Naming Files, Paths, and Namespaces".)
 */
int file_name_check(const char *name, struct error **err);
