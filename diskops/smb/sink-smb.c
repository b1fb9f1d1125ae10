/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink-smb.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "checked.h"
#include "mem.h"

/* Two kept a server on the same two cores busiest: 1, 2 and 4 gave 480, 780 and 650 MiB/s. */
#define LANES_DEFAULT  2
#define RETRY_SECONDS  300
#define ANSWER_SECONDS 60
#define LOGIN_SECONDS  45
/* For leaving nothing behind once the job has failed. */
#define CLEANUP_MS 5000
/* A target that was just let go of: its last owner's connection is still being closed. */
#define BUSY_GRACE_MS 2000
#define BUSY_LOOK_MS  100
/* A server without sparse files writes zeros where a write or a length leaves a gap. */
#define ZEROS_PER_MS (20 * MiB / 1000)
/* A request costs about as much as this many bytes. */
#define MIN_HOLE (1 * MiB)

/* ---- requests on lane 0 ---- */

static int ask(struct sink_smb *s, const struct smb_request *rq, uint64_t extra_ms,
	struct smb_reply *reply, struct error **err)
{
	return (s->patient ? smb_lane_run : smb_lane_try)(
		&s->lanes, 0, rq, -1, extra_ms, reply, err);
}

int smb_ask(struct sink_smb *s, enum smb_op op, const char *path, struct smb_reply *reply,
	struct error **err)
{
	struct smb_request rq = smb_request(op, path);
	return ask(s, &rq, 0, reply, err);
}

int smb_ask_rename(struct sink_smb *s, const char *from, const char *to, struct error **err)
{
	struct smb_reply reply;
	struct smb_request rq = smb_request(SMB_OP_RENAME, from);
	strncpy(rq.path2, to, sizeof(rq.path2) - 1);
	return ask(s, &rq, 0, &reply, err);
}

int smb_look_up(struct sink_smb *s, const char *path, struct smb_reply *reply, struct error **err)
{
	struct error *why = NULL;
	if (smb_ask(s, SMB_OP_STAT, path, reply, &why) == 0)
		return 1;
	if (reply->errnum == ENOENT) {
		err_free(why);
		return 0;
	}
	err_move(err, &why);
	return -1;
}

/* Repeats a request while what it is about is still in use. */
static int ask_while_busy(struct sink_smb *s, const struct smb_request *rq, struct smb_reply *reply,
	struct error **err)
{
	int64_t end = op_now_us() + BUSY_GRACE_MS * 1000;
	for (;;) {
		struct error *why = NULL;
		if (ask(s, rq, 0, reply, &why) == 0)
			return 0;
		if (why->code != ERR_TARGET_BUSY || op_now_us() > end ||
			(!s->lanes.deaf && sink_stopped(&s->sink))) {
			err_move(err, &why);
			return -1;
		}
		err_free(why);
		usleep(BUSY_LOOK_MS * 1000);
	}
}

void smb_remove_state(struct sink_smb *s)
{
	const char *const paths[] = {s->state, s->state_new};
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct smb_reply reply;
		CLEANUP_ERR struct error *ignored = NULL; /* most often it is not there */
		smb_ask(s, SMB_OP_UNLINK, paths[i], &reply, &ignored);
	}
}

/* ---- opening: everything that can be found out before anything is written ---- */

static int copy_text(char *to, const char *from, const char *what, struct error **err)
{
	size_t n = from ? strlen(from) : 0;
	if (n >= SMB_TEXT_MAX)
		return err_set(err, ERR_INVALID_ARGUMENT,
			"the %s has %zu bytes (at most %d expected)", what, n, SMB_TEXT_MAX - 1);
	memcpy(to, from ? from : "", n + 1);
	return 0;
}

