/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commit of an SMB sink. An old image is out of the way only for the moment between two renames;
 * whatever goes wrong, its place has either the old image or the whole new one, or the error says where
 * the old one is.
 */
#include <inttypes.h>

#include "sink-smb.h"

/* How long a share that is lost in the middle is waited for, to undo what was begun. */
#define UNDO_MS 60000

/* What has been asked of the server; whether it did it may be unknown. */
enum progress { NOTHING, MOVED_OLD, MOVED_NEW };

static int lost_while_committing(struct sink_smb *s, struct error **err)
{
	return err_set(err, ERR_SHARE_LOST,
		"\"%s\": a connection broke after the last check of what was written",
		s->sink.target);
}

static bool broken_since(const struct sink_smb *s)
{
	return atomic_load(&s->sink.breaks) != s->sink.trusted;
}

/*
 * A server that reports a failed write late does so when the file is closed. A connection that turns
 * out to be gone is one more break: what it had been told is in doubt.
 */
static int close_handles(struct sink_smb *s, struct error **err)
{
	struct smb_reply reply;
	struct smb_request rq = smb_request(SMB_OP_CLOSE, s->lanes.partial);
	for (unsigned i = 0; i < s->lanes.n; i++)
		if ((i == 0 || s->lanes.v[i].conn.fd >= 0) &&
			smb_lane_run(&s->lanes, i, &rq, -1, 0, &reply, err) < 0)
			return -1;
	return broken_since(s) ? lost_while_committing(s, err) : 0;
}

/* For whoever verifies and commits again. */
static void open_handles(struct sink_smb *s)
{
	struct smb_reply reply;
	struct error *ignored CLEANUP_ERR = NULL; /* the next request finds out */
	for (unsigned i = 1; i < s->lanes.n; i++)
		smb_conn_close(&s->lanes.v[i].conn);
	smb_ask(s, SMB_OP_OPEN, s->lanes.partial, &reply, &ignored);
}

static int check_length(struct sink_smb *s, struct error **err)
{
	struct smb_reply reply;
	if (smb_ask(s, SMB_OP_STAT, s->lanes.partial, &reply, err) < 0)
		return -1;
	if (reply.value != s->lanes.length)
		return err_set(err, ERR_CHECK_FAILED,
			"\"%s\": the file on the share has %" PRIu64 " bytes (%" PRIu64
			" expected)",
			s->sink.target, reply.value, s->lanes.length);
	return 0;
}

/*
 * libsmbclient's rename removes what it replaces first. The old image must not be gone before the new
 * one is there: it is moved aside.
 */
static int move_old_aside(struct sink_smb *s, enum progress *at, struct error **err)
{
	struct smb_reply reply;
	int there = smb_look_up(s, s->target, &reply, err);
	if (there <= 0)
		return there;
	if (!s->overwrite || reply.kind == SMB_KIND_FOLDER)
		return err_set(err, ERR_TARGET_EXISTS,
			"target \"%s\" has come up while the image was written", s->sink.target);
	*at = MOVED_OLD;
	return smb_ask_rename(s, s->target, s->old, err);
}

static int put_in_place(struct sink_smb *s, bool *moved_old, enum progress *at, struct error **err)
{
	if (check_length(s, err) < 0 || move_old_aside(s, at, err) < 0)
		return -1;
	*moved_old = *at == MOVED_OLD;
	*at = MOVED_NEW;
	if (smb_ask_rename(s, s->lanes.partial, s->target, err) < 0)
		return -1;
	return broken_since(s) ? lost_while_committing(s, err) : 0;
}

/* Back to where only the temporary file is ours. Decided by what is there: a reply may be missing. */
static int undo(struct sink_smb *s, enum progress at, struct error **err)
{
	struct smb_reply reply;
	if (at == MOVED_NEW) {
		int partial = smb_look_up(s, s->lanes.partial, &reply, err);
		if (partial < 0 ||
			(!partial && smb_ask_rename(s, s->target, s->lanes.partial, err) < 0))
			return -1;
	}
	int target = smb_look_up(s, s->target, &reply, err);
	int old = target == 0 ? smb_look_up(s, s->old, &reply, err) : 0;
	if (target < 0 || old < 0)
		return -1;
	return old ? smb_ask_rename(s, s->old, s->target, err) : 0;
}

static void undo_or_tell(struct sink_smb *s, bool moved_old, enum progress at, struct error **err)
{
	CLEANUP_ERR struct error *why = NULL;
	uint64_t retry_ms = s->lanes.retry_ms;
	if (at == NOTHING)
		return;
	s->lanes.retry_ms = retry_ms < UNDO_MS ? retry_ms : UNDO_MS;
	s->patient = true;
	if (undo(s, at, &why) < 0) {
		err_detail(err, "what had been done could not be undone: %s", why->message);
		if (moved_old)
			err_hint(err, "the image that was there before may be \"%s\" now", s->old);
	}
	s->patient = false;
	s->lanes.retry_ms = retry_ms;
}

static void remove_leftovers(struct sink_smb *s, bool moved_old)
{
	struct smb_reply reply;
	CLEANUP_ERR struct error *old_err = NULL, *lock_err = NULL;
	if (moved_old && smb_ask(s, SMB_OP_UNLINK, s->old, &reply, &old_err) < 0)
		op_warn(s->op, "old-image-left", "the replaced image is left as \"%s\": %s", s->old,
			old_err->message);
	smb_remove_state(s);
	smb_ask(s, SMB_OP_UNLOCK, s->lanes.lock, &reply, &lock_err);
}

int smb_commit(struct sink *sink, struct error **err)
{
	struct sink_smb *s = smb_of(sink);
	bool moved_old = false;
	enum progress at = NOTHING;
	if (close_handles(s, err) < 0) {
		open_handles(s);
		return -1;
	}
	/* From here to the end nothing is left half done because somebody asks to stop. */
	s->lanes.deaf = true;
	atomic_store(&s->lanes.reopen, false);
	int rc = put_in_place(s, &moved_old, &at, err);
	if (rc == 0) {
		s->committed = true;
		remove_leftovers(s, moved_old);
	} else {
		undo_or_tell(s, moved_old, at, err);
		atomic_store(&s->lanes.reopen, true);
		open_handles(s);
	}
	s->lanes.deaf = false;
	return rc;
}
