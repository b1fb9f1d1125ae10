/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Marvin32, the checksum of registry log entries, with the seed that hives use. */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t marvin32_hive(const void *data, size_t len);
