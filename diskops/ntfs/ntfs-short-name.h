/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The 8.3 names that Windows gives to files besides their own. */
#pragma once

#include <stdbool.h>

/* Whether a name (UTF-8) is an 8.3 name itself. */
bool short_name_fits(const char *name);
/*
 * The attempt-th short name (from 1) to try for a name that is none itself: "PROGRA~1", from the fifth
 * on with a checksum as Windows does ("PR3C51~1"). The last one is SHORT_NAME_ATTEMPTS.
 */
#define SHORT_NAME_ATTEMPTS 99u
void short_name_make(const char *name, unsigned attempt, char ret[13]);
