/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest made of rows: a SYSTEM with two control sets and a SOFTWARE, each from nothing. What a step made
 * of it is compared with another guest made of rows, both as hivexregedit writes them.
 */
#pragma once

#include "step.h"

/* key begins with "SYSTEM\\", "SOFTWARE\\", or "CCS\\": in every control set. */
struct made_row {
	const char *key, *name; /* name NULL: the key alone */
	const char *text;	/* NULL: the number; texts of a list are joined with '|' */
	uint32_t number;
	bool list, expand;
};
#define ROW_KEY(k)         \
	{                  \
		.key = (k) \
	}
#define ROW_TEXT(k, n, t)                            \
	{                                            \
		.key = (k), .name = (n), .text = (t) \
	}
#define ROW_EXPAND(k, n, t)                                          \
	{                                                            \
		.key = (k), .name = (n), .text = (t), .expand = true \
	}
#define ROW_LIST(k, n, t)                                          \
	{                                                          \
		.key = (k), .name = (n), .text = (t), .list = true \
	}
#define ROW_NUMBER(k, n, v)                            \
	{                                              \
		.key = (k), .name = (n), .number = (v) \
	}

void made_guest_init(struct guest *g);
void made_guest_done(struct guest *g);
/* Ends with a zero row; a value that is there is replaced. */
void made_guest_add(struct guest *g, const struct made_row *rows);
/* Both say the same, whatever order their keys and values have; else the difference fails the test. */
void made_guest_compare(const struct guest *is, const struct guest *expected);
/*
 * A guest with what stays and what goes takes the step and is then what one with stay alone is. domain: of
 * the guest; NULL: a workgroup.
 */
void made_guest_check(const struct step *step, const char *from, const char *to, const char *domain,
	const struct made_row *stay, const struct made_row *go);
