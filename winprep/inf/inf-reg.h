/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AddReg and DelReg lines of an INF as registry values: "INF AddReg directive", Microsoft driver
 * documentation. Only what is relative to the device, driver or service (HKR) is kept.
 */
#pragma once

#include "inf.h"
#include "reg-value.h"

enum inf_reg_kind {
	INF_REG_SET,
	INF_REG_SET_NEW, /* NOCLOBBER: only where there is no such value */
	INF_REG_APPEND,	 /* MULTI_SZ: added to the list that is there */
	INF_REG_KEY,	 /* the key alone */
	INF_REG_DELETE,	 /* the value; with no name: the key */
};

struct inf_reg {
	enum inf_reg_kind kind;
	char *key;  /* below the root: "Parameters\\PnpInterface"; "" for the root itself */
	char *name; /* "": the default value */
	struct reg_value value;
};
struct inf_regs {
	struct inf_reg *v;
	size_t n;
};
void inf_regs_done(struct inf_regs *r);

void inf_regs_push(struct inf_regs *r, struct inf_reg reg); /* takes its parts over */

/* Whether no later line says something else of the same value (or key). */
bool inf_regs_is_last(const struct inf_regs *r, size_t i);

/* How many lines were left out, and an example of each reason, for notes. */
struct inf_reg_skips {
	unsigned other_roots; /* HKLM, HKCR …: Windows' own installation writes them */
	unsigned unclear;     /* flags or numbers that are none */
	size_t bytes;	      /* of all values kept: whoever reads hostile files limits it */
};

/* Appends a section's lines; del: it is a DelReg section. */
void inf_regs_add(struct inf_regs *r, const struct inf *inf, const struct inf_section *s, bool del,
	struct inf_reg_skips *skips);
