/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hostile archive: it is refused and nothing is left, or what it held lies in the folder. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io.h"
#include "mem.h"
#include "pack-archive.h"
#include "tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct pack_limits limits = {.files = 64,
	.depth = PACK_DEPTH_MAX,
	.infs = 32,
	.file_size = 1 << 20,
	.total = 4 << 20,
	.ratio = PACK_RATIO_MAX,
	.ratio_free = 1 << 20};

static char dir[64];

static void remove_dir(void)
{
	rmdir(dir); /* only where it is empty */
}

static const char *folder(void)
{
	if (!dir[0]) {
		strcpy(dir, "/tmp/ce-fuzz-pack-XXXXXX");
		if (!mkdtemp(dir))
			abort();
		atexit(remove_dir);
	}
	return dir;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ERR struct error *err = NULL, *left = NULL;
	CLEANUP(pack_listing_done) struct pack_listing l = {0};
	CLEANUP_FREE char *dest = xasprintf("%s/dest", folder());
	CLEANUP_CLOSE int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct op op = {0};
	if (fd < 0 || write_full(fd, data, size) < 0)
		abort();
	int r = pack_unpack(fd, "fuzz", dest, &limits, &l, &op, &err);
	if (r < 0 ? err->code != ERR_PACK_INVALID || access(dest, F_OK) == 0
		  : l.n_infs == 0 || l.bytes > limits.total)
		abort();
	if (tree_remove(AT_FDCWD, dest, &left) < 0)
		abort();
	return 0;
}