static int fill_login(struct smb_login *l, const struct sink_options *o, const struct smb_url *url,
	struct error **err)
{
	l->port = url->port;
	l->encrypt = o->encrypt;
	l->pool_size = o->pool ? (uint64_t)o->pool->n * o->pool->buf_size : 0;
	if (o->password && *o->password && !(o->user && *o->user))
		return err_set(err, ERR_INVALID_ARGUMENT, "there is a password without a user");
	return copy_text(l->host, url->host, "host's name", err) < 0 ||
			       copy_text(l->share, url->share, "share's name", err) < 0 ||
			       copy_text(l->user, o->user, "user's name", err) < 0 ||
			       copy_text(l->domain, o->domain, "domain's name", err) < 0 ||
			       copy_text(l->password, o->password, "password", err) < 0
		       ? -1
		       : 0;
}

static char *with_suffix(const char *partial, const char *suffix)
{
	const char *dot = strrchr(partial, '.');
	return xasprintf("%.*s%s", (int)(dot - partial), partial, suffix);
}

static int make_paths(struct sink_smb *s, struct error **err)
{
	const struct smb_url *u = &s->url;
	s->target = *u->folder ? xasprintf("%s/%s", u->folder, u->name) : xstrdup(u->name);
	s->lanes.partial = sink_partial_name(s->target);
	s->lanes.lock = with_suffix(s->lanes.partial, ".ce-lock");
	s->old = with_suffix(s->lanes.partial, ".ce-old");
	s->state = sink_state_name(s->target);
	s->state_new = xasprintf("%s.new", s->state);
	if (strlen(s->target) + 32 > SMB_PATH_MAX)
		return err_set(err, ERR_INVALID_FILE_NAME, "the path below the share is too long");
	return 0;
}

static int check_target(struct sink_smb *s, struct error **err)
{
	struct smb_reply reply;
	int there = smb_look_up(s, s->target, &reply, err);
	if (there <= 0)
		return there;
	if (reply.kind == SMB_KIND_FOLDER)
		return err_set(err, ERR_INVALID_ARGUMENT,
			"target \"%s\" is a folder (a file expected)", s->sink.target);
	if (!s->overwrite)
		return err_set(err, ERR_TARGET_EXISTS, "target \"%s\" exists", s->sink.target);
	return 0;
}

static int check_folder(struct sink_smb *s, struct error **err)
{
	struct smb_reply reply;
	int there = smb_look_up(s, s->url.folder, &reply, err);
	if (there < 0)
		return -1;
	if (!there || reply.kind != SMB_KIND_FOLDER)
		return err_set(err, ERR_SHARE_NOT_FOUND, "\"%s\": the share has no folder \"%s\"",
			s->sink.target, s->url.folder);
	return 0;
}

static int check_partial(struct sink_smb *s, struct error **err)
{
	struct smb_reply reply;
	int there = smb_look_up(s, s->lanes.partial, &reply, err);
	if (there <= 0)
		return there;
	if (reply.kind == SMB_KIND_FOLDER)
		return err_set(err, ERR_INVALID_ARGUMENT, "\"%s\": a folder \"%s\" is in the way",
			s->sink.target, s->lanes.partial);
	s->sink.partial_size = reply.value;
	return 0;
}

/* How much of a temporary file's length takes room already, a server does not tell: then no check. */
static int check_space(struct sink_smb *s, uint64_t need, struct error **err)
{
	struct smb_reply reply;
	if (!need || s->sink.partial_size)
		return 0;
	if (smb_ask(s, SMB_OP_SPACE, s->url.folder, &reply, err) < 0)
		return -1;
	if (reply.value >= need)
		return 0;
	return err_set(err, ERR_NO_SPACE,
		"target \"%s\" takes up to %" PRIu64 " bytes, the share has %" PRIu64 " free",
		s->sink.target, need, reply.value);
}

/* ---- the temporary file ---- */

static int take_lock(struct sink_smb *s, struct error **err)
{
	struct smb_reply reply;
	struct smb_request rq = smb_request(SMB_OP_LOCK, s->lanes.lock);
	if (ask_while_busy(s, &rq, &reply, err) < 0)
		return -1;
	atomic_store(&s->lanes.locked, true);
	atomic_store(&s->lanes.relock, true);
	return 0;
}

