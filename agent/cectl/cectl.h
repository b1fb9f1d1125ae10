/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cectl: the command line, against an agent over HTTPS or, as `cectl local`, on a disk or an image
 * file with no agent at all. Machine output goes to standard output, everything else to standard
 * error. Exit status: 0 done, 1 failed, 2 usage, 3 refused before any write, 4 canceled.
 */
#pragma once

#include <getopt.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "errors.h"

/* What the options of all verbs set; a verb says in its table row which of them it takes. */
struct cectl {
	bool local;
	/* the agent */
	const char *server, *cert, *key, *ca, *fingerprint;
	bool stranger; /* without a client certificate: to pair */
	/* the verb's own */
	const char *disk, *output, *format, *type, *block_size, *user, *domain, *password_file;
	const char *request, *connections, *timeout, *target, *source, *root, *journal, *seed;
	const char *enrolment, *client_ca, *code_file;
	bool hash, overwrite, dry_run, json, no_wait, encrypt, keep_pagefile, whole_disk, mapped;
	json_t *tags;	      /* object */
	json_t *packs;	      /* array */
	const char *argument; /* what follows the options, or NULL */
	const char *words[3]; /* of a verb that takes several */
	unsigned n_words;
	bool wrote; /* local: the worker had begun to write when it failed */
};

/* Returns the exit status (0; 1: what was checked is not in order), or -1 with the error; whatever the
 * verb prints to standard output it has printed. */
typedef int cectl_verb_fn(struct cectl *c, struct error **err);

cectl_verb_fn cectl_local_export, cectl_local_inspect, cectl_local_hash, cectl_local_check;
cectl_verb_fn cectl_local_prepare, cectl_local_recover;
cectl_verb_fn cectl_local_list_steps, cectl_local_list_platforms, cectl_list_errors;
cectl_verb_fn cectl_remote_export, cectl_remote_publish, cectl_remote_jobs, cectl_remote_job;
cectl_verb_fn cectl_remote_watch, cectl_remote_cancel, cectl_remote_log, cectl_remote_disks;
cectl_verb_fn cectl_remote_status, cectl_remote_prepare, cectl_remote_plan;
cectl_verb_fn cectl_remote_packs, cectl_remote_pair, cectl_remote_diagnostics;

/* ---- cectl-request.c, cectl-prepare.c: a request's body from the options ---- */

/* A body as POST /v1/images/$export takes it; the password, if any, is inside: wipe what you print. */
int cectl_export_body(const struct cectl *c, json_t **ret, struct error **err);
int cectl_prepare_body(const struct cectl *c, json_t **ret, struct error **err);
/* What both have: the file of --request, and the options --timeout, --tag and --disk on top. */
int cectl_common_body(const struct cectl *c, json_t **ret, struct error **err);

/* ---- cectl-worker.c: `cectl local` runs a worker ---- */

struct worker_outcome {
	json_t *plan, *result; /* NULL where there was none */
	json_t *warnings;      /* array of {code, message, step} */
};
void worker_outcome_done(struct worker_outcome *o);
/* {disk: {path}, local: true, journalFolder: of a device}, to which a verb adds its own. */
int cectl_disk_input(const struct cectl *c, json_t **ret, struct error **err);
/* The outcome in the shape of a job: what an agent would answer for it. */
json_t *cectl_as_job(const struct cectl *c, const struct worker_outcome *o);

/* Runs `ce-worker verb` with this input (taken over) to its end, showing progress. */
int cectl_run_worker(struct cectl *c, const char *verb, json_t *input, struct worker_outcome *ret,
	struct error **err);

/* ---- cectl-http.c: one HTTPS connection to the agent ---- */

struct http;
int http_open(struct http **ret, const struct cectl *c, struct error **err);
/* Of the certificate that the agent shows; compared with c->fingerprint where there is one. The caller frees. */
int http_fingerprint(const struct cectl *c, char **ret, struct error **err);
void http_close(struct http *h);
DEFINE_CLEANUP(struct http *, http_close);

/*
 * One request; body NULL: none. A 2xx answer is parsed into *ret (NULL where ret is NULL). Any other
 * becomes the error that the agent sent.
 */
int http_json(struct http *h, const char *method, const char *path, const json_t *body,
	json_t **ret, struct error **err);
/* The file as the body of a PUT, showing progress; sha256: its hash in hexadecimal, for the agent to check. */
int http_put(struct http *h, const char *path, int fd, uint64_t size, const char *sha256,
	json_t **ret, struct error **err);
/* The answer's body as it comes. */
int http_print(struct http *h, const char *path, FILE *to, struct error **err);

/* ---- cectl-progress.c: a bar where standard error is a terminal, else a line now and then ---- */

struct progress_view {
	const char *step; /* may be NULL */
	double percent;
	uint64_t done, total, bytes_per_second; /* 0: unknown */
	int64_t eta_seconds;			/* -1: unknown */
};
void progress_show(const struct progress_view *v);
/* Ends the bar's line, if one is shown; messages to standard error come after it. */
void progress_end(void);
/* "9.3 GiB", in a buffer of the caller's. */
const char *format_bytes(uint64_t n, char *buf, size_t size);

/* ---- cectl-print.c: results for people ---- */

void print_export_result(const json_t *job);
/* A plan for people: its actions by step, notes, totals. */
void print_plan(const json_t *plan);
void print_prepare_result(const json_t *job);
void print_inspection(const json_t *inspection);
void print_disks(const json_t *disks);
void print_jobs(const json_t *jobs);
/* The whole value, indented, to standard output. */
void print_json(const json_t *value);
/* Whether there is a document already: with --json there is one, whatever happens. */
bool json_was_printed(void);
