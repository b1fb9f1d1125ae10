/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a writer process does at its server: one connection to one share, two open files. */
#pragma once

#include <stddef.h>

#include "smb-proto.h"

struct smb_session;

/*
 * Fills *reply; *ret only where reply->errnum is 0. A session lives until the process ends, and is the
 * only one there.
 */
void smb_session_login(
	const struct smb_login *login, struct smb_session **ret, struct smb_reply *reply);

/*
 * Does what a request asks for and fills *reply. buf: length bytes of WRITE and READ; fd: of PUT and
 * GET. The request has been checked: op, string ends, ranges.
 */
void smb_session_run(struct smb_session *s, const struct smb_request *rq, void *buf, int fd,
	struct smb_reply *reply);