static int open_partial(struct sink_smb *s, bool resume, struct error **err)
{
	struct smb_reply reply;
	struct smb_request rq = smb_request(SMB_OP_OPEN, s->lanes.partial);
	rq.flags = SMB_OPEN_EXCLUSIVE | (resume ? 0 : SMB_OPEN_CREATE | SMB_OPEN_TRUNCATE);
	if (ask_while_busy(s, &rq, &reply, err) < 0)
		return -1;
	atomic_store(&s->lanes.reopen, true);
	return 0;
}

/* libsmbclient has one errno for every reason; the likely one can be asked for. */
static int set_length(struct sink_smb *s, uint64_t length, struct error **err)
{
	struct smb_reply reply;
	struct smb_request rq = smb_request(SMB_OP_TRUNCATE, NULL);
	struct error *why = NULL, *ignored CLEANUP_ERR = NULL;
	rq.length = length;
	if (ask(s, &rq, length / ZEROS_PER_MS, &reply, &why) == 0)
		return 0;
	if (reply.errnum == EINVAL &&
		smb_ask(s, SMB_OP_SPACE, s->url.folder, &reply, &ignored) == 0 &&
		reply.value < length) {
		err_free(why);
		return err_set(err, ERR_NO_SPACE,
			"target \"%s\" has %" PRIu64 " bytes, the share has %" PRIu64 " free",
			s->sink.target, length, reply.value);
	}
	err_move(err, &why);
	return -1;
}

/* A commit that was killed between its two renames: the image that it was to replace is back. */
static int restore_old(struct sink_smb *s, struct error **err)
{
	struct smb_reply reply;
	if (!s->overwrite)
		return 0;
	int target = smb_look_up(s, s->target, &reply, err);
	int old = target == 0 ? smb_look_up(s, s->old, &reply, err) : 0;
	if (target < 0 || old < 0)
		return -1;
	return old ? smb_ask_rename(s, s->old, s->target, err) : 0;
}

static int smb_begin(
	struct sink *sink, uint64_t length, bool resume, struct op *op, struct error **err)
{
	(void)op;
	struct sink_smb *s = smb_of(sink);
	if (take_lock(s, err) < 0 || restore_old(s, err) < 0 || open_partial(s, resume, err) < 0)
		return -1;
	s->begun = true;
	s->lanes.length = length;
	if (!resume)
		smb_remove_state(s);
	return set_length(s, length, err);
}

/* ---- data ---- */

static int transfer(struct sink_smb *s, enum smb_op op, unsigned lane, const void *buf, size_t len,
	uint64_t offset, uint64_t extra_ms, uint64_t *ret_done, struct error **err)
{
	const uint8_t *p = buf;
	uint64_t at = (uint64_t)(p - s->pool->base);
	assert(s->pool && p >= s->pool->base && u64_range_ok(at, len, s->lanes.login.pool_size));
	struct smb_reply reply;
	struct smb_request rq = smb_request(op, NULL);
	rq.pool_offset = at;
	rq.length = len;
	rq.offset = offset;
	if (smb_lane_run(&s->lanes, lane, &rq, -1, extra_ms, &reply, err) < 0)
		return -1;
	*ret_done = reply.value;
	return 0;
}

static int smb_pwrite(struct sink *sink, unsigned lane, const void *buf, size_t len,
	uint64_t offset, struct error **err)
{
	struct sink_smb *s = smb_of(sink);
	uint64_t ignored, end = offset + len, high = atomic_load(&s->written_to);
	uint64_t gap = offset > high ? offset - high : 0;
	if (transfer(s, SMB_OP_WRITE, lane, buf, len, offset, gap / ZEROS_PER_MS, &ignored, err) <
		0)
		return -1;
	while (high < end && !atomic_compare_exchange_weak(&s->written_to, &high, end))
		;
	return 0;
}

static int smb_pread(struct sink *sink, unsigned lane, void *buf, size_t len, uint64_t offset,
	struct error **err)
{
	uint64_t done;
	if (transfer(smb_of(sink), SMB_OP_READ, lane, buf, len, offset, 0, &done, err) < 0)
		return -1;
	assert(done <= len);
	memset((uint8_t *)buf + done, 0, len - (size_t)done);
	return 0;
}

