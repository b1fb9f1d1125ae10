/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Registry hives made in the test, byte by byte where they begin and through hive.h from there on. */
#pragma once

#include "hive.h"

/* One key, the root, with a security descriptor and nothing else; the caller frees. */
uint8_t *hive_make_empty(size_t *ret_size);
/* The same, opened. */
struct hive *hive_make_open(const char *name);
/* Values at a key that is made where it does not exist. */
void hive_put_text(struct hive *h, const char *key, const char *name, const char *text);
void hive_put_texts(struct hive *h, const char *key, const char *name, const char *const *texts);
void hive_put_number(struct hive *h, const char *key, const char *name, uint32_t n);
/* The sequence numbers and checksum of a base block that was changed. */
void hive_make_seal(uint8_t *data, uint32_t primary, uint32_t secondary);
