/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a Windows on a disk is judged by before it is changed, and where it comes from. */
#pragma once

#include "guest.h"
#include "platform.h"

/*
 * Refuses with one clear error what must not be prepared: unsupported Windows or architecture, BitLocker,
 * hibernation, dirty volume or hives that cannot be replayed, dynamic disk, pending servicing, a control set
 * in Select that does not exist. What is only worth knowing becomes a warning.
 */
int guest_check(const struct guest *g, struct op *op, struct error **err);
/* What it consists of: each for itself, and each can be asked although another one fails. NULL-terminated. */
typedef int guest_check_fn(const struct guest *g, struct op *op, struct error **err);
extern guest_check_fn *const guest_checks[];

/*
 * The platform this Windows last ran on, by the weight of the evidence (services, drivers, devices in Enum,
 * BIOS strings); NULL: not recognised. *ret_evidence: array of texts, never NULL afterwards.
 */
const struct platform *guest_source_platform(const struct guest *g, json_t **ret_evidence);
