/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole preparation: facts, plan, apply on an overlay, verify, commit. Each is a function here; the
 * worker calls prepare_run().
 */
#pragma once

#include "overlay.h"
#include "step.h"

enum pagefile_choice { PAGEFILE_AUTO, PAGEFILE_SYSTEM, PAGEFILE_TEMPORARY_DISK, PAGEFILE_NONE };
enum network_choice {
	NETWORK_UNSAID, /* keep, and a first start where settings were made by hand */
	NETWORK_KEEP,
	NETWORK_DHCP
};
enum provisioning { PROVISIONING_NONE, PROVISIONING_MCS, PROVISIONING_PVS };

/* The body of POST /v1/images/$prepare, parsed: facts ips 1.4 and issue texts; docs/api/openapi.yaml. */
struct prepare_request {
	char *target;	    /* platform name */
	char *source;	    /* platform name; NULL: guessed from the evidence */
	char *root;	    /* "\\Windows"; NULL: the only one */
	char *md5_hash;	    /* 32 hex digits; NULL: not checked */
	uint64_t disk_size; /* diskSizeBytes: what md5_hash covers; 0: the whole disk */
	enum pagefile_choice pagefile;
	enum network_choice network;
	enum provisioning provisioning;
	bool enable_rdp;
	bool strict;		 /* a VDA step that fails ends the job */
	char **controllers;	 /* xdReconfigure; NULL-terminated, or NULL */
	char *site_guid;	 /* xdReconfigure; or NULL */
	char **needs_first_boot; /* names of what was asked for that only a running Windows can do */
	bool discard_hibernation;
	json_t *ignored, *warnings; /* as in struct export_request */
	/* Told the plan, verified, before the commit begins; borrowed. NULL: nobody. */
	void (*planned)(void *data, const json_t *report);
	void *planned_data;
};

struct prepare_result {
	/* source, target, evidence, actions, notes, totals: plan_to_json() and what was recognised */
	json_t *report;
	uint64_t bytes_changed;
	bool changed; /* false: there was nothing to do */
};

/*
 * disk: the original; opened read-only it can only be planned for. journal: where the overlay's writes go.
 * dry_run: the plan is made, applied and verified on the overlay, which is thrown away.
 * Errors before the commit leave the disk untouched.
 */
int prepare_run(struct disk *disk, const struct prepare_request *request,
	const struct pack_set *packs, const char *journal, bool dry_run, struct op *op,
	struct prepare_result *ret, struct error **err);

/*
 * The journal of this disk in a folder that holds those of several: the one that completes it, where one
 * does, else one that does not exist yet. Found by the disk's content, however it is attached, and told from
 * its clones'. The caller frees.
 */
int prepare_journal_choose(
	struct disk *disk, const char *folder, struct op *op, char **ret, struct error **err);
/*
 * Completes a commit that was interrupted: *ret_done; false: there was none, the disk is as it was before.
 * disk is open for writing. Errors: overlay_recover().
 */
int prepare_recover(
	struct disk *disk, const char *journal, struct op *op, bool *ret_done, struct error **err);
/* ERR_JOURNAL where that journal says that the disk is half written: nobody should read it as a disk. */
int prepare_refuse_torn(struct disk *disk, const char *journal, struct op *op, struct error **err);
/* Which disk a journal belongs to; the caller frees. */
char *prepare_identity(const struct disk *disk, const struct partition_table *t);
