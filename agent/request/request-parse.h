/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A request body against its table: every key known, of its type, given once; members set. */
#pragma once

#include "request-fields.h"

struct request_parser {
	const struct request_table *table;
	void *request;	  /* what the rows' offsets lie in */
	json_t *ignored;  /* array of names: fields that concern only the appliance */
	json_t *warnings; /* array of {code, message} */
	const char *seen[REQUEST_FIELDS_MAX]; /* the key that gave each field; NULL: absent */
};

/* Errors name the field: ERR_UNKNOWN_FIELD, ERR_INVALID_FIELD. Members are set as far as it came. */
int request_parse(struct request_parser *p, const json_t *body, struct error **err);
/* Whether the body has the field, by its canonical name or an alias. */
bool request_given(const struct request_parser *p, const char *parent, const char *name);
/* Appends {code, message}; message is taken over. */
void request_warn(json_t *warnings, const char *code, char *message);
