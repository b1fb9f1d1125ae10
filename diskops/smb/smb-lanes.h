/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The connections of one SMB sink. A connection that breaks is made anew by whoever uses it next, in a
 * new process: logged in, the lock taken, the temporary file opened, the request repeated, with pauses
 * that grow from half a second to 15.
 *
 * Lane 0 holds the lock file; the others come back only while it does. So a second exporter to the same
 * target finds either the lock or the temporary file in use, and never writes between ours.
 *
 * Locks: a lane's mutex is held for one request; nobody holds two.
 */
#pragma once

#include <pthread.h>

#include "smb-conn.h"

#define SMB_LANES_MAX 16

struct smb_lane {
	pthread_mutex_t mutex;
	struct smb_conn conn;
};

struct smb_lanes {
	struct sink *sink; /* stop, breaks, the name for messages */
	struct smb_starter *starter;
	struct smb_login login; /* the password is here and nowhere else: locked memory, wiped */
	int pool_fd;
	char *partial, *lock; /* paths below the share */
	/* What a new connection does after its login. */
	atomic_bool relock, reopen;
	atomic_bool locked; /* lane 0 holds the lock */
	uint64_t length;    /* of the temporary file */
	bool deaf;	    /* a request must not end half way: the stop is not looked at */
	uint64_t answer_ms, login_ms, retry_ms;
	unsigned n;
	struct smb_lane v[SMB_LANES_MAX];
};

void smb_lanes_init(struct smb_lanes *l, struct sink *sink, unsigned n);
/* Closes the connections and wipes the login. */
void smb_lanes_done(struct smb_lanes *l);

struct smb_request smb_request(enum smb_op op, const char *path);

/* One attempt; a lane without a connection gets one. extra_ms: on top of answer_ms. */
int smb_lane_try(struct smb_lanes *l, unsigned lane, const struct smb_request *rq, int fd,
	uint64_t extra_ms, struct smb_reply *reply, struct error **err);
/* Attempts until one is answered for good, retry_ms are over, or the sink is stopped. */
int smb_lane_run(struct smb_lanes *l, unsigned lane, const struct smb_request *rq, int fd,
	uint64_t extra_ms, struct smb_reply *reply, struct error **err);
