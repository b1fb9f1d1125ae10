/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), as VHDX and iSCSI use it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* crc: 0, or the result for the bytes before. The processor's instruction where there is one. */
uint32_t crc32c(uint32_t crc, const void *buf, size_t len);
/* The same by table, whatever the processor has. */
uint32_t crc32c_table(uint32_t crc, const void *buf, size_t len);
