/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Driver packs: folders that hold driver packages (an INF, its catalog, the files it names), at any depth,
 * as vendors ship them ("NetKVM/w10/amd64/netkvm.inf"). An uploaded archive is unpacked to such a folder
 * first (pack-archive.h). Content is hostile: nothing is followed out of the folder, nothing is read
 * past its limit.
 */
#pragma once

#include "inf.h"

/* More than any vendor's pack; past them ERR_PACK_INVALID. */
#define PACK_FILES_MAX	   20000u
#define PACK_DEPTH_MAX	   16u
#define PACK_FILE_SIZE_MAX (UINT64_C(256) << 20) /* bytes */

struct pack_inf {
	char *pack;   /* name of the pack, for messages and the report */
	char *folder; /* of the INF, from the pack's root: "NetKVM/w10/amd64"; "" for the root */
	char *file;   /* its name as the pack has it */
	struct inf *inf;
	uint8_t *data; /* the INF as it is in the pack */
	size_t size;
	char *problem; /* why it cannot be used; then inf may be NULL; for messages */
	size_t root;   /* private: which of the set's folders */
};

struct pack_set {
	struct pack_inf
		*v; /* sorted by pack, folder, name: the order never depends on the file system */
	size_t n;
	struct pack_root *roots; /* private: open folders */
	size_t n_roots;
};

/*
 * folders: NULL-terminated paths. Every INF below them is read and parsed; a damaged INF is kept with its
 * problem, it matters only where its device is wanted. ERR_PACK_INVALID names the folder that is missing,
 * holds no INF, or is too large.
 */
int pack_set_open(struct pack_set **ret, const char *const *folders, struct error **err);
void pack_set_free(struct pack_set *s);
DEFINE_CLEANUP(struct pack_set *, pack_set_free);

/*
 * A file beside an INF or below its folder ("amd64\\netkvm.sys", either slash, case ignored); at most
 * PACK_FILE_SIZE_MAX. ERR_PACK_INVALID names the pack and the file that is missing, a link, or leads out.
 */
int pack_read(const struct pack_set *s, const struct pack_inf *inf, const char *path, uint8_t **ret,
	size_t *ret_len, struct error **err);
