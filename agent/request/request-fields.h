/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables of the fields a request body may hold: their names, types, and whom they concern. Each job has a
 * table of its own (export-fields.c, prepare-fields.c); what concerns only the appliance is the same for
 * all and stands in appliance-fields.c. The public API's names are those of facts/ips sections 1.1 to
 * 1.4; where only the name of its PowerShell parameter is known, that is the name. Keys are compared
 * without regard to ASCII case.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "errors.h"

enum field_type {
	FIELD_STRING,
	FIELD_BOOL,    /* or the strings "true" and "false" */
	FIELD_NUMBER,  /* unsigned */
	FIELD_SIZE,    /* uint64_t */
	FIELD_PORT,    /* a number, or a string: the public clients send both */
	FIELD_OBJECT,  /* any object */
	FIELD_SECTION, /* an object whose members are rows of their own, "section.member" */
	FIELD_OBJECTS, /* an array of objects */
	FIELD_STRINGS, /* an array of strings, or one string; taken as an array */
	FIELD_CHOICE,  /* a string of a list */
	FIELD_ANY,     /* the documentation names no type */
};

enum field_who {
	FIELD_OURS,	 /* acted on */
	FIELD_APPLIANCE, /* concerns only the appliance: checked, reported as ignored */
	FIELD_WARNED,  /* the public API takes and ignores it: so do we, with the warning `note` */
	FIELD_FOREIGN, /* known, but no part of this job: refused, `note` says where it belongs */
};

struct field_choice {
	const char *name;
	int value;
};

struct request_field {
	const char *name;    /* canonical, with its parent: "outputStorageLocation.location" */
	const char *aliases; /* other names, separated by spaces; or NULL */
	enum field_type type;
	enum field_who who;
	/* FIELD_OURS: where it goes in the job's struct; a char *, bool, unsigned, uint64_t, json_t * or
	 * int (enum) by type. */
	size_t offset;
	uint64_t min, max;		    /* FIELD_NUMBER, FIELD_SIZE */
	const struct field_choice *choices; /* FIELD_CHOICE, ends with a NULL name */
	const char *note;
};

#define FIELD_ROW_APPLIANCE(n, t)                                    \
	{                                                            \
		.name = n, .type = FIELD_##t, .who = FIELD_APPLIANCE \
	}
#define FIELD_ROW_FOREIGN(n, text)                            \
	{                                                     \
		.name = n, .who = FIELD_FOREIGN, .note = text \
	}

/* A job's own rows; they come before the appliance's of the same name. */
struct request_table {
	const char *job; /* for messages: "an export" */
	const struct request_field *v;
	size_t n;
};

extern const struct request_field appliance_fields[];
extern const size_t n_appliance_fields;

/* parent: "" or "outputStorageLocation."; NULL where there is no such field. */
const struct request_field *request_field_find(
	const struct request_table *t, const char *parent, const char *key);
/* The name most like key, for "did you mean"; NULL where nothing is close. */
const char *request_field_suggest(
	const struct request_table *t, const char *parent, const char *key);
/* A number for callers that keep an array beside the table. */
size_t request_field_index(const struct request_table *t, const struct request_field *f);
#define REQUEST_FIELDS_MAX 160 /* rows at most, a job's and the appliance's together */

/* ERR_INVALID_FIELD where value (not null) is not of the field's type; path names it. */
int request_field_check(
	const struct request_field *f, const char *path, const json_t *value, struct error **err);
