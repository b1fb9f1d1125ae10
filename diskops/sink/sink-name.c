/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names that an unfinished export has beside its target. */
#include <string.h>

#include "mem.h"
#include "sink.h"

/* Room for the suffixes in the 255 bytes that Linux file systems give a name. */
#define STEM_MAX  236
#define STEM_KEEP 200

/* FNV-1a: tells long names with one beginning apart. */
static uint64_t name_digest(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return h;
}

static char *beside(const char *target, const char *suffix)
{
	const char *slash = strrchr(target, '/');
	const char *name = slash ? slash + 1 : target;
	size_t len = strlen(name);
	if (len <= STEM_MAX)
		return xasprintf("%s%s", target, suffix);
	len = STEM_KEEP;
	while (len && ((unsigned char)name[len] & 0xc0) == 0x80)
		len--; /* not within a character */
	return xasprintf("%.*s~%016llx%s", (int)(name - target + (ptrdiff_t)len), target,
		(unsigned long long)name_digest(name), suffix);
}

char *sink_partial_name(const char *target)
{
	return beside(target, ".ce-partial");
}

char *sink_state_name(const char *target)
{
	return beside(target, ".ce-state");
}
