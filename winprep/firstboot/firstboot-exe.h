/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ce-firstboot.exe, the service of a prepared Windows' first start, as the agent puts it there. */
#pragma once

#include <stddef.h>

extern const unsigned char ce_firstboot_exe[];
extern const size_t ce_firstboot_exe_size;
