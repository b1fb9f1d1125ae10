/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a server's or a network's refusal means: one table of NTSTATUS and errno. */
#pragma once

#include "errors.h"
#include "smb-proto.h"

struct smb_fault {
	enum err_code code;
	bool lost; /* another attempt, on a new connection, may succeed */
	const char *text;
};

/* reply->errnum is not 0. login: the reply to a login; else to a request. */
struct smb_fault smb_fault(const struct smb_reply *reply, bool login);
/* Sets the error: "WHAT: text (errno or NTSTATUS)". Returns -1. */
int smb_fault_set(struct error **err, const struct smb_fault *fault, const struct smb_reply *reply,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
