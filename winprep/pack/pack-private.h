/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What pack.c and pack-scan.c share: a pack's open folder, and names in folders below it. */
#pragma once

#include "pack.h"

struct pack_root {
	char *name; /* of the pack: its folder's own name */
	int fd;
};

/*
 * Names in a folder, sorted, without "." and ".."; takes fd over. NULL-terminated, free with
 * pack_entries_free(). More than PACK_FILES_MAX: ERR_PACK_INVALID.
 */
int pack_entries(char ***ret, int fd, const char *pack, struct error **err);
void pack_entries_free(char **names);

/* A regular file or folder below a folder, never through a link; -1 and errno. */
int pack_open_file(int folder, const char *name);
int pack_open_folder(int folder, const char *name);

/* A whole file; takes fd over. -1 and errno; EFBIG past limit. */
int pack_read_fd(int fd, uint64_t limit, uint8_t **ret, size_t *ret_len);

/* Every INF below the root that is open as set->roots[root], appended to the set. */
int pack_scan(struct pack_set *set, size_t root, struct error **err);
