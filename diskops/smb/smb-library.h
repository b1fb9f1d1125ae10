/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libsmbclient as this project uses it: its configuration, a login, names, and what it tells nowhere but
 * in its log. It is not thread-safe, not even with a context a thread: one login a process, used by one
 * thread.
 */
#pragma once

#include <stdbool.h>
#include <sys/time.h>

#include <samba-4.0/libsmbclient.h>

#include "smb-proto.h"

/* Three bytes for one, of host, share and path. */
#define SMB_LIBRARY_URL_MAX (3 * (2 * SMB_TEXT_MAX + SMB_PATH_MAX) + 16)

/* Sets the library up: its files are made and read here, so that it needs none later. 0; or -1 and errno. */
int smb_library_init(void);
/* NULL where it fails; *reply says why. The library is given our configuration, never the host's. */
SMBCCTX *smb_library_login(const struct smb_login *login, struct smb_reply *reply);
/* The URL that the library wants for a path below the share; static, good until the next call. */
const char *smb_library_url(const char *path);
/* While it is on, smb_library_fail() knows the NTSTATUS too; it costs time, so not while data flows. */
void smb_library_watch(bool on);
/* What has just failed, as errno and the log tell it. */
void smb_library_fail(struct smb_reply *reply);