/* ---- the end ---- */

static int close_data_files(struct sink_smb *s, struct error **err)
{
	struct smb_reply reply;
	struct smb_request rq = smb_request(SMB_OP_CLOSE, s->lanes.partial);
	for (unsigned i = 0; i < s->lanes.n; i++)
		if (s->lanes.v[i].conn.fd >= 0 &&
			smb_lane_try(&s->lanes, i, &rq, -1, 0, &reply, err) < 0)
			return -1;
	return 0;
}

/* As far as the share can be reached right now. */
static int clean_up(struct sink_smb *s, bool keep, struct error **err)
{
	struct smb_reply reply;
	struct smb_request partial = smb_request(SMB_OP_UNLINK, s->lanes.partial);
	struct error *why CLEANUP_ERR = NULL;
	s->lanes.deaf = true;
	s->lanes.answer_ms = s->lanes.login_ms = CLEANUP_MS;
	atomic_store(&s->lanes.reopen, false);
	close_data_files(s, &why);
	if (!keep && s->begun) {
		if (ask_while_busy(s, &partial, &reply, err) < 0)
			return -1;
		smb_remove_state(s);
	}
	return smb_ask(s, SMB_OP_UNLOCK, s->lanes.lock, &reply, err);
}

static void smb_close(struct sink *sink, bool keep)
{
	struct sink_smb *s = smb_of(sink);
	struct error *ignored CLEANUP_ERR = NULL;
	if (atomic_load(&s->lanes.relock) && !s->committed)
		clean_up(s, keep, &ignored);
	smb_lanes_done(&s->lanes);
	smb_url_done(&s->url);
	free(s->target);
	free(s->state);
	free(s->state_new);
	free(s->old);
	free(s);
}

static const struct sink_ops smb_ops = {
	.name = "smb",
	.begin = smb_begin,
	.pwrite = smb_pwrite,
	.pread = smb_pread,
	.state_read = smb_state_read,
	.state_write = smb_state_write,
	.commit = smb_commit,
	.close = smb_close,
};

static struct sink_smb *new_sink(const struct sink_options *o, struct op *op)
{
	struct sink_smb *s = xcalloc(1, sizeof(*s));
	unsigned lanes = o->lanes ? o->lanes : LANES_DEFAULT;
	s->sink.ops = &smb_ops;
	s->sink.target = xstrdup(o->target);
	s->sink.lanes = lanes < SMB_LANES_MAX ? lanes : SMB_LANES_MAX;
	s->sink.min_hole = MIN_HOLE;
	s->sink.stop = op->stop;
	s->op = op;
	s->pool = o->pool;
	s->overwrite = o->overwrite;
	smb_lanes_init(&s->lanes, &s->sink, s->sink.lanes);
	s->lanes.starter = o->smb_starter;
	s->lanes.pool_fd = o->pool ? o->pool->fd : -1;
	s->lanes.retry_ms = (o->retry_seconds ? o->retry_seconds : RETRY_SECONDS) * 1000;
	s->lanes.answer_ms = (o->answer_seconds ? o->answer_seconds : ANSWER_SECONDS) * 1000;
	s->lanes.login_ms = LOGIN_SECONDS * 1000;
	return s;
}

int sink_smb_open(
	struct sink **ret, const struct sink_options *o, struct op *op, struct error **err)
{
	struct smb_url url;
	assert(o->smb_starter);
	if (smb_url_parse(o->target, &url, err) < 0)
		return -1;
	struct sink_smb *s = new_sink(o, op);
	CLEANUP(sink_discard_p) struct sink *sink = &s->sink;
	s->url = url;
	if (fill_login(&s->lanes.login, o, &s->url, err) < 0 || make_paths(s, err) < 0 ||
		check_folder(s, err) < 0 || check_target(s, err) < 0 || check_partial(s, err) < 0 ||
		check_space(s, o->need_bytes, err) < 0)
		return -1;
	*ret = TAKE_PTR(sink);
	return 0;
}
