/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows Installer's packed form of a GUID, by which it names keys and values: 32 hex digits, the first
 * three fields reversed digit by digit, of the other bytes the two digits exchanged.
 * {90140000-0011-0000-0000-0000000FF1CE} is 00004109110000000000000000F01FEC.
 */
#pragma once

#include <stdbool.h>

#define MSI_PACKED_SIZE 33 /* with NUL */
#define MSI_GUID_SIZE	39 /* "{…}" with NUL */

/* False where text is no GUID in braces. */
bool msi_pack(const char *guid, char ret[static MSI_PACKED_SIZE]);
/* False where text is not 32 hex digits. Upper case. */
bool msi_unpack(const char *packed, char ret[static MSI_GUID_SIZE]);
