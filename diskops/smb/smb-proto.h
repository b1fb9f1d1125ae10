/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an SMB sink and its writer processes say to each other, over SOCK_SEQPACKET sockets: a message
 * is one packet that holds exactly one of the structures below. Same machine, same program: the
 * machine's own integers.
 *
 *   to the starter      one byte and a socket: a new process serves that socket from now on
 *   to a writer, first  struct smb_login and the pool's descriptor; answered by a reply
 *   to a writer, then   struct smb_request, for some with a descriptor; each answered by a reply
 *
 * A writer ends when the other end of its socket is closed, whatever it is doing: that is how a stuck
 * one is got rid of.
 */
#pragma once

#include <stdint.h>

#define SMB_TEXT_MAX 256  /* bytes, with the NUL: what libsmbclient takes of a user or a password */
#define SMB_PATH_MAX 2048 /* bytes, with the NUL */
#define SMB_FILE_MAX (UINT64_C(64) << 20) /* of a file sent whole */
/* The starter's socket, by number, in the program that it is. */
#define SMB_STARTER_FD 3

/* Strings are NUL-terminated. user empty: anonymous. */
struct smb_login {
	char host[SMB_TEXT_MAX], share[SMB_TEXT_MAX];
	char user[SMB_TEXT_MAX], domain[SMB_TEXT_MAX], password[SMB_TEXT_MAX];
	uint64_t pool_size; /* bytes; 0: no pool */
	uint16_t port;
	uint8_t encrypt; /* 1: required */
};

/* A writer holds at most two files open: the data file and the lock file. */
enum smb_op {
	SMB_OP_STAT,	 /* path; value: size, kind */
	SMB_OP_SPACE,	 /* path of a folder; value: free bytes, UINT64_MAX: unknown */
	SMB_OP_OPEN,	 /* path, flags: the data file */
	SMB_OP_CLOSE,	 /* the data file, if open */
	SMB_OP_LOCK,	 /* path: creates it and keeps everybody else from opening it */
	SMB_OP_UNLOCK,	 /* path: closes it and removes it */
	SMB_OP_TRUNCATE, /* length: of the data file */
	SMB_OP_WRITE,	 /* length bytes of the pool from pool_offset, to offset of the data file */
	SMB_OP_READ,	 /* the reverse; value: bytes read, short only at the end of the file */
	SMB_OP_PUT,	 /* path, length, a descriptor: the whole file's content, from memory */
	SMB_OP_GET,	 /* path, a descriptor: the reverse; value: its size */
	SMB_OP_RENAME,	 /* path to path2, which it replaces */
	SMB_OP_UNLINK,	 /* path */
	_SMB_OP_MAX
};

enum {
	SMB_OPEN_CREATE = 1,	/* else it must be there */
	SMB_OPEN_TRUNCATE = 2,	/* empties it */
	SMB_OPEN_EXCLUSIVE = 4, /* fails with EBUSY where anybody has it open */
};

/* Paths are below the share, '/' between their parts. */
struct smb_request {
	uint32_t op;
	uint32_t flags;
	uint64_t offset, pool_offset, length;
	char path[SMB_PATH_MAX], path2[SMB_PATH_MAX];
};

enum smb_kind { SMB_KIND_FILE, SMB_KIND_FOLDER };

/* How far a login got. */
enum smb_stage { SMB_STAGE_RESOLVE, SMB_STAGE_CONNECT, SMB_STAGE_LOGIN };

struct smb_reply {
	int32_t errnum;	 /* 0: done */
	uint32_t status; /* NTSTATUS behind errnum where it is known, else 0 */
	uint32_t stage;	 /* of a login that failed */
	int32_t resolve; /* SMB_STAGE_RESOLVE: getaddrinfo()'s code */
	uint32_t kind;
	uint32_t pad;
	uint64_t value;
};
