/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The body of POST /v1/images/$export (and $publish, the same job in the public API). The table in
 * export-fields.c names every field, its type and whom it concerns; agent, worker and cectl all
 * validate with this one parser.
 */
#pragma once

#include <jansson.h>

#include "image.h"

struct export_request {
	/* Where to: exactly one of the two. */
	char *location;	   /* outputStorageLocation.location: "smb://host[:port]/share[/folder]",
			      checked, without a slash at its end */
	char *output_file; /* "outputFile": a local path as it is; cectl local only */
	char *file_name; /* outputImageFilename, with the format's extension; NULL with outputFile */
	char *user, *domain, *password; /* outputStorageLocation.*; NULL: anonymous */
	bool encrypt;  /* outputStorageLocation.encrypt (ours): refuse an unencrypted session */
	char *disk_id; /* "disk" (ours): id from GET /v1/disks; NULL: the only data disk there is */
	/* outputImageFormat (default vhdx; with outputFile what its extension says), type, blockSize,
	 * logicalSectorSize, physicalSectorSize; not yet completed, but known to be valid. */
	struct image_options image;
	bool hash_md5, hash_sha256; /* hashDisk: both */
	bool overwrite;		    /* overwriteTargetFile */
	bool keep_excluded;	    /* keepPagefile (ours) */
	bool whole_disk;	    /* wholeDisk (ours) */
	unsigned connections;	    /* outputStorageLocation.connections (ours); 0: default */
	unsigned timeout;	    /* seconds; default 7200 */
	json_t *tags;		    /* object; echoed in the job */
	/* Names of fields that concern only the appliance: accepted, reported, not acted on. */
	json_t *ignored;  /* array of strings */
	json_t *warnings; /* array of {code, message}: "smbn://" read as "smb://", SmbPort, … */
};

enum {
	EXPORT_REQUEST_LOCAL = 1 /* outputFile is allowed, and required where location is absent */
};

/* Errors name the field: ERR_UNKNOWN_FIELD, ERR_INVALID_FIELD, ERR_MISSING_FIELD,
 * ERR_CREDENTIALS_UNRESOLVED, ERR_INVALID_FILE_NAME. */
int export_request_parse(
	const json_t *body, unsigned flags, struct export_request **ret, struct error **err);
/* Wipes the password. */
void export_request_free(struct export_request *r);
DEFINE_CLEANUP(struct export_request *, export_request_free);

/* The body as a job may show it: secrets replaced by "***", whatever the case of their keys. */
json_t *export_request_redact(const json_t *body);
/* Overwrites the same secrets where they lie: before a body's last json_decref(). */
void export_request_wipe(json_t *body);

/*
 * "smb://host[:port]/share[/folder…]" as location above describes it; *ret_old_scheme: "smbn://" was
 * written. ERR_INVALID_FIELD; a message never repeats a user name or password found in it.
 */
int export_location_parse(const char *text, char **ret, bool *ret_old_scheme, struct error **err);
