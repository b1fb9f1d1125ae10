/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sink's end of one writer process: a call at a time, given up when it takes too long. */
#pragma once

#include "sink.h"
#include "smb-proto.h"
#include "smb-starter.h"

struct smb_conn {
	int fd; /* -1: not connected */
};

/* How long a call may take. */
struct smb_limit {
	const struct sink *sink; /* its stop ends the wait early; NULL: nothing does */
	uint64_t ms;
};

/* Anything but an answer leaves the connection closed. */
enum smb_outcome {
	SMB_ANSWERED,
	SMB_BROKEN,    /* the writer process has ended */
	SMB_TIMED_OUT, /* no answer in time */
	SMB_STOPPED,   /* sink_stopped() */
};

/* A new process, logged in; what went wrong at the server is in *reply. */
enum smb_outcome smb_conn_login(struct smb_conn *c, struct smb_starter *starter,
	const struct smb_login *login, int pool_fd, const struct smb_limit *limit,
	struct smb_reply *reply);
/* fd: for requests that go with one, else -1. */
enum smb_outcome smb_conn_call(struct smb_conn *c, const struct smb_request *rq, int fd,
	const struct smb_limit *limit, struct smb_reply *reply);
void smb_conn_close(struct smb_conn *c);
