/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A plan: the list of changes that a preparation would make. Steps read the guest and append actions;
 * plan-apply.c is the only code that carries them out, on an overlay; planning again on the result must
 * give an empty plan. The plan is the dry run's output, the job's log and its report.
 *
 * The plan_…() functions compare with what is there and append nothing where nothing would change.
 * Values that several steps share (lists, bitmaps) are edited, never replaced: the edits of two steps add
 * up.
 */
#pragma once

#include <jansson.h>

#include "hive.h"

enum hive_id {
	HIVE_SYSTEM,
	HIVE_SOFTWARE,
	HIVE_DRIVERS,
	HIVE_DEFAULT,
	HIVE_BCD, /* boot configuration, on a volume of its own: guest-bcd.h */
	_HIVE_MAX
};
const char *hive_id_name(enum hive_id id); /* "SYSTEM": also the file's name */

enum action_kind {
	ACT_REG_SET, /* value */
	ACT_REG_UNSET,
	ACT_REG_DELETE_KEY,
	ACT_REG_MAKE_KEY,
	ACT_REG_LIST_ADD,     /* value is a MULTI_SZ: text is added at its end (or front) */
	ACT_REG_LIST_REMOVE,  /* every text equal but for case; an empty list removes the value */
	ACT_REG_TOKEN_REMOVE, /* one of the comma-separated words of an SZ */
	ACT_REG_BITS, /* BINARY bitmap, most significant bit first: bits set and bits cleared */
	ACT_FILE_PUT,
	ACT_FILE_DELETE, /* a file, or a folder with all it holds */
	_ACT_MAX
};
const char *action_kind_name(enum action_kind kind); /* kebab-case */
/* Edits of one value add up; anything else may have one action only. */
bool action_adds_up(enum action_kind kind);

struct action {
	enum action_kind kind;
	const char *step;  /* static: the step's id */
	enum hive_id hive; /* registry kinds */
	char *path;	   /* registry: key from the hive's root; files: from the volume's */
	char *name;	   /* registry: value */
	struct reg_value old_value, value;
	char *text; /* list and token kinds */
	bool at_front;
	uint32_t bit; /* ACT_REG_BITS */
	bool bit_on;
	uint8_t *data; /* ACT_FILE_PUT */
	size_t size;
	char *why;	    /* one phrase for the report */
	const char *result; /* static: "planned", "done"; set by apply */
};

struct plan {
	struct action *v;
	size_t n, cap;
	const char *step; /* actions appended now belong to it */
	json_t *notes;	  /* array of {step, message}: what was looked at and left alone, and why */
};

void plan_done(struct plan *p);
/* Only the first n actions are left. */
void plan_truncate(struct plan *p, size_t n);
void plan_note(struct plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Each returns 0; errors come from reading the hive. node paths are relative to the hive's root. */
int plan_reg_set(struct plan *p, struct hive *h, enum hive_id id, const char *key, const char *name,
	struct reg_value value /* taken over */, const char *why, struct error **err);
int plan_reg_unset(struct plan *p, struct hive *h, enum hive_id id, const char *key,
	const char *name, const char *why, struct error **err);
int plan_reg_delete_key(struct plan *p, struct hive *h, enum hive_id id, const char *key,
	const char *why, struct error **err);
int plan_reg_make_key(struct plan *p, struct hive *h, enum hive_id id, const char *key,
	const char *why, struct error **err);
int plan_reg_list_add(struct plan *p, struct hive *h, enum hive_id id, const char *key,
	const char *name, const char *text, bool at_front, const char *why, struct error **err);
int plan_reg_list_remove(struct plan *p, struct hive *h, enum hive_id id, const char *key,
	const char *name, const char *text, const char *why, struct error **err);
int plan_reg_token_remove(struct plan *p, struct hive *h, enum hive_id id, const char *key,
	const char *name, const char *word, const char *why, struct error **err);
int plan_reg_bit(struct plan *p, struct hive *h, enum hive_id id, const char *key, const char *name,
	uint32_t bit, bool on, const char *why, struct error **err);
/* The caller has compared: these always append. data is copied. */
void plan_file_put(
	struct plan *p, const char *path, const void *data, size_t size, const char *why);
void plan_file_delete(struct plan *p, const char *path, const char *why);

json_t *plan_to_json(const struct plan *p);
/* One line an action, as a person reads it; the caller frees. */
char *plan_to_text(const struct plan *p);

/* Carries out a registry action on an open hive. */
int action_apply_reg(const struct action *a, struct hive *h, struct error **err);
