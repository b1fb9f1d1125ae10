/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "partition.h"

enum partition_role partition_role_of_gpt(const struct guid *type);
enum partition_role partition_role_of_mbr(uint8_t type);
