/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smb-fault.h"

#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <string.h>

#include "mem.h"

/* [MS-ERREF] 2.3.1. A login that fails because the server has only just started may be tried again. */
static const struct status_row {
	uint32_t status;
	enum err_code code;
	bool lost;
	const char *text;
} status_rows[] = {
	{0xc000006d, ERR_SHARE_LOGIN, false, "the server knows no such user and password"},
	{0xc000006a, ERR_SHARE_LOGIN, false, "the password is wrong"},
	{0xc0000064, ERR_SHARE_LOGIN, false, "the server knows no such user"},
	{0xc000006e, ERR_SHARE_LOGIN, false,
		"the account may not log in like this (empty password?)"},
	{0xc000006f, ERR_SHARE_LOGIN, false, "the account may not log in at this hour"},
	{0xc0000070, ERR_SHARE_LOGIN, false, "the account may not log in from here"},
	{0xc0000071, ERR_SHARE_LOGIN, false, "the password has expired"},
	{0xc0000072, ERR_SHARE_LOGIN, false, "the account is disabled"},
	{0xc0000193, ERR_SHARE_LOGIN, false, "the account has expired"},
	{0xc0000224, ERR_SHARE_LOGIN, false, "the password must be changed first"},
	{0xc0000234, ERR_SHARE_LOGIN, false, "the account is locked"},
	{0xc000015b, ERR_SHARE_LOGIN, false, "the account may not log in over the network"},
	{0xc0000418, ERR_SHARE_LOGIN, false, "the server refuses NTLM logins"},
	{0xc0000133, ERR_SHARE_LOGIN, false, "the clocks of server and worker differ too much"},
	{0xc000005e, ERR_SHARE_LOGIN, true, "the server reaches no domain controller"},
	{0xc0000192, ERR_SHARE_LOGIN, true, "the server's logon service does not run"},
	{0xc000018d, ERR_SHARE_LOGIN, true, "the server's trust in its domain is broken"},
	{0xc0000202, ERR_SHARE_PROTOCOL, false,
		"the login gives no key to sign with (a guest, or an account without a password)"},
	{0xc00000cc, ERR_SHARE_NOT_FOUND, false, "the server has no such share"},
	{0xc0000022, ERR_SHARE_ACCESS, false, "the server denies access"},
	{0xc00000ca, ERR_SHARE_ACCESS, false, "the server denies access from the network"},
	{0xc000007f, ERR_NO_SPACE, false, "the share is full"},
	{0xc0000044, ERR_NO_SPACE, false, "the user's quota on the share is used up"},
	{0xc0000802, ERR_NO_SPACE, false, "the user's quota on the share is used up"},
	{0xc0000427, ERR_WRITE, false, "the share's file system takes no file of that size"},
	{0xc0000043, ERR_TARGET_BUSY, false, "another program has it open"},
	{0xc00000a2, ERR_SHARE_ACCESS, false, "the share's storage is write-protected"},
	{0xc00000d0, ERR_SHARE_LOST, true, "the server asks to wait"},
	{0xc00000c9, ERR_SHARE_LOST, true, "the share was taken away"},
	{0xc0000203, ERR_SHARE_LOST, true, "the server has ended the session"},
};

static const struct errno_row {
	int errnum;
	enum err_code code;
	const char *text;
} errno_rows[] = {
	{EACCES, ERR_SHARE_ACCESS, "the server denies access"},
	{EPERM, ERR_SHARE_ACCESS, "the server denies access"},
	{EROFS, ERR_SHARE_ACCESS, "the share's storage is write-protected"},
	{ENOENT, ERR_SHARE_NOT_FOUND, "the server has no such file or folder"},
	{ENOTDIR, ERR_SHARE_NOT_FOUND, "a part of the path is no folder"},
	{ENODEV, ERR_SHARE_NOT_FOUND, "the server has no such share"},
	{EISDIR, ERR_TARGET_EXISTS, "a folder is in the way"},
	{EEXIST, ERR_TARGET_EXISTS, "something else is in the way"},
	{ENOTEMPTY, ERR_TARGET_EXISTS, "a folder is in the way"},
	{EBUSY, ERR_TARGET_BUSY, "another program has it open"},
	{ENOSPC, ERR_NO_SPACE, "the share is full"},
	{EDQUOT, ERR_NO_SPACE, "the user's quota on the share is used up"},
	{EFBIG, ERR_WRITE, "the share's file system takes no file of that size"},
	{ENAMETOOLONG, ERR_INVALID_FILE_NAME, "the path is too long for the server"},
	{ENOMEM, ERR_NO_MEMORY, "out of memory"},
};

static struct smb_fault login_fault(const struct smb_reply *reply)
{
	if (reply->stage == SMB_STAGE_RESOLVE)
		return (struct smb_fault){
			ERR_SHARE_UNREACHABLE, true, gai_strerror(reply->resolve)};
	if (reply->stage == SMB_STAGE_CONNECT)
		return (struct smb_fault){ERR_SHARE_UNREACHABLE, true, strerror(reply->errnum)};
	switch (reply->errnum) {
	case EACCES:
		return (struct smb_fault){ERR_SHARE_LOGIN, false, "the server refuses the login"};
	case ENOENT:
	case ENODEV:
		return (struct smb_fault){
			ERR_SHARE_NOT_FOUND, false, "the server has no such share"};
	case EPROTONOSUPPORT:
		return (struct smb_fault){
			ERR_SHARE_PROTOCOL, false, "the server does not encrypt the session"};
	case ENOSYS:
	case EOPNOTSUPP:
	case EINVAL:
		/* A status that the table does not have: perhaps the server is only just starting. */
		return (struct smb_fault){ERR_SHARE_PROTOCOL, reply->status != 0,
			"no session with SMB 2.1 or later and what was asked for"};
	default:
		return (struct smb_fault){ERR_SHARE_UNREACHABLE, true, strerror(reply->errnum)};
	}
}

struct smb_fault smb_fault(const struct smb_reply *reply, bool login)
{
	for (size_t i = 0; reply->status && i < ARRAY_SIZE(status_rows); i++)
		if (status_rows[i].status == reply->status)
			return (struct smb_fault){
				status_rows[i].code, status_rows[i].lost, status_rows[i].text};
	if (login)
		return login_fault(reply);
	for (size_t i = 0; i < ARRAY_SIZE(errno_rows); i++)
		if (errno_rows[i].errnum == reply->errnum)
			return (struct smb_fault){errno_rows[i].code, false, errno_rows[i].text};
	return (struct smb_fault){ERR_SHARE_LOST, true, strerror(reply->errnum)};
}

int smb_fault_set(struct error **err, const struct smb_fault *fault, const struct smb_reply *reply,
	const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	CLEANUP_FREE char *what = xvasprintf(fmt, ap);
	va_end(ap);
	if (reply->status)
		err_set(err, fault->code, "%s: %s (NTSTATUS 0x%08x)", what, fault->text,
			reply->status);
	else
		err_set(err, fault->code, "%s: %s", what, fault->text);
	(*err)->errnum = reply->errnum;
	return -1;
}
