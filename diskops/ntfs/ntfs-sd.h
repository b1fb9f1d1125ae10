/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Security descriptors: what a new file gets from its folder. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "errors.h"

/* NT AUTHORITY\SYSTEM, as which Windows installs drivers. */
extern const uint8_t sd_sid_system[12];

/*
 * The descriptor of a new file or folder in one whose descriptor is parent, as Windows makes it
 * ([MS-DTYP] 2.5.3.4; what that leaves open is as Windows-made volumes have it): entries with the
 * inheritance flags that fit, CREATOR OWNER and CREATOR GROUP replaced by owner and group, generic
 * rights by those of files. Where nothing is inherited: what SYSTEM gives to what it makes. owner and
 * group: SIDs as stored. ERR_NTFS_DAMAGED where parent is no descriptor. The caller frees *ret.
 */
int sd_inherit(const uint8_t *parent, size_t len, bool folder, const uint8_t *owner,
	const uint8_t *group, uint8_t **ret, size_t *ret_len, struct error **err);
