/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The service that hands the settings over when Windows starts on the target for the first time: its
 * program (firstboot-exe.h), its registration, and what an earlier preparation left of it.
 */
#pragma once

#include "step.h"

#define FIRST_BOOT_SERVICE "CEFirstBoot"
#define FIRST_BOOT_FOLDER  "\\CEAgent" /* below the Windows folder */
#define FIRST_BOOT_FILE	   FIRST_BOOT_FOLDER "\\ce-firstboot.exe"

/* What the service writes below NET_HANDOVER_KEY: how often it was started, and what came of it. */
#define FIRST_BOOT_STARTS "Starts"
#define FIRST_BOOT_RESULT "Result"
#define FIRST_BOOT_STATE  "State" /* in it: one phrase */

/* The service is there and has not run to its end. */
bool first_boot_pending(const struct guest *g);
/* It was started at least once since the hand-over was written. */
bool first_boot_begun(const struct guest *g);
/* Why this guest cannot have one; NULL: it can. */
const char *first_boot_missing(const struct guest *g);
/*
 * Where the guest's adapters belong: p->from, or what a hand-over wrote down, as long as Windows has not
 * started on another machine since. NULL: not known.
 */
const struct platform *first_boot_origin(const struct prep *p);

/* Program and service, and the origin beside the hand-over; what an earlier run left goes. */
int first_boot_plan(struct prep *p, struct error **err);
/* Neither program nor service, where an earlier preparation put them and Windows has not started since. */
int first_boot_drop(struct prep *p, struct error **err);
