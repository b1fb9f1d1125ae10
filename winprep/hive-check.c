/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Source: M. Suhanov, "Windows registry file format specification", sections on cells. */
#include "hive-check.h"

#include <string.h>

#include "checked.h"
#include "hive-format.h"
#include "mem.h"
#include "strbuf.h"
#include "utf16.h"

enum {
	LEVELS_MAX = 512,
	INDEX_LEVELS_MAX = 2, /* an index root, and leaves */
	BIG_DATA_FROM = 16344,
};
#define INLINE_DATA 0x80000000u

struct key_node {
	uint8_t signature[2]; /* "nk" */
	le16 flags;
	le64 written;
	le32 access, parent;
	le32 subkeys, volatile_subkeys;
	le32 subkey_list, volatile_list;
	le32 values, value_list;
	le32 security, class_name;
	le32 largest[5];
	le16 name_len, class_len;
	/* the name */
};
ASSERT_OFFSET(struct key_node, subkey_list, 28);
ASSERT_OFFSET(struct key_node, value_list, 40);
ASSERT_OFFSET(struct key_node, name_len, 72);
ASSERT_SIZE(struct key_node, 76);

struct key_value {
	uint8_t signature[2]; /* "vk" */
	le16 name_len;
	le32 data_size, data;
	le32 type;
	le16 flags, spare;
	/* the name */
};
ASSERT_SIZE(struct key_value, 20);

struct checker {
	const uint8_t *bins;
	uint32_t size;	  /* of the hive bins */
	uint8_t *visited; /* a bit for each 8 bytes: a key begins there */
	const char *name;
	const struct key_node *path[LEVELS_MAX];
	unsigned level;
};

/* ---- messages ---- */

static void add_name(struct strbuf *b, const struct key_node *nk)
{
	const char *name = (const char *)(nk + 1);
	size_t len = le16_get(nk->name_len);
	if (le16_get(nk->flags) & 0x20) { /* one byte a character */
		strbuf_addf(b, "\\%.*s", (int)len, name);
		return;
	}
	CLEANUP_FREE char *text = utf16_to_utf8(name, len / 2);
	strbuf_addf(b, "\\%s", text);
}

static int damaged(const struct checker *c, uint32_t at, const char *what, struct error **err)
{
	struct strbuf b = {0};
	for (unsigned i = 1; i < c->level; i++)
		add_name(&b, c->path[i]);
	CLEANUP_FREE char *raw = strbuf_take(&b);
	CLEANUP_FREE char *path = utf8_clean(raw);
	return err_set(err, ERR_HIVE_DAMAGED, "%s: key \"%s\": %s (at 0x%llx)", c->name,
		*path ? path : "\\", what, (unsigned long long)HIVE_BASE_BLOCK_SIZE + at);
}

/* ---- cells ---- */

/* The content of the cell at that offset, with room for at least need bytes; NULL: there is none. */
static const void *cell(const struct checker *c, uint32_t at, size_t need, size_t *ret_len)
{
	if (at % 8 || !u64_range_ok(at, 4, c->size))
		return NULL;
	int32_t size = (int32_t)le32_at(c->bins + at);
	if (size >= 0 || size == INT32_MIN || !u64_range_ok(at, (uint64_t)-size, c->size) ||
		(size_t)-size - 4 < need)
		return NULL;
	if (ret_len)
		*ret_len = (size_t)-size - 4;
	return c->bins + at + 4;
}

/* Big data: segments of 16344 bytes, each a cell. */
static bool big_data_ok(const struct checker *c, const uint8_t *db, uint32_t data_size)
{
	uint32_t n = le16_at(db + 2);
	const uint8_t *list = cell(c, le32_at(db + 4), (size_t)n * 4, NULL);
	if (!list || n != (data_size + BIG_DATA_FROM - 1) / BIG_DATA_FROM)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t part = data_size - i * BIG_DATA_FROM;
		if (!cell(c, le32_at(list + 4 * i), part < BIG_DATA_FROM ? part : BIG_DATA_FROM,
			    NULL))
			return false;
	}
	return true;
}

static bool value_ok(const struct checker *c, uint32_t at)
{
	size_t len;
	const struct key_value *vk = cell(c, at, sizeof(*vk), &len);
	if (!vk || memcmp(vk->signature, "vk", 2) != 0 ||
		le16_get(vk->name_len) > len - sizeof(*vk))
		return false;
	uint32_t size = le32_get(vk->data_size);
	if (size & INLINE_DATA)
		return (size & ~INLINE_DATA) <= 4;
	if (size == 0)
		return true;
	const uint8_t *data = cell(c, le32_get(vk->data), size > BIG_DATA_FROM ? 8 : size, &len);
	return data && (len >= size || (memcmp(data, "db", 2) == 0 && big_data_ok(c, data, size)));
}

