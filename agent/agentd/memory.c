/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "memory.h"

#include <inttypes.h>
#include <string.h>

#include "checked.h"
#include "mem.h"

/* The first line that begins with start, what stands behind it; NULL where there is none. */
static char *line_of(const char *path, const char *start)
{
	CLEANUP_FCLOSE FILE *f = fopen(path, "re");
	CLEANUP_FREE char *line = NULL;
	size_t cap = 0;
	while (f && getline(&line, &cap, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, start, strlen(start)) == 0)
			return xstrdup(line + strlen(start));
	}
	return NULL;
}

static uint64_t meminfo(const char *path, const char *name)
{
	CLEANUP_FREE char *text = line_of(path, name);
	uint64_t kib, bytes;
	return text && sscanf(text, " %" SCNu64, &kib) == 1 && u64_mul(kib, KiB, &bytes) ? bytes
											 : 0;
}

/* The tightest of a group and those above it. */
static uint64_t group_limit(const char *cgroups, char *group)
{
	uint64_t least = 0, limit;
	for (char *slash; *group; *slash = '\0') {
		CLEANUP_FREE char *path = xasprintf("%s%s/memory.max", cgroups, group);
		CLEANUP_FREE char *text = line_of(path, "");
		if (text && sscanf(text, "%" SCNu64, &limit) == 1 && (!least || limit < least))
			least = limit; /* else "max" */
		slash = strrchr(group, '/');
		if (!slash)
			break;
	}
	return least;
}

struct memory memory_read(const char *proc, const char *cgroups)
{
	CLEANUP_FREE char *info = xasprintf("%s/meminfo", proc);
	CLEANUP_FREE char *self = xasprintf("%s/self/cgroup", proc);
	CLEANUP_FREE char *group = line_of(self, "0::"); /* cgroup v2 */
	return (struct memory){.total = meminfo(info, "MemTotal:"),
		.available = meminfo(info, "MemAvailable:"),
		.limit = group ? group_limit(cgroups, group) : 0};
}
