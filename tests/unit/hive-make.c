/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hive-make.h"

#include "hive-format.h"
#include "hive-log.h"
#include "mem.h"
#include "unit.h"

enum { BIN = 4096, CELL_ROOT = 32, CELL_SK = 160, CELL_FREE = 224 };

static void put_cell(uint8_t *bin, size_t at, size_t size, const char *type)
{
	le32_put(bin + at, (uint32_t) - (int32_t)size);
	memcpy(bin + at + 4, type, 2);
}

void hive_make_seal(uint8_t *data, uint32_t primary, uint32_t secondary)
{
	struct hive_base_block *b = (struct hive_base_block *)data;
	b->primary_sequence = le32_make(primary);
	b->secondary_sequence = le32_make(secondary);
	b->checksum = le32_make(hive_checksum(data));
}

/* M. Suhanov's specification: sections "Base block", "Hive bin", "Key node", "Key security". */
uint8_t *hive_make_empty(size_t *ret_size)
{
	uint8_t *data = xcalloc(1, HIVE_BASE_BLOCK_SIZE + BIN), *bin = data + HIVE_BASE_BLOCK_SIZE;
	struct hive_base_block *b = (struct hive_base_block *)data;
	memcpy(b->signature, "regf", 4);
	b->major = le32_make(1);
	b->minor = le32_make(5);
	b->file_format = le32_make(1);
	b->root_cell = le32_make(CELL_ROOT);
	b->bins_size = le32_make(BIN);
	b->clustering_factor = le32_make(1);
	memcpy(bin, "hbin", 4);
	le32_put(bin + 8, BIN);
	put_cell(bin, CELL_ROOT, CELL_SK - CELL_ROOT, "nk");
	uint8_t *nk = bin + CELL_ROOT + 4;
	le16_put(nk + 2, 0x2c);	       /* root, cannot be deleted, name in one byte a character */
	le32_put(nk + 16, UINT32_MAX); /* parent */
	le32_put(nk + 28, UINT32_MAX); /* subkeys */
	le32_put(nk + 32, UINT32_MAX); /* volatile subkeys */
	le32_put(nk + 40, UINT32_MAX); /* values */
	le32_put(nk + 44, CELL_SK);    /* security */
	le32_put(nk + 48, UINT32_MAX); /* class */
	le16_put(nk + 72, 4);
	memcpy(nk + 76, "ROOT", 4);
	put_cell(bin, CELL_SK, CELL_FREE - CELL_SK, "sk");
	uint8_t *sk = bin + CELL_SK + 4;
	le32_put(sk + 4, CELL_SK);
	le32_put(sk + 8, CELL_SK);
	le32_put(sk + 12, 1);		  /* references */
	le32_put(sk + 16, 20);		  /* length of the descriptor */
	memcpy(sk + 20, "\1\0\0\x80", 4); /* self-relative, and no more */
	le32_put(bin + CELL_FREE, BIN - CELL_FREE);
	hive_make_seal(data, 1, 1);
	*ret_size = HIVE_BASE_BLOCK_SIZE + BIN;
	return data;
}

struct hive *hive_make_open(const char *name)
{
	size_t size;
	struct hive *h = NULL;
	CLEANUP_FREE uint8_t *data = hive_make_empty(&size);
	ck_ok(hive_open(&h, data, size, name, &err));
	return h;
}

static void put(struct hive *h, const char *key, const char *name, struct reg_value v)
{
	hive_node node = 0;
	ck_ok(hive_make(h, hive_root(h), key, &node, &err));
	ck_ok(hive_set(h, node, name, &v, &err));
	reg_value_done(&v);
}

void hive_put_text(struct hive *h, const char *key, const char *name, const char *text)
{
	put(h, key, name, reg_sz(text));
}

void hive_put_texts(struct hive *h, const char *key, const char *name, const char *const *texts)
{
	put(h, key, name, reg_multi_sz(texts));
}

void hive_put_number(struct hive *h, const char *key, const char *name, uint32_t n)
{
	put(h, key, name, reg_dword(n));
}
