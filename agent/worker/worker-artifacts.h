/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Facts of an output and of a copy, as plans and results show them. */
#pragma once

#include <jansson.h>

#include "copy.h"
#include "export-request.h"

/* md5Hash, sha256Hash: lower-case hex; absent where they were not asked for. */
void artifacts_set_hashes(json_t *o, const struct copy_result *result);
/* location, file, format, type, sizes, identifiers. */
void artifacts_set_output(json_t *o, const struct export_request *r, const struct layout *l);
/* Bytes read, written, resumed. */
void artifacts_set_copy(json_t *o, const struct copy_result *result);
