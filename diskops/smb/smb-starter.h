/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The process that starts the processes of SMB connections. A program that gives up the right to start
 * programs (the worker, before it reads a guest's bytes) starts it before that; connections that are
 * made anew later need nothing but its socket.
 */
#pragma once

#include "errors.h"

struct smb_starter;

/* helper: a program that calls smb_writer_main() when its only argument is "smb-writer". */
int smb_starter_new(struct smb_starter **ret, const char *helper, struct error **err);
/* Connections that are still there go on: each ends with its own socket. */
void smb_starter_free(struct smb_starter *s);
DEFINE_CLEANUP(struct smb_starter *, smb_starter_free);

/* The socket of a new writer process, non-blocking; the caller closes it. From any thread. */
int smb_starter_connect(struct smb_starter *s, int *ret_fd, struct error **err);
