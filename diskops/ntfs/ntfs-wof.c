/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ntfs-wof.h"

#include <inttypes.h>
#include <stddef.h>

#include <wimlib.h>

#include "checked.h"
#include "le.h"
#include "mem.h"

/* The reparse data: Microsoft's ntifs.h, WOF_EXTERNAL_INFO and FILE_PROVIDER_EXTERNAL_INFO_V1. */
struct wof_reparse {
	le32 tag;
	le16 length; /* of what follows the header */
	le16 reserved;
	le32 version;  /* 1 */
	le32 provider; /* 1: a WIM image, 2: the file itself */
	le32 file_version;
	le32 format;
};
ASSERT_OFFSET(struct wof_reparse, version, 8);
ASSERT_OFFSET(struct wof_reparse, format, 20);
ASSERT_SIZE(struct wof_reparse, 24);

enum { PROVIDER_WIM = 1, PROVIDER_FILE = 2 };

static const struct {
	const char *name;
	uint32_t chunk; /* bytes, uncompressed */
	enum wimlib_compression_type type;
} formats[] = {
	[WOF_XPRESS4K] = {"XPRESS4K", 4096, WIMLIB_COMPRESSION_TYPE_XPRESS},
	[WOF_LZX] = {"LZX", 32768, WIMLIB_COMPRESSION_TYPE_LZX},
	[WOF_XPRESS8K] = {"XPRESS8K", 8192, WIMLIB_COMPRESSION_TYPE_XPRESS},
	[WOF_XPRESS16K] = {"XPRESS16K", 16384, WIMLIB_COMPRESSION_TYPE_XPRESS},
};

int wof_parse(const uint8_t *reparse, size_t len, enum wof_format *ret, struct error **err)
{
	struct wof_reparse r;
	if (len < offsetof(struct wof_reparse, file_version))
		return err_set(err, ERR_NTFS_DAMAGED, "a WOF reparse point of %zu bytes", len);
	memset(&r, 0, sizeof(r));
	memcpy(&r, reparse, len < sizeof(r) ? len : sizeof(r));
	uint32_t version = le32_get(r.version), provider = le32_get(r.provider);
	if (version == 1 && provider == PROVIDER_WIM)
		return err_set(err, ERR_FILE_UNSUPPORTED,
			"its content is in a WIM image (WIMBoot), not in the file");
	if (version != 1 || provider != PROVIDER_FILE || len < sizeof(r) ||
		le32_get(r.file_version) != 1)
		return err_set(err, ERR_FILE_UNSUPPORTED,
			"WOF version %u, provider %u, version %u (1, 2, 1 expected)", version,
			provider, le32_get(r.file_version));
	if (le32_get(r.format) >= ARRAY_SIZE(formats))
		return err_set(err, ERR_FILE_UNSUPPORTED,
			"WOF compression format %u (0 to 3 expected)", le32_get(r.format));
	*ret = (enum wof_format)le32_get(r.format);
	return 0;
}

/* ---- the stream ---- */

struct chunks {
	struct io *stream;
	enum wof_format format;
	uint64_t size; /* uncompressed */
	uint64_t n;
	uint64_t data;	/* where the first chunk begins */
	uint8_t *table; /* offsets of all chunks but the first, from data on */
	bool wide;	/* of 8 bytes each: of a file of 4 GiB and more */
};

static int read_table(struct chunks *c, struct error **err)
{
	uint32_t chunk = formats[c->format].chunk;
	c->n = div_round_up(c->size, chunk);
	c->wide = c->size > UINT32_MAX;
	c->data = (c->n - 1) * (c->wide ? 8 : 4);
	if (c->data >= c->stream->size)
		return err_set(err, ERR_NTFS_DAMAGED,
			"%" PRIu64 " bytes in %" PRIu64 " chunks are compressed to %" PRIu64
			" bytes, which not even their table fits in",
			c->size, c->n, c->stream->size);
	c->table = mem_alloc(c->data, c->stream->size, "the table of chunks", err);
	return c->table ? io_pread(c->stream, c->table, (size_t)c->data, 0, err) : -1;
}

/* Where a chunk begins in the stream; the one behind the last: the stream's end. */
static uint64_t chunk_offset(const struct chunks *c, uint64_t i)
{
	if (i == c->n)
		return c->stream->size - c->data;
	if (i == 0)
		return 0;
	return c->wide ? le64_at(c->table + (i - 1) * 8) : le32_at(c->table + (i - 1) * 4);
}

static int read_chunk(const struct chunks *c, uint64_t i, struct wimlib_decompressor *d,
	uint8_t *packed, uint8_t *out, struct error **err)
{
	uint32_t chunk = formats[c->format].chunk;
	uint64_t start = chunk_offset(c, i), end = chunk_offset(c, i + 1);
	size_t size = (size_t)min_u64(chunk, c->size - i * chunk);
	if (start >= end || end > c->stream->size - c->data || end - start > size)
		return err_set(err, ERR_NTFS_DAMAGED,
			"chunk %" PRIu64 " of %zu bytes is stored at 0x%" PRIx64 " to 0x%" PRIx64
			" of 0x%" PRIx64,
			i, size, start, end, c->stream->size - c->data);
	/* A chunk that would not get smaller is stored as it is. */
	bool raw = end - start == size;
	if (io_pread(c->stream, raw ? out : packed, (size_t)(end - start), c->data + start, err) <
		0)
		return -1;
	if (!raw && wimlib_decompress(packed, (size_t)(end - start), out, size, d) != 0)
		return err_set(err, ERR_NTFS_DAMAGED, "chunk %" PRIu64 " is not %s", i,
			formats[c->format].name);
	return 0;
}

static void free_decompressor(struct wimlib_decompressor **d)
{
	wimlib_free_decompressor(*d);
}

static int read_chunks(const struct chunks *c, uint8_t *out, struct error **err)
{
	uint32_t chunk = formats[c->format].chunk;
	CLEANUP(free_decompressor) struct wimlib_decompressor *d = NULL;
	if (wimlib_create_decompressor(formats[c->format].type, chunk, &d) != 0)
		return err_errno(err, ERR_NO_MEMORY, ENOMEM, "a decompressor");
	CLEANUP_FREE uint8_t *packed = xmalloc(chunk);
	for (uint64_t i = 0; i < c->n; i++)
		if (read_chunk(c, i, d, packed, out + i * chunk, err) < 0)
			return -1;
	return 0;
}

int wof_read(
	struct io *stream, enum wof_format format, uint64_t size, uint8_t *out, struct error **err)
{
	struct chunks c = {.stream = stream, .format = format, .size = size};
	if (!size)
		return 0;
	int result = read_table(&c, err) < 0 ? -1 : read_chunks(&c, out, err);
	free(c.table);
	return result;
}
