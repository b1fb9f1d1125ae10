/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams as CompactOS writes them, made with wimlib's compressor. */
#pragma once

#include <stdint.h>
#include <string.h>

#include <wimlib.h>

#include "checked.h"
#include "le.h"
#include "mem.h"
#include "ntfs-wof.h"
#include "unit.h"

static const struct {
	enum wof_format format;
	uint32_t chunk;
	enum wimlib_compression_type type;
} wof_formats[] = {
	{WOF_XPRESS4K, 4096, WIMLIB_COMPRESSION_TYPE_XPRESS},
	{WOF_XPRESS8K, 8192, WIMLIB_COMPRESSION_TYPE_XPRESS},
	{WOF_XPRESS16K, 16384, WIMLIB_COMPRESSION_TYPE_XPRESS},
	{WOF_LZX, 32768, WIMLIB_COMPRESSION_TYPE_LZX},
};

/* Compresses data; the caller frees. i: of wof_formats. */
static inline uint8_t *wof_pack(size_t i, const uint8_t *data, size_t size, size_t *ret_len)
{
	struct wimlib_compressor *c = NULL;
	uint32_t chunk = wof_formats[i].chunk;
	size_t n = (size + chunk - 1) / chunk, table = n ? (n - 1) * 4 : 0, at = table;
	uint8_t *stream = xcalloc(1, table + size + 1);
	ck_assert_int_eq(wimlib_create_compressor(wof_formats[i].type, chunk, 50, &c), 0);
	for (size_t k = 0; k < n; k++) {
		const uint8_t *from = data + k * chunk;
		size_t len = size - k * chunk < chunk ? size - k * chunk : chunk;
		if (k)
			le32_put(stream + (k - 1) * 4, (uint32_t)(at - table));
		size_t packed = wimlib_compress(from, len, stream + at, len - 1, c);
		if (!packed)
			memcpy(stream + at, from, len);
		at += packed ? packed : len;
	}
	wimlib_free_compressor(c);
	*ret_len = at;
	return stream;
}

/* A reparse point of the file provider. */
static inline void wof_reparse(uint8_t ret[24], uint32_t provider, uint32_t format)
{
	const uint32_t words[] = {WOF_REPARSE_TAG, 16, 1, provider, 1, format};
	for (size_t i = 0; i < 6; i++)
		le32_put(ret + i * 4, words[i]);
}

/* Text and noise by turns: chunks that get smaller, and some that do not. */
static inline void wof_sample(uint8_t *data, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		data[i] = i / 20000 % 3 == 2
				  ? (uint8_t)(seed >> 40)
				  : (uint8_t) "the quick brown fox "[i % 20 ^ (seed >> 60) % 2];
	}
}
