/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where an image is written: a local file or a file on an SMB share. The file is written under a
 * temporary name beside its final one and renamed when it is complete; under the final name there is
 * never anything but a complete image.
 *
 *   sink_open      checks: the place exists, may be written, has room; the target's presence
 *   sink_begin     creates the temporary file, or finds one that a resume continues
 *   sink_pwrite    any number, from several threads: one lane a thread
 *   sink_commit    everything to stable storage as far as the transport can, rename
 *   sink_close     without a commit: the temporary file and the state stay where keep says so
 */
#pragma once

#include "filename.h"
#include "op.h"
#include "pool.h"

struct sink;

struct sink_options {
	/* Local: a path. SMB: "smb://host[:port]/share[/folder…]/name". */
	const char *target;
	const char *user, *domain, *password; /* SMB; NULL: anonymous */
	bool overwrite; /* an existing target is replaced, at commit and not before */
	bool encrypt;	/* SMB: refuse a server that cannot encrypt (signing is always asked for) */
	unsigned lanes; /* SMB: connections; 0: the default */
	const char *smb_helper;	 /* SMB: the program that becomes a connection ("ce-worker") */
	const struct pool *pool; /* sink_pwrite's buffers lie in it; may be NULL for local files */
	uint64_t need_bytes; /* to be written at most: compared with the free space; 0: no check */
};

struct sink_ops {
	const char *name;
	/* resume_len: size of a temporary file that is there already, else 0. */
	int (*begin)(
		struct sink *s, uint64_t length, bool resume, struct op *op, struct error **err);
	/* Blocks until the bytes are accepted by the kernel or acknowledged by the server; transient
	 * failures are retried inside, with back-off, until stop says otherwise. */
	int (*pwrite)(struct sink *s, unsigned lane, const void *buf, size_t len, uint64_t offset,
		struct error **err);
	int (*pread)(struct sink *s, unsigned lane, void *buf, size_t len, uint64_t offset,
		struct error **err); /* of the temporary file: a resume verifies with it */
	/* The small state file beside the temporary one: replaced whole; absent: *ret NULL. */
	int (*state_read)(struct sink *s, char **ret, struct error **err);
	int (*state_write)(struct sink *s, const char *text, struct error **err);
	int (*flush)(struct sink *s, struct error **err);
	int (*commit)(struct sink *s, struct error **err);
	/* keep: leave the temporary file and the state for a resume; else remove both. */
	void (*close)(struct sink *s, bool keep);
};

struct sink {
	const struct sink_ops *ops;
	char *target; /* for messages: never with credentials */
	unsigned lanes;
	uint64_t partial_size;	/* of a temporary file that was there at open; 0: none */
	const atomic_int *stop; /* as in struct op: long waits and retries look at it */
};

/* Picks the kind by the target's form. Nothing is written. */
int sink_open(struct sink **ret, const struct sink_options *o, struct op *op, struct error **err);
void sink_close(struct sink *s, bool keep);

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
