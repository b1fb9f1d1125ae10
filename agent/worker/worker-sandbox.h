/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a worker gives up before it reads a guest's bytes: docs/design/sandbox.md. The seccomp filter
 * needs nothing but the kernel.
 */
#pragma once

#include "errors.h"

/* First thing in main(): no new privileges, no core dump, not dumpable, a bound on memory, and death
 * with the parent. */
int sandbox_begin(struct error **err);

/* From here on: no new programs, no sockets, no tracing, no mounts, no new executable memory. Holds for
 * every thread of the process, those of later included. */
int sandbox_lock(struct error **err);
