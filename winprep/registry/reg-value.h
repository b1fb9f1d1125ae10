/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A registry value's type and bytes, and the forms that Windows gives them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "errors.h"

enum {
	REG_NONE = 0,
	REG_SZ = 1,
	REG_EXPAND_SZ = 2,
	REG_BINARY = 3,
	REG_DWORD = 4,
	REG_MULTI_SZ = 7,
	REG_QWORD = 11,
};

struct reg_value {
	uint32_t type;
	uint8_t *data; /* owned; NULL where len is 0 */
	size_t len;    /* bytes */
};

void reg_value_done(struct reg_value *v);
#define CLEANUP_REG_VALUE CLEANUP(reg_value_done)
bool reg_value_equal(const struct reg_value *a, const struct reg_value *b);

/* Text is UTF-8; terminators are written as Windows writes them. Invalid UTF-8 ends the process. */
struct reg_value reg_sz(const char *text);
struct reg_value reg_expand_sz(const char *text);
struct reg_value reg_multi_sz(const char *const *texts); /* NULL-terminated */
struct reg_value reg_dword(uint32_t n);
struct reg_value reg_binary(const void *data, size_t len);

/*
 * Reading is forgiving, as Windows is: odd lengths are cut, missing terminators are supplied. The
 * caller frees. reg_text(): SZ and EXPAND_SZ (also where the type is another but the bytes are text);
 * reg_texts(): MULTI_SZ, an SZ counts as one text; NULL-terminated, free with reg_texts_free().
 */
char *reg_text(const struct reg_value *v);
char **reg_texts(const struct reg_value *v);
void reg_texts_free(char **texts);
/* False where the value is no DWORD of four bytes. */
bool reg_number(const struct reg_value *v, uint32_t *ret);

/* For plans and reports: 'sz "text"', 'dword 0x3', 'multi-sz "a" "b"', 'binary 00 ff … (48 bytes)'. */
char *reg_value_describe(const struct reg_value *v);
