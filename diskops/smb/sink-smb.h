/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file on an SMB share. Beside the target NAME there are, while an export runs,
 *   NAME.ce-partial  the image that is being written
 *   NAME.ce-state    what a resume needs to know
 *   NAME.ce-lock     empty; held open by lane 0 so that nobody else can open it. The server lets go of
 *                    it with the connection, so that no crash leaves a target locked.
 *   NAME.ce-old      for a moment at the commit: the image that is being replaced
 *
 * What a server acknowledges is in its memory, and libsmbclient has no call that brings it to its disk:
 * flush is not to be had. Hence sink.breaks: after a connection broke, what was written before it is
 * read back.
 */
#pragma once

#include "sink.h"
#include "smb-lanes.h"
#include "smb-url.h"

struct sink_smb {
	struct sink sink;
	struct smb_lanes lanes;
	struct smb_url url;
	struct op *op;
	const struct pool *pool;
	char *target, *state, *state_new, *old; /* paths below the share; partial, lock: in lanes */
	bool overwrite, begun, committed;
	bool patient;			  /* smb_ask() waits for a share that is lost */
	atomic_uint_least64_t written_to; /* the highest offset */
};

static inline struct sink_smb *smb_of(struct sink *s)
{
	return (struct sink_smb *)s;
}

/* A request on lane 0. */
int smb_ask(struct sink_smb *s, enum smb_op op, const char *path, struct smb_reply *reply,
	struct error **err);
int smb_ask_rename(struct sink_smb *s, const char *from, const char *to, struct error **err);
/* 1: it is there, *reply filled. 0: it is not. */
int smb_look_up(struct sink_smb *s, const char *path, struct smb_reply *reply, struct error **err);
/* Whether or not it is there. */
void smb_remove_state(struct sink_smb *s);

/* sink-smb-state.c, sink-smb-commit.c: of struct sink_ops */
int smb_state_read(struct sink *sink, char **ret, struct error **err);
int smb_state_write(struct sink *sink, const char *text, struct error **err);
int smb_commit(struct sink *sink, struct error **err);
