/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ce-worker: one run of one verb on one disk, as agent/worker-protocol.h describes it. worker-main.c
 * starts it, a verb's file does the work, and everything a verb has to say goes through its op.
 */
#pragma once

#include <jansson.h>

#include "disk.h"
#include "image.h"
#include "op.h"

struct worker {
	struct op op;
	json_t *input; /* the object of standard input */
	bool no_disk;  /* the verb has none */
	/* disk: one of the two */
	const char *path;
	int fd; /* -1: none */
	const char *name;
	bool dry_run;
	bool local;		    /* outputFile is allowed */
	bool mapped;		    /* hash: through the allocation map */
	const char *root;	    /* inspect: which Windows; NULL: the only one */
	const json_t *request;	    /* export, prepare */
	const char *journal;	    /* prepare, recover: its file; or NULL: */
	const char *journal_folder; /* the folder where the disk's own name for it counts */
	const json_t *packs;	    /* prepare: folders, array of strings; or NULL */
	const char *seed;	    /* export: of the image's ids; NULL: by chance */
	uint64_t date;		    /* export: of the image, seconds since 1970; 0: now */
	const char *folder; /* unpack: what to make of the archive, which stands for the disk */
};

/* A verb's result becomes the result event; it is left alone on failure. Before it opens the disk it
 * calls sandbox_lock(). */
typedef int worker_verb_fn(struct worker *w, json_t **ret, struct error **err);
worker_verb_fn worker_export, worker_inspect, worker_hash, worker_check;
worker_verb_fn worker_prepare, worker_recover, worker_unpack;
worker_verb_fn worker_list; /* has no disk */

/* The program: ce-worker VERB. Returns its exit status. */
int worker_main(int argc, char **argv);

/* Reads standard input to its end and takes it apart; strings belong to w->input. */
int worker_input_read(struct worker *w, int fd, struct error **err);
/* Wipes what the request holds of secrets, too. */
void worker_input_done(struct worker *w);

/* The disk of the input, read-only. Takes w->fd over. */
int worker_open_disk(struct worker *w, struct disk **ret, struct error **err);
/*
 * The same for one worker at a time, ERR_DISK_BUSY: a file is locked, and must be no running machine's and no
 * loop device's; a device must not be in use (mounted, part of a volume). write: open for writing.
 */
int worker_claim_disk(struct worker *w, bool write, struct disk **ret, struct error **err);
/* ERR_JOURNAL where an interrupted preparation left the disk half written; its journal is beside the disk's
 * file, or in journal_folder. */
int worker_refuse_torn(struct worker *w, struct disk *d, struct error **err);
/* Where the journal of a preparation of that disk is; the caller frees. */
int worker_journal(struct worker *w, struct disk *d, char **ret, struct error **err);
/* {name, format, size, logicalSectorSize, physicalSectorSize, blockDevice, image} */
json_t *worker_disk_json(const struct disk *d);

/* Ids and date of a new image from w->seed and w->date. */
int worker_seed_image(const struct worker *w, struct image_options *o, struct error **err);

/* {code, message} of a request, where no agent has read it and said the same. */
void worker_tell_warnings(struct worker *w, const json_t *warnings);

/*
 * The target of an export, and the names its sink uses on the way, must not be what the worker reads:
 * not a file it has open (the source, a parent image of it), and not on a file system that lies on the
 * source's block device.
 */
int worker_check_target(const char *path, const struct disk *d, struct error **err);
