/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The body of POST /v1/images/$prepare: facts/ips 1.4 and what this project adds. Agent, worker and cectl
 * validate with this one parser; nothing of a disk is needed for it.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "errors.h"

/* The same as winprep's, which the process that faces the network does not see. */
enum prepare_pagefile {
	PREPARE_PAGEFILE_AUTO,
	PREPARE_PAGEFILE_SYSTEM,
	PREPARE_PAGEFILE_TEMPORARY_DISK,
	PREPARE_PAGEFILE_NONE
};
enum prepare_network { PREPARE_NETWORK_UNSAID, PREPARE_NETWORK_KEEP, PREPARE_NETWORK_DHCP };
enum prepare_provisioning {
	PREPARE_PROVISIONING_NONE,
	PREPARE_PROVISIONING_MCS,
	PREPARE_PROVISIONING_PVS
};

struct prepare_body {
	const char *target; /* a platform's name, in its own spelling */
	const char *source; /* the same; NULL: to be recognised */
	char *root;	    /* "\\Windows"; NULL: the only one */
	char *md5_hash;	    /* 32 hex digits as they were sent; NULL: not checked */
	uint64_t disk_size; /* diskSizeBytes: what md5_hash covers; 0: the whole disk */
	enum prepare_pagefile pagefile;
	enum prepare_network network;
	enum prepare_provisioning provisioning;
	bool enable_rdp, strict, discard_hibernation;
	char **controllers;	 /* xdReconfigure; NULL: not given */
	char *site_guid;	 /* xdReconfigure; or NULL */
	char **needs_first_boot; /* never NULL: what was asked for that needs the running Windows */
	char **packs;		 /* never NULL: names of packs; for cectl local their paths */
	char *disk_id;		 /* "disk": id from GET /v1/disks; NULL: the only one */
	unsigned timeout;	 /* seconds; default 7200 */
	json_t *tags;		 /* object, echoed in the job; or NULL */
	json_t *ignored;	 /* array of strings: fields that concern only the appliance */
	json_t *warnings;	 /* array of {code, message} */
};

enum { PREPARE_REQUEST_LOCAL = 1 /* packs are paths of folders or archives */ };

/* Errors name the field: ERR_UNKNOWN_FIELD, ERR_INVALID_FIELD, ERR_MISSING_FIELD, ERR_UNKNOWN_PLATFORM. */
int prepare_request_parse(
	const json_t *body, unsigned flags, struct prepare_body **ret, struct error **err);
void prepare_request_free(struct prepare_body *r);
DEFINE_CLEANUP(struct prepare_body *, prepare_request_free);

/* Every platform's name, as winprep's table has them; the sources that are no targets come last. */
extern const char *const prepare_platforms[]; /* NULL-terminated */
