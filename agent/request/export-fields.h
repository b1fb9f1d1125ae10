/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fields of an export's body; FIELD_OURS rows go to struct export_request. */
#pragma once

#include "request-fields.h"

extern const struct request_table export_table;
