/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hostile CompactOS file: 24 bytes of reparse point, 4 of size, the stream. What the reparse point is
 * refused for is read as each format all the same.
 */
#include <stdlib.h>

#include "le.h"
#include "mem.h"
#include "ntfs-wof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REPARSE = 24, HEAD = REPARSE + 4, SIZE_MAX_READ = 1 << 20 };

static void read_as(const uint8_t *stream, size_t len, enum wof_format format, uint32_t size)
{
	CLEANUP(io_close_p) struct io *io = io_from_memory(stream, len, "fuzz");
	CLEANUP_ERR struct error *err = NULL;
	/* Exactly as large as it may be written to. */
	CLEANUP_FREE uint8_t *out = xmalloc(size ? size : 1);
	if (wof_read(io, format, size, out, &err) < 0 && err->code != ERR_NTFS_DAMAGED)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ERR struct error *err = NULL;
	enum wof_format format;
	if (size < HEAD)
		return 0;
	uint32_t content = le32_at(data + REPARSE) % SIZE_MAX_READ;
	if (wof_parse(data, REPARSE, &format, &err) == 0)
		read_as(data + HEAD, size - HEAD, format, content);
	else
		for (int f = WOF_XPRESS4K; f <= WOF_XPRESS16K; f++)
			read_as(data + HEAD, size - HEAD, (enum wof_format)f, content);
	return 0;
}
