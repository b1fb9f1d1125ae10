/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A real smbd (tests/lib/smbd.sh) for SMB tests, shared by the cases of one program, and a sink on it.
 * What arrives is looked at in the folder that smbd serves, past every line of our own.
 */
#pragma once

#include "sink.h"

#define SMB_BUF	     ((size_t)1 << 20)
#define SMB_BUFS     8
#define SMB_USER     "exporter"
#define SMB_PASSWORD "Secret-1"

/*
 * Skips the case where no smbd can be started here. name: of the server, a folder; options as for
 * smbd_start. A server that runs already is taken as it is.
 */
void smb_server(const char *name, const char *options);
/* smbd.sh VERB on that server. */
void smb_server_do(const char *name, const char *verb);
void smb_server_set_password(const char *name, const char *password);
unsigned smb_server_port(const char *name);
/* The path of a file in the served folder; static buffer. */
const char *smb_served(const char *name, const char *file);

/* What every sink of a case needs; the options may be changed before smb_open(). */
struct smb_case {
	struct op op;
	atomic_int stop;
	struct pool pool;
	struct smb_starter *starter;
	struct sink_options o;
	char target[512];
};

/* Share "images", the test's user, file NAME, short patience. */
void smb_case_init(struct smb_case *c, const char *server, const char *file);
void smb_case_done(struct smb_case *c);
void smb_case_target(
	struct smb_case *c, const char *server, const char *share, const char *path_encoded);

/* Block i of a content that has no two equal blocks. */
void smb_fill(void *buf, unsigned block);
/* Writes block i through buffer of the lane. */
int smb_write_block(
	struct smb_case *c, struct sink *s, unsigned lane, unsigned block, struct error **err);
/* Whether the served file is exactly blocks 0 to n - 1 (cmp). */
void smb_check_blocks(const char *server, const char *file, unsigned n);
/* The number of files in the served folder. */
unsigned smb_count_files(const char *server);
