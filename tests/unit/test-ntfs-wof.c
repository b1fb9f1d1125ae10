/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What CompactOS compressed: streams from another compressor, from Windows, and damaged ones. */
#include "wof-util.h"

#define LIMIT (8 * MiB)

static int unpack(const uint8_t *stream, size_t len, enum wof_format format, uint64_t size,
	uint8_t *out, struct error **err)
{
	CLEANUP(io_close_p) struct io *io = io_from_memory(stream, len, "stream");
	return wof_read(io, format, size, out, err);
}

/* ---- good streams ---- */

START_TEST(every_format_and_size)
{
	static const size_t sizes[] = {1, 2, 4095, 4096, 4097, 8191, 8192, 8193, 16384, 16385,
		32767, 32768, 32769, 65536, 100000, 262144, 1000003};
	CLEANUP_FREE uint8_t *data = xmalloc(1000003), *out = xmalloc(1000003);
	unsigned smaller = 0;
	for (size_t f = 0; f < ARRAY_SIZE(wof_formats); f++)
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			size_t len;
			wof_sample(data, sizes[s], f * 100 + s);
			CLEANUP_FREE uint8_t *stream = wof_pack(f, data, sizes[s], &len);
			smaller += len < sizes[s] / 2;
			memset(out, 0xaa, sizes[s]);
			ck_ok(unpack(stream, len, wof_formats[f].format, sizes[s], out, &err));
			ck_assert_int_eq(memcmp(out, data, sizes[s]), 0);
		}
	ck_assert_uint_gt(smaller, 12);
	ck_ok(unpack(data, 10, WOF_LZX, 0, NULL, &err));
}
END_TEST

/* One Go string: \x41 and \\ and \" and letters. */
static size_t parse_go(const char **p, uint8_t *ret)
{
	size_t n = 0;
	for (; **p && **p != '"'; (*p)++) {
		char hex[3] = {0};
		if (**p != '\\') {
			ret[n++] = (uint8_t) * *p;
			continue;
		}
		(*p)++;
		switch (**p) {
		case 'x':
			memcpy(hex, *p + 1, 2);
			ret[n++] = (uint8_t)strtoul(hex, NULL, 16);
			*p += 2;
			break;
		case 'n':
			ret[n++] = '\n';
			break;
		case 'r':
			ret[n++] = '\r';
			break;
		case 't':
			ret[n++] = '\t';
			break;
		default:
			ret[n++] = (uint8_t) * *p;
		}
	}
	(*p)++;
	return n;
}

/* LZXPRESS Huffman of other programs. One of them, "Huff0", reads its bits later than [MS-XCA] 2.2.4 and
 * WIM files do, and is none for us. */
START_TEST(vectors_of_others)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	unsigned done = 0;
	if (!unit_data_dir())
		unit_skip("LZXPRESS vectors: no test data (CE_TEST_DATA)");
	CLEANUP_FREE char *path =
		xasprintf("%s/ntfs/lzxpress_huffman_vectors.txt", unit_data_dir());
	ck_ok(file_read(path, LIMIT, &text, &len, &err));
	CLEANUP_FREE uint8_t *packed = xmalloc(len), *plain = xmalloc(len), *out = xmalloc(len);
	static const char start[] = "[]byte(\"";
	for (const char *p = text; (p = strstr(p, start));) {
		p += strlen(start);
		size_t n_packed = parse_go(&p, packed);
		p = strstr(p, start);
		ck_assert(p);
		p += strlen(start);
		size_t n_plain = parse_go(&p, plain);
		if (n_plain > 16384 || n_packed >= n_plain || n_plain == 360)
			continue;
		ck_ok(unpack(packed, n_packed, WOF_XPRESS16K, n_plain, out, &err));
		ck_assert_int_eq(memcmp(out, plain, n_plain), 0);
		done++;
	}
	printf("# %u vectors\n", done);
	ck_assert_uint_ge(done, 2);
}
END_TEST

/* ---- bad ones ---- */

