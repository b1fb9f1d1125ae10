/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A registry hive, opened through hivex on a scratch copy in memory. hivex writes in place without a
 * sync, does not refuse a dirty hive and drops the handle's consistency on some failures: here it only
 * ever sees a private copy whose logs have been replayed (hive-log.h), and hive_save() opens the result
 * anew before anybody gets to see it.
 *
 * Paths are UTF-8, parts joined with '\\', relative to the node given; case is ignored. Real key names
 * may contain '/'. A node stays valid until the hive is closed or the node is deleted.
 */
#pragma once

#include <stddef.h>

#include "reg-value.h"

struct hive;
typedef size_t hive_node; /* 0: none */

/*
 * Loads what hivex loads at its first use, the C library's converters of character sets: for a process that
 * is about to give up loading code. Without it such a process finds no key and no value.
 */
int hive_prepare_process(struct error **err);

/*
 * data: the primary file's bytes, clean (else ERR_HIVE_DIRTY); copied. name: for messages ("SYSTEM").
 * ERR_HIVE_DAMAGED where its keys do not hang together (hive-check.h), or hivex cannot make sense of it.
 */
int hive_open(
	struct hive **ret, const void *data, size_t size, const char *name, struct error **err);
void hive_close(struct hive *h);
DEFINE_CLEANUP(struct hive *, hive_close);

hive_node hive_root(struct hive *h);
/* 0 where there is no such key. */
hive_node hive_find(struct hive *h, hive_node from, const char *path);
hive_node hive_findf(struct hive *h, hive_node from, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Names of the subkeys, in the hive's order; NULL-terminated, free with reg_texts_free(). */
int hive_subkeys(struct hive *h, hive_node node, char ***ret, struct error **err);
/*
 * Calls fn for every subkey, in the hive's order, until it returns something other than 0: that is then
 * returned. Cheaper by far than hive_find() for each name.
 */
typedef int hive_each_fn(void *data, const char *name, hive_node node, struct error **err);
int hive_each_subkey(
	struct hive *h, hive_node node, hive_each_fn *fn, void *data, struct error **err);
/* The same as a list; zero at first, released with hive_children_done(). */
struct hive_child {
	hive_node node;
	char *name;
};
struct hive_children {
	struct hive_child *v;
	size_t n;
};
int hive_children(struct hive *h, hive_node node, struct hive_children *ret, struct error **err);
void hive_children_done(struct hive_children *c);
#define CLEANUP_CHILDREN CLEANUP(hive_children_done)
/* Names of the values; the default value's name is "". */
int hive_value_names(struct hive *h, hive_node node, char ***ret, struct error **err);
/* 1 and *ret set (the caller releases it); 0 where the key (also node 0) has no such value. */
int hive_get(struct hive *h, hive_node node, const char *name, struct reg_value *ret,
	struct error **err);
/* Shorthands for reading: absent or of another type: 0/NULL, and no error. The caller frees. */
bool hive_get_number(struct hive *h, hive_node node, const char *name, uint32_t *ret);
char *hive_get_text(struct hive *h, hive_node node, const char *name);

/* ---- writing ---- */

/* The key, made with all its parents where it does not exist. */
int hive_make(struct hive *h, hive_node from, const char *path, hive_node *ret, struct error **err);
int hive_set(struct hive *h, hive_node node, const char *name, const struct reg_value *value,
	struct error **err);
/* Absent: 0 and nothing happens. */
int hive_unset(struct hive *h, hive_node node, const char *name, struct error **err);
int hive_delete(struct hive *h, hive_node node, struct error **err); /* with all its subkeys */

/*
 * The hive as it is now, as a file's bytes: written by hivex, opened again, walked whole and checked by
 * hive_check(). ERR_HIVE_TOO_LARGE. The caller frees *ret_data. The handle stays usable.
 */
int hive_save(struct hive *h, uint8_t **ret_data, size_t *ret_size, struct error **err);
