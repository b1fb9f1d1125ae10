/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that CompactOS compressed: the Windows Overlay Filter keeps their content in the stream
 * "WofCompressedData" and says how in a reparse point. The stream is a table of offsets and then chunks,
 * each compressed for itself.
 */
#pragma once

#include "io.h"

#define WOF_REPARSE_TAG 0x80000017u
#define WOF_STREAM	"WofCompressedData"

enum wof_format { WOF_XPRESS4K = 0, WOF_LZX = 1, WOF_XPRESS8K = 2, WOF_XPRESS16K = 3 };

/*
 * What a reparse point with WOF_REPARSE_TAG says; reparse: from its tag on. ERR_FILE_UNSUPPORTED where
 * the content is not in the file itself (a WIM image has it) or the format is not known;
 * ERR_NTFS_DAMAGED.
 */
int wof_parse(const uint8_t *reparse, size_t len, enum wof_format *ret, struct error **err);
/* The whole content, size bytes, which out has room for. ERR_NTFS_DAMAGED. */
int wof_read(
	struct io *stream, enum wof_format format, uint64_t size, uint8_t *out, struct error **err);
