/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much memory the machine has, has left, and gives to the agent with its jobs. */
#pragma once

#include <stdint.h>

struct memory {
	uint64_t total, available; /* bytes; 0: unknown */
	uint64_t limit;		   /* of the agent and its jobs (systemd/ce-jobs.slice); 0: none */
};

/* The folders are /proc and /sys/fs/cgroup. */
struct memory memory_read(const char *proc, const char *cgroups);
