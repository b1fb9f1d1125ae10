/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The boot configuration of a Windows: a hive outside of its own volume. UEFI: \EFI\Microsoft\Boot\BCD on the EFI
 * system partition; BIOS: \Boot\BCD on the active partition.
 */
#pragma once

#include "guest.h"

/* Fills g->hives[HIVE_BCD]: path NULL where there is no store. */
int guest_bcd_open(struct guest *g, struct error **err);
/* New content for the file it was read from. */
int guest_bcd_write(struct guest *g, const void *data, size_t size, struct error **err);
