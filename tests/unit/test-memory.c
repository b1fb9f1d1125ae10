/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the agent says of the machine's memory, from folders that stand in for /proc and /sys/fs/cgroup. */
#include "unit.h"

#include <string.h>

#include "mem.h"
#include "memory.h"

static void put(const char *name, const char *text)
{
	unit_must("mkdir -p \"$(dirname '%s/%s')\"", unit_tmp(), name);
	CLEANUP_FREE char *path = xasprintf("%s/%s", unit_tmp(), name);
	FILE *f = fopen(path, "we");
	ck_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static struct memory read_made(void)
{
	CLEANUP_FREE char *proc = xasprintf("%s/proc", unit_tmp());
	CLEANUP_FREE char *cgroups = xasprintf("%s/cgroup", unit_tmp());
	return memory_read(proc, cgroups);
}

START_TEST(the_tightest_limit_counts)
{
	put("proc/meminfo", "MemTotal:        1000 kB\nMemFree: 1 kB\nMemAvailable:     600 kB\n");
	put("proc/self/cgroup", "0::/ce.slice/ce-jobs.slice/ce-agentd.service\n");
	put("cgroup/ce.slice/memory.max", "max\n");
	put("cgroup/ce.slice/ce-jobs.slice/memory.max", "900000\n");
	put("cgroup/ce.slice/ce-jobs.slice/ce-agentd.service/memory.max", "max\n");
	struct memory m = read_made();
	ck_assert_uint_eq(m.total, 1000 * 1024);
	ck_assert_uint_eq(m.available, 600 * 1024);
	ck_assert_uint_eq(m.limit, 900000);
	put("cgroup/ce.slice/memory.max", "800000\n");
	ck_assert_uint_eq(read_made().limit, 800000);
}
END_TEST

START_TEST(what_is_not_there_is_unknown)
{
	put("proc/meminfo", "MemTotal: lots\n");
	put("proc/self/cgroup", "4:memory:/old\n");
	struct memory m = read_made();
	ck_assert_uint_eq(m.total, 0);
	ck_assert_uint_eq(m.available, 0);
	ck_assert_uint_eq(m.limit, 0);
	unit_must("rm -r '%s/proc'", unit_tmp());
	ck_assert_uint_eq(read_made().total, 0);
	put("proc/self/cgroup", "0::/\n");
	ck_assert_uint_eq(read_made().limit, 0);
}
END_TEST

UNIT_MAIN("memory", the_tightest_limit_counts, what_is_not_there_is_unknown)
