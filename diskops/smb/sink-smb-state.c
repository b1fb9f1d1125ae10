/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state file of an SMB sink. */
#include <string.h>
#include <sys/mman.h>

#include "io.h"
#include "mem.h"
#include "sink-smb.h"

/* Ends a state file: one that was torn by a crash lacks it. */
static const char state_end[] = "\n#end of state\n";

static int memory_file(const char *text, size_t len, struct error **err)
{
	CLEANUP_CLOSE int fd = memfd_create("ce-smb-state", MFD_CLOEXEC);
	if (fd < 0 || (text && (write_full(fd, text, len) < 0 ||
				       write_full(fd, state_end, strlen(state_end)) < 0))) {
		err_errno(err, ERR_SYSTEM, errno, "memory for the state");
		return -1;
	}
	return TAKE_FD(fd);
}

static int put_state(struct sink_smb *s, const char *text, struct error **err)
{
	size_t len = strlen(text);
	struct smb_reply reply;
	struct smb_request put = smb_request(SMB_OP_PUT, s->state_new);
	struct smb_request rename = smb_request(SMB_OP_RENAME, s->state_new);
	CLEANUP_CLOSE int fd = memory_file(text, len, err);
	if (fd < 0)
		return -1;
	put.length = len + strlen(state_end);
	strncpy(rename.path2, s->state, sizeof(rename.path2) - 1);
	if (smb_lane_run(&s->lanes, 0, &put, fd, 0, &reply, err) < 0)
		return -1;
	return smb_lane_run(&s->lanes, 0, &rename, -1, 0, &reply, err);
}

int smb_state_write(struct sink *sink, const char *text, struct error **err)
{
	struct error *why = NULL;
	if (put_state(smb_of(sink), text, &why) == 0)
		return 0;
	/* The connection broke after the server had renamed it: the repeated request found nothing. */
	if (why->errnum == ENOENT) {
		err_free(why);
		return put_state(smb_of(sink), text, err);
	}
	err_move(err, &why);
	return -1;
}

/* *ret NULL: absent, torn or no state of ours. */
static int get_state(struct sink_smb *s, const char *path, char **ret, struct error **err)
{
	struct smb_reply reply;
	struct smb_request rq = smb_request(SMB_OP_GET, path);
	struct error *why = NULL;
	size_t end_len = strlen(state_end);
	CLEANUP_CLOSE int fd = memory_file(NULL, 0, err);
	if (fd < 0)
		return -1;
	*ret = NULL;
	if (smb_lane_try(&s->lanes, 0, &rq, fd, 0, &reply, &why) < 0) {
		bool none = reply.errnum == ENOENT || reply.errnum == EFBIG;
		if (none)
			err_free(why);
		else
			err_move(err, &why);
		return none ? 0 : -1;
	}
	if (reply.value < end_len || reply.value > SMB_FILE_MAX)
		return 0;
	size_t len = (size_t)reply.value - end_len;
	CLEANUP_FREE char *text = xcalloc(1, (size_t)reply.value + 1);
	if (pread_full(fd, text, (size_t)reply.value, 0) != (ssize_t)reply.value ||
		strcmp(text + len, state_end) != 0 || strlen(text) != reply.value)
		return 0;
	text[len] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

int smb_state_read(struct sink *sink, char **ret, struct error **err)
{
	struct sink_smb *s = smb_of(sink);
	char *text = NULL;
	if (get_state(s, s->state, &text, err) < 0)
		return -1;
	/* libsmbclient replaces a file by removing it first: in between there is only the new one. */
	if (!text && get_state(s, s->state_new, &text, err) < 0)
		return -1;
	*ret = text;
	return 0;
}
