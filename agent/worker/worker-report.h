/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <jansson.h>

/*
 * A copy of a preparation's report whose text has at most max bytes: long values are cut, then actions and
 * notes left out from the end; `omitted` says how many, 0 where it is whole. A new reference.
 */
json_t *report_bounded(const json_t *report, size_t max);
