/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of every field an export body may hold: its names, its type, whom it concerns. The public
 * API's names are those of facts/ips sections 1.1 to 1.3; where only the name of its PowerShell
 * parameter is known, that is the name. Keys are compared without regard to ASCII case.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "errors.h"

enum field_type {
	FIELD_STRING,
	FIELD_BOOL, /* or the strings "true" and "false" */
	FIELD_NUMBER,
	FIELD_PORT, /* a number, or a string: the public clients send both */
	FIELD_OBJECT,
	FIELD_STRINGS, /* an array of strings, or one string */
	FIELD_CHOICE,  /* a string of a list */
};

enum field_who {
	FIELD_OURS,	 /* acted on */
	FIELD_APPLIANCE, /* concerns only the appliance: checked, reported as ignored */
	FIELD_WARNED,  /* the public API takes and ignores it: so do we, with the warning `note` */
	FIELD_FOREIGN, /* known, but no part of an export: refused, `note` says where it belongs */
};

struct field_choice {
	const char *name;
	int value;
};

struct export_field {
	const char *name;    /* canonical, with its parent: "outputStorageLocation.location" */
	const char *aliases; /* other names, separated by spaces; or NULL */
	enum field_type type;
	enum field_who who;
	/* FIELD_OURS: where it goes in struct export_request; a char *, bool, unsigned, json_t * or
	 * int (enum) by type. */
	size_t offset;
	uint64_t min, max;		    /* FIELD_NUMBER */
	const struct field_choice *choices; /* FIELD_CHOICE, ends with a NULL name */
	const char *note;
};

/* parent: "" or "outputStorageLocation."; NULL where there is no such field. */
const struct export_field *export_field_find(const char *parent, const char *key);
/* The name most like key, for "did you mean"; NULL where nothing is close. */
const char *export_field_suggest(const char *parent, const char *key);
/* Row of the table, for callers that keep an array beside it. */
size_t export_field_index(const struct export_field *f);
#define EXPORT_FIELDS_MAX 160 /* rows at most, checked at start */

/* ERR_INVALID_FIELD where value (not null) is not of the field's type; path names it. */
int export_field_check(
	const struct export_field *f, const char *path, const json_t *value, struct error **err);
