/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Driver packs that come as an archive: zip, tar, tar.gz, tar.xz. An archive is unpacked to a new folder,
 * which is then read like any other (pack.h). Archives are hostile: this runs in the process that has
 * given up its privileges (agent/worker/worker-sandbox.h), and an archive that holds anything but plain
 * files and folders, below itself and within the limits, is refused as a whole.
 *
 * For `cectl local prepare --packs X`, where X is a file: open it, pack_unpack() to a new folder in
 * $TMPDIR, hand that folder to pack_set_open(), and tree_remove() it (tree.h) when the set is freed. For a
 * job of the agent the packs are folders already (agent/agentd/pack-store.h).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "op.h"
#include "pack.h"

#define PACK_PATH_MAX  400u		   /* bytes of a file's path in the pack */
#define PACK_INFS_MAX  2000u		   /* with their paths they fit in one line of a worker */
#define PACK_TOTAL_MAX (UINT64_C(4) << 30) /* bytes, unpacked */
/* Real driver packs shrink to a third; this much more than the archive is no pack. */
#define PACK_RATIO_MAX	100u
#define PACK_RATIO_FREE (UINT64_C(64) << 20) /* bytes that no ratio is asked of */

struct pack_limits {
	unsigned files; /* files and folders together */
	unsigned depth; /* folders and the file in them */
	unsigned infs;
	uint64_t file_size, total;
	unsigned ratio;
	uint64_t ratio_free;
};

/* Those above, and those of pack.h. */
extern const struct pack_limits pack_limits_default;

/* What an archive held. */
struct pack_listing {
	uint64_t files, bytes;
	char **infs; /* paths of the INFs with '/' between, sorted */
	size_t n_infs;
};
void pack_listing_done(struct pack_listing *l);

/*
 * Unpacks the archive to the folder `dest`, which must not exist yet and whose parent must. fd: a regular
 * file, stays the caller's; name: of the archive, for messages. limits: NULL for the default ones.
 *
 * Folders are 0700, files 0600. Nothing is left behind on failure: it is unpacked to a folder beside
 * `dest` (".NAME.part") and renamed when complete; one that a killed process left is removed first. So
 * two that unpack to the same dest at once are the caller's mistake. Not synced to the disk.
 *
 * ERR_PACK_INVALID names the file in the archive and what is wrong: not one of the formats, truncated or
 * damaged, encrypted, a name that leads out or that Windows does not allow, two names that Windows takes
 * for one, a link or a device, past a limit, no INF. ERR_NO_SPACE, ERR_WRITE, ERR_TARGET_EXISTS: dest.
 */
int pack_unpack(int fd, const char *name, const char *dest, const struct pack_limits *limits,
	struct pack_listing *ret, struct op *op, struct error **err);
