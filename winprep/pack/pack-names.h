/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names in a pack's archive: what is allowed, and whether Windows tells them apart. */
#pragma once

#include "pack-archive.h"

struct pack_names;

/* The calling thread's locale is UTF-8 as long as it uses this (pack-archive.c sees to it). */
struct pack_names *pack_names_new(const struct pack_limits *limits);
void pack_names_free(struct pack_names *names);
DEFINE_CLEANUP(struct pack_names *, pack_names_free);

/*
 * The path of a file or folder as the archive has it, in our form: '/' between, no "." and no '/' at the
 * end. *ret empty: the archive's root. The caller frees. ERR_PACK_INVALID.
 */
int pack_names_clean(
	const struct pack_names *names, const char *raw, char **ret, struct error **err);
/*
 * Notes a clean path and the folders above it. ERR_PACK_INVALID where it is there already (a folder may
 * be: by the same name), where a file is used as a folder, and past the limit of their number.
 */
int pack_names_add(struct pack_names *names, const char *path, bool folder, struct error **err);