static int check_values(
	struct checker *c, uint32_t at, const struct key_node *nk, struct error **err)
{
	uint32_t n = le32_get(nk->values);
	if (n == 0)
		return 0;
	const uint8_t *list =
		n > c->size / 4 ? NULL : cell(c, le32_get(nk->value_list), (size_t)n * 4, NULL);
	if (!list)
		return damaged(c, at, "its list of values is not where it should be", err);
	for (uint32_t i = 0; i < n; i++)
		if (!value_ok(c, le32_at(list + 4 * i)))
			return damaged(c, le32_at(list + 4 * i), "a value of it is damaged", err);
	return 0;
}

/* ---- keys ---- */

static int check_key(struct checker *c, uint32_t at, struct error **err);

/* lf, lh and li name keys; ri names lists of those. */
static int check_index(struct checker *c, uint32_t key_at, uint32_t at, unsigned depth,
	uint32_t *ret_keys, struct error **err)
{
	size_t len;
	const uint8_t *list = cell(c, at, 4, &len);
	if (!list || depth == INDEX_LEVELS_MAX)
		return damaged(c, key_at, "its list of subkeys is not where it should be", err);
	uint32_t n = le16_at(list + 2);
	bool leaf = memcmp(list, "lf", 2) == 0 || memcmp(list, "lh", 2) == 0;
	bool root = memcmp(list, "ri", 2) == 0;
	size_t step = leaf ? 8 : 4;
	if ((!leaf && !root && memcmp(list, "li", 2) != 0) || n * step > len - 4)
		return damaged(c, at, "its list of subkeys is damaged", err);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t child = le32_at(list + 4 + i * step);
		if ((root ? check_index(c, key_at, child, depth + 1, ret_keys, err)
			  : check_key(c, child, err)) < 0)
			return -1;
		*ret_keys += !root;
	}
	return 0;
}

static int check_subkeys(
	struct checker *c, uint32_t at, const struct key_node *nk, struct error **err)
{
	uint32_t n = le32_get(nk->subkeys), found = 0;
	if (n == 0)
		return 0;
	if (check_index(c, at, le32_get(nk->subkey_list), 0, &found, err) < 0)
		return -1;
	return found == n ? 0 : damaged(c, at, "it has not as many subkeys as it says", err);
}

static bool first_visit(struct checker *c, uint32_t at)
{
	uint8_t bit = (uint8_t)(1u << (at / 8 % 8)), *byte = &c->visited[at / 64];
	bool first = !(*byte & bit);
	*byte |= bit;
	return first;
}

static int check_key(struct checker *c, uint32_t at, struct error **err)
{
	size_t len;
	const struct key_node *nk = cell(c, at, sizeof(*nk), &len);
	if (!nk || memcmp(nk->signature, "nk", 2) != 0 ||
		le16_get(nk->name_len) > len - sizeof(*nk))
		return damaged(c, at, "a subkey of it is no key", err);
	if (!first_visit(c, at))
		return damaged(c, at, "a subkey of it hangs in two places, or holds itself", err);
	if (c->level == LEVELS_MAX)
		return damaged(c, at, "keys are nested deeper than 512 levels", err);
	c->path[c->level++] = nk;
	if (check_values(c, at, nk, err) < 0 || check_subkeys(c, at, nk, err) < 0)
		return -1;
	c->level--;
	return 0;
}

int hive_check(const uint8_t *data, size_t size, const char *name, struct error **err)
{
	const struct hive_base_block *b = (const void *)data;
	if (size < HIVE_BASE_BLOCK_SIZE || memcmp(b->signature, "regf", 4) != 0)
		return err_set(
			err, ERR_HIVE_DAMAGED, "%s is not a registry hive (%zu bytes)", name, size);
	uint32_t bins = le32_get(b->bins_size);
	if (!u64_range_ok(HIVE_BASE_BLOCK_SIZE, bins, size))
		return err_set(err, ERR_HIVE_DAMAGED,
			"%s is cut off: it has %zu bytes and should have %llu", name, size,
			(unsigned long long)HIVE_BASE_BLOCK_SIZE + bins);
	CLEANUP_FREE uint8_t *visited = xcalloc(bins / 64 + 1, 1);
	CLEANUP_FREE struct checker *c = xcalloc(1, sizeof(*c));
	*c = (struct checker){.bins = data + HIVE_BASE_BLOCK_SIZE,
		.size = bins,
		.visited = visited,
		.name = name};
	return check_key(c, le32_get(b->root_cell), err);
}