START_TEST(damaged_streams)
{
	enum { SIZE = 20000 };
	static uint8_t data[SIZE], out[SIZE];
	size_t len;
	wof_sample(data, SIZE, 1);
	CLEANUP_FREE uint8_t *good = wof_pack(0, data, SIZE, &len);
	struct {
		size_t at;
		uint32_t value;
		const char *text;
	} const cases[] = {
		{0, 0, "chunk 0"},		       /* an empty chunk */
		{4, 1, "chunk 1"},		       /* offsets that go back */
		{12, UINT32_MAX, "chunk 3"},	       /* far away */
		{12, (uint32_t)(len - 16), "chunk 4"}, /* the last one is empty */
		{0, 5000, "chunk 0"},		       /* larger than unpacked */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_FREE uint8_t *bad = xmemdup(good, len);
		le32_put(bad + cases[i].at, cases[i].value);
		ck_fails(unpack(bad, len, WOF_XPRESS4K, SIZE, out, &err), ERR_NTFS_DAMAGED,
			cases[i].text);
	}
	/* Cut off: within the table, within chunks. */
	for (size_t n = 0; n < len; n += n < 32 ? 1 : 61) {
		CLEANUP_ERR struct error *err = NULL;
		int result = unpack(good, n, WOF_XPRESS4K, SIZE, out, &err);
		if (n <= 16)
			ck_assert_int_eq(result, -1);
		if (result < 0)
			ck_assert_int_eq((int)err->code, ERR_NTFS_DAMAGED);
	}
	/* Too much of it: the last chunk would be larger than its content. */
	CLEANUP_FREE uint8_t *longer = xcalloc(1, len + 5000);
	memcpy(longer, good, len);
	ck_fails(unpack(longer, len + 5000, WOF_XPRESS4K, SIZE, out, &err), ERR_NTFS_DAMAGED,
		"chunk 4");
	/* A size that the stream cannot have. */
	ck_fails(unpack(good, len, WOF_XPRESS4K, UINT64_MAX, NULL, &err), ERR_NTFS_DAMAGED,
		"not even their table");
	ck_fails(unpack(good, len, WOF_LZX, UINT64_C(1) << 40, NULL, &err), ERR_NTFS_DAMAGED,
		"not even their table");
	ck_fails(unpack(good, 0, WOF_LZX, 1, out, &err), ERR_NTFS_DAMAGED, "not even their table");
}
END_TEST

/* Bytes of good streams changed: an error or other bytes, never more than that. */
START_TEST(random_damage)
{
	enum { SIZE = 70000 };
	static uint8_t data[SIZE], out[SIZE];
	unsigned refused = 0;
	wof_sample(data, SIZE, 2);
	srand(5);
	for (size_t f = 0; f < ARRAY_SIZE(wof_formats); f++) {
		size_t len;
		CLEANUP_FREE uint8_t *good = wof_pack(f, data, SIZE, &len);
		for (int i = 0; i < 300; i++) {
			CLEANUP_ERR struct error *err = NULL;
			CLEANUP_FREE uint8_t *bad = xmemdup(good, len);
			for (int k = rand() % 4; k >= 0; k--)
				bad[(size_t)rand() % len] = (uint8_t)rand();
			size_t n = rand() % 3 ? len : (size_t)rand() % len;
			refused += unpack(bad, n, wof_formats[f].format, SIZE, out, &err) < 0;
		}
	}
	ck_assert_uint_gt(refused, 300);
}
END_TEST

/* ---- reparse points ---- */

START_TEST(reparse_points)
{
	enum wof_format format;
	uint8_t r[24];
	for (uint32_t i = 0; i < 4; i++) {
		wof_reparse(r, 2, i);
		ck_ok(wof_parse(r, sizeof(r), &format, &err));
		ck_assert_uint_eq(format, i);
	}
	wof_reparse(r, 2, 4);
	ck_fails(wof_parse(r, 24, &format, &err), ERR_FILE_UNSUPPORTED, "format 4");
	wof_reparse(r, 1, 0);
	ck_fails(wof_parse(r, 24, &format, &err), ERR_FILE_UNSUPPORTED, "WIM image");
	ck_fails(wof_parse(r, 16, &format, &err), ERR_FILE_UNSUPPORTED, "WIM image");
	wof_reparse(r, 3, 0);
	ck_fails(wof_parse(r, 24, &format, &err), ERR_FILE_UNSUPPORTED, "provider 3");
	wof_reparse(r, 2, 0);
	ck_fails(wof_parse(r, 23, &format, &err), ERR_FILE_UNSUPPORTED, "expected");
	ck_fails(wof_parse(r, 15, &format, &err), ERR_NTFS_DAMAGED, "15 bytes");
	r[8] = 2;
	ck_fails(wof_parse(r, 24, &format, &err), ERR_FILE_UNSUPPORTED, "version 2");
}
END_TEST

UNIT_MAIN("ntfs-wof", every_format_and_size, vectors_of_others, damaged_streams, random_damage,
	reparse_points)
