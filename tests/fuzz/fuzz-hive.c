/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hostile registry hive with its two logs: replayed, opened, walked, edited, saved. The input is a byte of
 * flags, the sizes of the primary file and of the first log (32 bits each), and then the three files. A flag
 * has a file's checksum made right, so that a fuzzer gets past it: 1 the primary file (and closed cleanly),
 * 2 the logs.
 */
#include <stdlib.h>

#include "hive-format.h"
#include "hive-log.h"
#include "hive.h"
#include "mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 9, KEYS_MAX = 3000, LEVELS_MAX = 12, CLEAN = 1, SEAL_LOGS = 2 };

static void expected(const struct error *err)
{
	if (err && err->code != ERR_HIVE_DAMAGED && err->code != ERR_HIVE_DIRTY &&
		err->code != ERR_HIVE_TOO_LARGE)
		abort();
}

static void seal(uint8_t *data, size_t size, bool clean)
{
	struct hive_base_block *b = (struct hive_base_block *)data;
	if (size < sizeof(*b))
		return;
	if (clean)
		b->secondary_sequence = b->primary_sequence;
	b->checksum = le32_make(hive_checksum(data));
}

/* ---- reading ---- */

struct walk {
	struct hive *h;
	unsigned keys, level;
};

static void read_values(struct hive *h, hive_node node)
{
	CLEANUP_ERR struct error *err = NULL;
	char **names = NULL;
	if (hive_value_names(h, node, &names, &err) < 0) {
		expected(err);
		return;
	}
	for (size_t i = 0; names[i]; i++) {
		CLEANUP_REG_VALUE struct reg_value v = {0};
		CLEANUP_ERR struct error *failure = NULL;
		if (hive_get(h, node, names[i], &v, &failure) == 1) {
			CLEANUP_FREE char *text = reg_text(&v);
			CLEANUP_FREE char *described = reg_value_describe(&v);
			reg_texts_free(reg_texts(&v));
		}
		expected(failure);
	}
	reg_texts_free(names);
}

static int visit(void *data, const char *name, hive_node node, struct error **err)
{
	struct walk *w = data;
	(void)name;
	read_values(w->h, node);
	if (++w->keys > KEYS_MAX)
		return 1;
	if (w->level == LEVELS_MAX)
		return 0;
	w->level++;
	int rc = hive_each_subkey(w->h, node, visit, w, err);
	w->level--;
	return rc;
}

/* ---- writing ---- */

static int edit(struct hive *h, struct error **err)
{
	hive_node node;
	char **names = NULL;
	CLEANUP_REG_VALUE struct reg_value v =
		reg_sz("a text that is longer than a cell has room for");
	if (hive_make(h, hive_root(h), "Made\\Here", &node, err) < 0 ||
		hive_set(h, node, "value", &v, err) < 0 || hive_unset(h, node, "value", err) < 0 ||
		hive_subkeys(h, hive_root(h), &names, err) < 0)
		return -1;
	node = names[0] ? hive_find(h, hive_root(h), names[0]) : 0;
	int rc = node ? hive_delete(h, node, err) : 0;
	reg_texts_free(names);
	return rc;
}

static void use(const uint8_t *data, size_t size)
{
	CLEANUP_ERR struct error *err = NULL;
	struct hive *h CLEANUP(hive_close_p) = NULL;
	CLEANUP_FREE uint8_t *saved = NULL;
	size_t saved_size;
	if (hive_open(&h, data, size, "FUZZ", &err) < 0) {
		expected(err);
		return;
	}
	struct walk w = {.h = h};
	if (hive_each_subkey(h, hive_root(h), visit, &w, &err) < 0) {
		expected(err);
		return;
	}
	if (edit(h, &err) < 0 || hive_save(h, &saved, &saved_size, &err) < 0)
		expected(err);
}

/* Exactly as large as it is, so that reading past its end is seen. */
static uint8_t *copy_of(const uint8_t *data, size_t size)
{
	uint8_t *copy = xmalloc(size ? size : 1);
	memcpy(copy, data, size);
	return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < HEAD || size > 1 << 20)
		return 0;
	size_t rest = size - HEAD, primary = le32_at(data + 1), first = le32_at(data + 5);
	if (primary > rest || first > rest - primary)
		return 0;
	CLEANUP_FREE uint8_t *copy = copy_of(data + HEAD, primary);
	CLEANUP_FREE uint8_t *log1 = copy_of(data + HEAD + primary, first);
	size_t second = rest - primary - first, hive_size = primary;
	CLEANUP_FREE uint8_t *log2 = copy_of(data + HEAD + primary + first, second);
	CLEANUP_ERR struct error *err = NULL;
	struct hive_replay_report report = {0};
	if (data[0] & CLEAN)
		seal(copy, primary, true);
	if (data[0] & SEAL_LOGS) {
		seal(log1, first, false);
		seal(log2, second, false);
	}
	const struct hive_log logs[2] = {
		{"LOG1", first ? log1 : NULL, first}, {"LOG2", second ? log2 : NULL, second}};
	if (hive_replay(&copy, &hive_size, logs, &report, &err) == 0)
		use(copy, hive_size);
	else
		expected(err);
	hive_replay_report_done(&report);
	return 0;
}
