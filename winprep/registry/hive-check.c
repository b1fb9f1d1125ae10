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

struct key_security {
	uint8_t signature[2]; /* "sk" */
	uint8_t reserved[2];
	le32 previous, next; /* a ring of all descriptors */
	le32 references, descriptor_size;
};
ASSERT_SIZE(struct key_security, 20);

struct checker {
	const uint8_t *bins;
	uint32_t size; /* of the hive bins */
	/* A bit for each 8 bytes: a cell in use begins there; it has been referred to; as a security
	 * descriptor. But for those, a cell belongs to one place: hivex frees it when that place goes. */
	uint8_t *starts, *taken, *shared;
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

static bool bit_get(const uint8_t *bits, uint32_t at)
{
	return bits[at / 64] >> (at / 8 % 8) & 1;
}

static void bit_set(uint8_t *bits, uint32_t at)
{
	bits[at / 64] |= (uint8_t)(1u << (at / 8 % 8));
}

/* Each bin is full of cells, in use (size negative) or free; returns where one is not, or UINT32_MAX. */
static uint32_t map_cells(struct checker *c)
{
	for (uint32_t bin = 0; bin < c->size;) {
		const uint8_t *head = c->bins + bin;
		uint32_t size = c->size - bin < HIVE_BIN_ALIGN ? 0 : le32_at(head + 8);
		if (size == 0 || size % HIVE_BIN_ALIGN || size > c->size - bin ||
			memcmp(head, "hbin", 4) != 0)
			return bin;
		for (uint32_t at = bin + 32, end = bin + size; at < end;) {
			uint32_t raw = le32_at(c->bins + at);
			uint32_t len = raw & 0x80000000u ? 0 - raw : raw;
			if (len < 8 || len % 8 || len > end - at)
				return at;
			if (len != raw)
				bit_set(c->starts, at);
			at += len;
		}
		bin += size;
	}
	return UINT32_MAX;
}

static const void *cell_look(const struct checker *c, uint32_t at, size_t need, size_t *ret_len)
{
	if (at % 8 || at >= c->size || !bit_get(c->starts, at))
		return NULL;
	size_t len = (0 - le32_at(c->bins + at)) - 4;
	if (ret_len)
		*ret_len = len;
	return len < need ? NULL : c->bins + at + 4;
}

/* The content of the cell at that offset, with room for at least need bytes, and now taken; NULL: there is
 * none, or something else has it. */
static const void *cell(const struct checker *c, uint32_t at, size_t need, size_t *ret_len)
{
	const void *content = cell_look(c, at, need, ret_len);
	if (!content || bit_get(c->taken, at))
		return NULL;
	bit_set(c->taken, at);
	return content;
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
		return false; /* Windows marks it inline, too; hivex would free what it points at */
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

static const struct key_security *security(const struct checker *c, uint32_t at)
{
	const struct key_security *sk = cell_look(c, at, sizeof(*sk), NULL);
	if (!sk || memcmp(sk->signature, "sk", 2) != 0)
		return NULL;
	if (!bit_get(c->shared, at) && !cell(c, at, sizeof(*sk), NULL))
		return NULL;
	bit_set(c->shared, at);
	return sk;
}

/* hivex follows the ring when it frees a descriptor. */
static bool security_ok(const struct checker *c, uint32_t at)
{
	if (at == UINT32_MAX)
		return true;
	const struct key_security *sk = security(c, at);
	return sk && security(c, le32_get(sk->previous)) && security(c, le32_get(sk->next));
}

static int check_key(struct checker *c, uint32_t at, struct error **err)
{
	size_t len;
	const struct key_node *nk = cell_look(c, at, sizeof(*nk), &len);
	if (!nk || memcmp(nk->signature, "nk", 2) != 0 ||
		le16_get(nk->name_len) > len - sizeof(*nk))
		return damaged(c, at, "a subkey of it is no key", err);
	if (!cell(c, at, sizeof(*nk), NULL))
		return damaged(c, at, "a subkey of it hangs in two places, or holds itself", err);
	if (c->level == LEVELS_MAX)
		return damaged(c, at, "keys are nested deeper than 512 levels", err);
	c->path[c->level++] = nk;
	if (!security_ok(c, le32_get(nk->security)))
		return damaged(c, at, "its security descriptor is not where it should be", err);
	uint32_t class = le32_get(nk->class_name);
	if (class != UINT32_MAX && !cell(c, class, le16_get(nk->class_len), NULL))
		return damaged(c, at, "its class name is not where it should be", err);
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
	CLEANUP_FREE uint8_t *starts = xcalloc(bins / 64 + 1, 1);
	CLEANUP_FREE uint8_t *taken = xcalloc(bins / 64 + 1, 1);
	CLEANUP_FREE uint8_t *shared = xcalloc(bins / 64 + 1, 1);
	CLEANUP_FREE struct checker *c = xcalloc(1, sizeof(*c));
	*c = (struct checker){.bins = data + HIVE_BASE_BLOCK_SIZE,
		.size = bins,
		.starts = starts,
		.taken = taken,
		.shared = shared,
		.name = name};
	uint32_t bad = map_cells(c);
	if (bad != UINT32_MAX)
		return err_set(err, ERR_HIVE_DAMAGED, "%s: no valid hive bin or cell at 0x%llx",
			name, (unsigned long long)HIVE_BASE_BLOCK_SIZE + bad);
	return check_key(c, le32_get(b->root_cell), err);
}
