/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "smb://host[:port]/share[/folder…]/name". A host is a name, an IPv4 address or an IPv6 address in
 * brackets. Share, folders and name are percent-decoded; a '%' that no two hexadecimal digits follow
 * stands for itself, and so does every other character: people paste paths with spaces and umlauts.
 */
#pragma once

#include <stdint.h>

#include "errors.h"

#define SMB_URL_PORT 445

struct smb_url {
	char *host;    /* without brackets */
	uint16_t port; /* SMB_URL_PORT where the URL names none */
	char *share;
	char *folder; /* below the share, '/' between its parts, none at the ends; "" for the root */
	char *name;   /* of the file; NULL: a folder's URL */
};

/*
 * ERR_INVALID_ARGUMENT or ERR_INVALID_FILE_NAME says what is wrong. A user name in the URL is refused
 * without being repeated: it may have a password beside it.
 */
int smb_url_parse(const char *text, struct smb_url *ret, struct error **err);
/* The same for "smb://host[:port]/share[/folder…]". */
int smb_url_parse_folder(const char *text, struct smb_url *ret, struct error **err);
void smb_url_done(struct smb_url *url);

bool smb_url_is(const char *text); /* begins with "smb://", in any case */
/* location "/" name, the name encoded so that parsing gives it back. The caller frees. */
char *smb_url_append(const char *location, const char *name);
