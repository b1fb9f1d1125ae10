/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What ce-agentd (or `cectl local`) and ce-worker say to each other. docs/design/worker-protocol.md.
 *
 * The parent starts `ce-worker VERB` (VERB: "export", "prepare", "recover", "inspect", "hash",
 * "check", "unpack", "list"), writes one JSON object to
 * its standard input and closes it; credentials travel nowhere else. The worker answers with one JSON
 * object a line on standard output; standard error is its log. Exit status: 0 done, 1 failed, 2 usage,
 * 3 refused before any write, 4 canceled. SIGTERM cancels, SIGUSR1 ends with `timeout`.
 *
 * Input:
 *   {"disk": {"path": "/dev/sdb"} or {"fd": 3, "name": "sdb"},
 *    "dryRun": false,
 *    "local": false,              no agent has read the request: outputFile is allowed, and warnings
 *                                 about the request are the worker's to tell
 *    "mapped": false,             hash: through the allocation map
 *    "request": {…},              the public body: export-request.h, prepare-request.h
 *    "packs": ["/…"],             prepare: the folders of the packs that the request names
 *    "folder": "/…",              unpack: what an archive, given as the disk, is unpacked to
 *    "seed": "…",                 export: the image's ids are derived from it, not by chance
 *    "date": 1700000000,          export: of the image, instead of now
 *    "journal": "/…",             prepare, recover: the journal's file, or
 *    "journalFolder": "/…"}       its folder; its name is then the disk's own
 *
 * Output lines ("event" first):
 *   {"event":"step","step":"copy","total":N,"percent":P}
 *   {"event":"progress","step":"copy","percent":P,"done":N,"total":N,
 *    "bytesPerSecond":N|null,"etaSeconds":N|null}
 *   {"event":"warning","code":"ntfs-dirty","message":"…","step":"map"}
 *   {"event":"note","message":"…"}
 *   {"event":"plan","plan":{…}}       dry run, and before a real run begins to write
 *   {"event":"result","result":{…}}   last line of a success
 *   {"event":"error","error":{code,message,detail,step,hint},"wrote":bool}   last line of a failure
 */
#pragma once

#include <jansson.h>

#include "op.h"

enum worker_event_kind {
	WORKER_STEP,
	WORKER_PROGRESS,
	WORKER_WARNING,
	WORKER_NOTE,
	WORKER_PLAN,
	WORKER_RESULT,
	WORKER_ERROR,
};

/* Lines longer than this end the job: a worker that was taken over must not fill the agent. */
#define WORKER_LINE_MAX (1u << 20)

struct worker_event {
	enum worker_event_kind kind;
	char *step, *code, *message; /* NULL where absent */
	double percent;
	uint64_t done, total, bytes_per_second;
	int64_t eta_seconds;
	json_t *body;	     /* plan, result */
	struct error *error; /* WORKER_ERROR */
	bool wrote;
};

/* One line as the parent reads it; ERR_INTERNAL where it is not of the form above. */
int worker_event_parse(const char *line, size_t len, struct worker_event *ret, struct error **err);
void worker_event_done(struct worker_event *ev);

/* The worker's side: writes a line to standard output. */
void worker_emit_op(const struct op_event *ev);			  /* an op_report_fn's work */
void worker_emit_body(enum worker_event_kind kind, json_t *body); /* takes body over */
void worker_emit_error(const struct error *error, bool wrote);
