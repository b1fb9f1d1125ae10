/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where an image is written: a local file or a file on an SMB share. The file is written under a
 * temporary name beside its final one and renamed when it is complete; under the final name there is
 * never anything but a complete image.
 *
 *   sink_open      checks: the place exists, may be written, has room; the target's presence
 *   sink_begin     creates the temporary file, or goes on with the one that a resume continues
 *   sink_pwrite    any number, from several threads: one lane a thread
 *   sink_commit    everything to stable storage as far as the transport can, rename
 *   sink_close     without a commit: the temporary file and the state stay where keep says so
 *
 * Threads: pwrite and pread are called from several threads at once, never two of them in one lane.
 * All other calls come from the one thread that opened the sink; state_read, state_write and flush
 * may run while lanes are writing.
 */
#pragma once

#include "filename.h"
#include "op.h"
#include "pool.h"
#include "smb-starter.h"

struct sink;

struct sink_options {
	/* Local: a path. SMB: "smb://host[:port]/share[/folder…]/name". */
	const char *target;
	const char *user, *domain, *password; /* SMB; NULL: anonymous */
	bool overwrite; /* an existing target is replaced, at commit and not before */
	bool encrypt;	/* SMB: refuse a server that cannot encrypt (signing is always asked for) */
	unsigned lanes; /* SMB: connections; 0: the default */
	struct smb_starter *smb_starter; /* SMB: starts the connections; outlives the sink */
	unsigned retry_seconds;	 /* SMB: how long a share that is lost is waited for; 0: 300 */
	unsigned answer_seconds; /* SMB: how long a server may take to answer; 0: 60 */
	const struct pool *pool; /* pwrite's and pread's buffers lie in it; local files: any */
	uint64_t need_bytes; /* to be written at most: compared with the free space; 0: no check */
};

struct sink_ops {
	const char *name;
	/*
	 * length: of the complete file. resume: the temporary file that was found is continued, its
	 * bytes stay; else it is made anew, empty. What is never written reads as zero.
	 */
	int (*begin)(
		struct sink *s, uint64_t length, bool resume, struct op *op, struct error **err);
	/*
	 * Blocks until the bytes are accepted by the kernel or acknowledged by the server; transient
	 * failures are retried inside, with back-off, until sink_stopped().
	 */
	int (*pwrite)(struct sink *s, unsigned lane, const void *buf, size_t len, uint64_t offset,
		struct error **err);
	/* Of the temporary file; what lies past its present end reads as zero. A resume verifies
	 * with it. */
	int (*pread)(struct sink *s, unsigned lane, void *buf, size_t len, uint64_t offset,
		struct error **err);
	/* The small state file beside the temporary one: replaced whole; absent: *ret NULL. */
	int (*state_read)(struct sink *s, char **ret, struct error **err);
	int (*state_write)(struct sink *s, const char *text, struct error **err);
	/* What pwrite has returned from, to stable storage as far as the transport can; NULL: it
	 * cannot. */
	int (*flush)(struct sink *s, struct error **err);
	/* Also removes the state. ERR_TARGET_EXISTS where the target has come up meanwhile. */
	int (*commit)(struct sink *s, struct error **err);
	/*
	 * Frees s itself (not its base's members). keep: leave the temporary file and the state for
	 * a resume; else remove both, where begin has made or taken them over. After a commit there
	 * is nothing to remove.
	 */
	void (*close)(struct sink *s, bool keep);
};

struct sink {
	const struct sink_ops *ops;
	char *target;		/* for messages: never with credentials; owned */
	unsigned lanes;		/* at least 1 */
	uint32_t min_hole;	/* bytes: shorter runs of zeros are written rather than left out */
	uint64_t partial_size;	/* of a temporary file that was there at open; 0: none */
	const atomic_int *stop; /* of the op the sink was opened with; may be NULL */
	atomic_bool abandon;	/* set by the user when another part has failed: lanes give up */
	/*
	 * SMB: how often a connection broke. A server that crashed has forgotten what it acknowledged
	 * and had not yet written. Before the commit, the user reads back (pread) what it wrote before
	 * the last break, writes again what differs, and sets trusted to the breaks it has covered (read
	 * before it begins to). A commit fails with ERR_SHARE_LOST while the two differ, and may then
	 * be tried again after another such round.
	 */
	atomic_uint breaks;
	unsigned trusted;
	/* private to sink.c */
	uint64_t length;
	bool begun, committed, has_state;
};

/* Whether a wait or a retry ends now: long ones look at it several times a second. */
static inline enum op_stop sink_stopped(const struct sink *s)
{
	int stop = s->stop ? atomic_load_explicit(s->stop, memory_order_relaxed) : OP_RUN;
	if (stop == OP_RUN && atomic_load_explicit(&s->abandon, memory_order_relaxed))
		stop = OP_STOP_CANCEL;
	return (enum op_stop)stop;
}

/* Picks the kind by the target's form. Nothing is written. */
int sink_open(struct sink **ret, const struct sink_options *o, struct op *op, struct error **err);
/* A temporary file without a state is of no use: it is removed, keep or not. */
void sink_close(struct sink *s, bool keep);
static inline void sink_discard(struct sink *s)
{
	sink_close(s, false);
}
DEFINE_CLEANUP(struct sink *, sink_discard);

int sink_begin(struct sink *s, uint64_t length, bool resume, struct op *op, struct error **err);
int sink_pwrite(struct sink *s, unsigned lane, const void *buf, size_t len, uint64_t offset,
	struct error **err);
int sink_pread(
	struct sink *s, unsigned lane, void *buf, size_t len, uint64_t offset, struct error **err);
int sink_state_read(struct sink *s, char **ret, struct error **err);
int sink_state_write(struct sink *s, const char *text, struct error **err);
int sink_flush(struct sink *s, struct error **err);
int sink_commit(struct sink *s, struct error **err);

/* Kinds. */
int sink_file_open(
	struct sink **ret, const struct sink_options *o, struct op *op, struct error **err);
int sink_smb_open(
	struct sink **ret, const struct sink_options *o, struct op *op, struct error **err);

/* A file name for the target that Windows and every sink accept. */
static inline int sink_check_name(const char *name, struct error **err)
{
	return file_name_check(name, err);
}

/*
 * The temporary file's and the state file's names for a target: "NAME.ce-partial", "NAME.ce-state", in
 * the same folder (whatever precedes the last '/' stays as it is). A name too long for a suffix is
 * shortened and told apart by its digest. The caller frees.
 */
char *sink_partial_name(const char *target);
char *sink_state_name(const char *target);
