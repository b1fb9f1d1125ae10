/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smb-conn.h"

#include <poll.h>

#include "smb-packet.h"

/* How often a wait looks whether it is to stop. */
#define LOOK_MS 100
/* What is on its way may still arrive: ending the process in the middle of it is the last resort. */
#define STOP_GRACE_MS 500

void smb_conn_close(struct smb_conn *c)
{
	cleanup_close(&c->fd);
	c->fd = -1;
}

static enum smb_outcome give_up(struct smb_conn *c, enum smb_outcome outcome)
{
	smb_conn_close(c);
	return outcome;
}

static enum smb_outcome wait_for(
	struct smb_conn *c, const struct smb_limit *limit, struct smb_reply *reply)
{
	int64_t end = op_now_us() + (int64_t)limit->ms * 1000, stop_end = INT64_MAX;
	struct pollfd pfd = {.fd = c->fd, .events = POLLIN};
	int unused = -1;
	while (poll(&pfd, 1, LOOK_MS) <= 0) {
		int64_t now = op_now_us();
		if (stop_end == INT64_MAX && limit->sink && sink_stopped(limit->sink))
			stop_end = now + STOP_GRACE_MS * 1000;
		if (now >= stop_end)
			return give_up(c, SMB_STOPPED);
		if (now >= end)
			return give_up(c, SMB_TIMED_OUT);
	}
	if (smb_packet_receive(c->fd, reply, sizeof(*reply), &unused) <= 0)
		return give_up(c, SMB_BROKEN);
	cleanup_close(&unused);
	return SMB_ANSWERED;
}

enum smb_outcome smb_conn_login(struct smb_conn *c, struct smb_starter *starter,
	const struct smb_login *login, int pool_fd, const struct smb_limit *limit,
	struct smb_reply *reply)
{
	CLEANUP_ERR struct error *err = NULL;
	smb_conn_close(c);
	if (smb_starter_connect(starter, &c->fd, &err) < 0)
		return SMB_BROKEN;
	if (smb_packet_send(c->fd, login, sizeof(*login), pool_fd) < 0)
		return give_up(c, SMB_BROKEN);
	enum smb_outcome outcome = wait_for(c, limit, reply);
	if (outcome == SMB_ANSWERED && reply->errnum)
		smb_conn_close(c);
	return outcome;
}

enum smb_outcome smb_conn_call(struct smb_conn *c, const struct smb_request *rq, int fd,
	const struct smb_limit *limit, struct smb_reply *reply)
{
	if (c->fd < 0)
		return SMB_BROKEN;
	/* One message is under way at most: it fits, or the process is gone. */
	if (smb_packet_send(c->fd, rq, sizeof(*rq), fd) < 0)
		return give_up(c, SMB_BROKEN);
	return wait_for(c, limit, reply);
}
