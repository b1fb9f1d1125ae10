/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smb-session.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "checked.h"
#include "io.h"
#include "mem.h"
#include "smb-library.h"

#define COPY_SIZE MiB

struct smb_session {
	SMBCFILE *file, *lock;
};

static SMBCCTX *ctx;
static struct smb_session session;

void smb_session_login(
	const struct smb_login *login, struct smb_session **ret, struct smb_reply *reply)
{
	ctx = smb_library_login(login, reply);
	if (ctx)
		*ret = &session;
}

/* ---- requests: 0, or -1 with errno set ---- */

static SMBCFILE *open_file(const char *path, int flags, smbc_share_mode mode)
{
	smbc_setOptionOpenShareMode(ctx, mode);
	SMBCFILE *f = smbc_getFunctionOpen(ctx)(ctx, smb_library_url(path), flags, 0666);
	smbc_setOptionOpenShareMode(ctx, SMBC_SHAREMODE_DENY_NONE);
	return f;
}

static int close_file(SMBCFILE **f)
{
	int rc = *f ? smbc_getFunctionClose(ctx)(ctx, *f) : 0;
	*f = NULL;
	return rc;
}

static int run_stat(const struct smb_request *rq, struct smb_reply *reply)
{
	struct stat st;
	if (smbc_getFunctionStat(ctx)(ctx, smb_library_url(rq->path), &st) < 0)
		return -1;
	reply->kind = S_ISDIR(st.st_mode) ? SMB_KIND_FOLDER : SMB_KIND_FILE;
	reply->value = (uint64_t)st.st_size;
	return 0;
}

/* f_bavail counts units of f_frsize sectors of f_bsize bytes, unlike statvfs(2)'s. */
static int run_space(const struct smb_request *rq, struct smb_reply *reply)
{
	struct statvfs v = {0};
	char url[SMB_LIBRARY_URL_MAX];
	strcpy(url, smb_library_url(rq->path));
	if (smbc_getFunctionStatVFS(ctx)(ctx, url, &v) < 0)
		return -1;
	uint64_t unit, bytes;
	bool known = v.f_blocks && u64_mul(v.f_bsize, v.f_frsize ? v.f_frsize : 1, &unit) &&
		     u64_mul(v.f_bavail, unit, &bytes);
	reply->value = known ? bytes : UINT64_MAX;
	return 0;
}

static int run_open(struct smb_session *s, const struct smb_request *rq)
{
	int flags = O_RDWR | (rq->flags & SMB_OPEN_CREATE ? O_CREAT : 0) |
		    (rq->flags & SMB_OPEN_TRUNCATE ? O_TRUNC : 0);
	close_file(&s->file);
	if (rq->flags & SMB_OPEN_EXCLUSIVE) {
		SMBCFILE *alone = open_file(rq->path, flags, SMBC_SHAREMODE_DENY_ALL);
		if (!alone || close_file(&alone) < 0)
			return -1;
		flags = O_RDWR;
	}
	s->file = open_file(rq->path, flags, SMBC_SHAREMODE_DENY_NONE);
	return s->file ? 0 : -1;
}

static int run_lock(struct smb_session *s, const struct smb_request *rq)
{
	if (!s->lock)
		s->lock = open_file(rq->path, O_RDWR | O_CREAT, SMBC_SHAREMODE_DENY_ALL);
	return s->lock ? 0 : -1;
}

static int run_unlock(struct smb_session *s, const struct smb_request *rq)
{
	if (close_file(&s->lock) < 0)
		return -1;
	return smbc_getFunctionUnlink(ctx)(ctx, smb_library_url(rq->path));
}

static int run_truncate(struct smb_session *s, const struct smb_request *rq)
{
	return smbc_getFunctionFtruncate(ctx)(ctx, s->file, (off_t)rq->length);
}

static int write_all(SMBCFILE *f, const void *buf, uint64_t len, uint64_t offset)
{
	if (len == 0)
		return 0;
	if (smbc_getFunctionLseek(ctx)(ctx, f, (off_t)offset, SEEK_SET) < 0)
		return -1;
	ssize_t n = smbc_getFunctionWrite(ctx)(ctx, f, buf, len);
	if (n >= 0 && (uint64_t)n != len)
		errno = EIO;
	return n >= 0 && (uint64_t)n == len ? 0 : -1;
}

/* Short only at the end of the file. */
static ssize_t read_all(SMBCFILE *f, void *buf, uint64_t len, uint64_t offset)
{
	uint64_t done = 0;
	if (smbc_getFunctionLseek(ctx)(ctx, f, (off_t)offset, SEEK_SET) < 0)
		return -1;
	while (done < len) {
		ssize_t n = smbc_getFunctionRead(ctx)(ctx, f, (uint8_t *)buf + done, len - done);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (uint64_t)n;
	}
	return (ssize_t)done;
}

static int run_read(
	struct smb_session *s, const struct smb_request *rq, void *buf, struct smb_reply *reply)
{
	ssize_t n = read_all(s->file, buf, rq->length, rq->offset);
	if (n < 0)
		return -1;
	reply->value = (uint64_t)n;
	return 0;
}

static int run_put(const struct smb_request *rq, int fd)
{
	struct stat st;
	void *text = NULL;
	if (fstat(fd, &st) < 0)
		return -1;
	if ((uint64_t)st.st_size < rq->length) {
		errno = EINVAL;
		return -1;
	}
	if (rq->length) {
		text = mmap(NULL, rq->length, PROT_READ, MAP_SHARED, fd, 0);
		if (text == MAP_FAILED)
			return -1;
	}
	SMBCFILE *f = open_file(rq->path, O_WRONLY | O_CREAT | O_TRUNC, SMBC_SHAREMODE_DENY_NONE);
	int rc = f ? write_all(f, text, rq->length, 0) : -1;
	int saved = errno;
	if (rc == 0)
		rc = close_file(&f);
	else if (close_file(&f) < 0)
		errno = saved;
	if (text)
		munmap(text, rq->length);
	return rc;
}

static int run_get(const struct smb_request *rq, int fd, struct smb_reply *reply)
{
	CLEANUP_FREE char *buf = xmalloc(COPY_SIZE);
	uint64_t at = 0;
	ssize_t n = -1;
	SMBCFILE *f = open_file(rq->path, O_RDONLY, SMBC_SHAREMODE_DENY_NONE);
	if (!f)
		return -1;
	while ((n = read_all(f, buf, COPY_SIZE, at)) > 0) {
		if (at + (uint64_t)n > SMB_FILE_MAX) {
			errno = EFBIG;
			n = -1;
			break;
		}
		if (pwrite_full(fd, buf, (size_t)n, at) < 0) {
			n = -1;
			break;
		}
		at += (uint64_t)n;
	}
	int saved = errno;
	close_file(&f);
	errno = saved;
	reply->value = at;
	return n < 0 ? -1 : 0;
}

static int run_rename(const struct smb_request *rq)
{
	char from[SMB_LIBRARY_URL_MAX];
	strcpy(from, smb_library_url(rq->path));
	return smbc_getFunctionRename(ctx)(ctx, from, ctx, smb_library_url(rq->path2));
}

static int run(struct smb_session *s, const struct smb_request *rq, void *buf, int fd,
	struct smb_reply *reply)
{
	switch ((enum smb_op)rq->op) {
	case SMB_OP_STAT:
		return run_stat(rq, reply);
	case SMB_OP_SPACE:
		return run_space(rq, reply);
	case SMB_OP_OPEN:
		return run_open(s, rq);
	case SMB_OP_CLOSE:
		return close_file(&s->file);
	case SMB_OP_LOCK:
		return run_lock(s, rq);
	case SMB_OP_UNLOCK:
		return run_unlock(s, rq);
	case SMB_OP_TRUNCATE:
		return run_truncate(s, rq);
	case SMB_OP_WRITE:
		return write_all(s->file, buf, rq->length, rq->offset);
	case SMB_OP_READ:
		return run_read(s, rq, buf, reply);
	case SMB_OP_PUT:
		return run_put(rq, fd);
	case SMB_OP_GET:
		return run_get(rq, fd, reply);
	case SMB_OP_RENAME:
		return run_rename(rq);
	case SMB_OP_UNLINK:
		return smbc_getFunctionUnlink(ctx)(ctx, smb_library_url(rq->path));
	case _SMB_OP_MAX:
		break;
	}
	errno = ENOSYS;
	return -1;
}

/* EINVAL stands for whatever the library has no errno for: the same once more, now listening. */
static void ask_again(struct smb_session *s, const struct smb_request *rq, void *buf, int fd,
	struct smb_reply *reply)
{
	smb_library_watch(true);
	if (run(s, rq, buf, fd, reply) < 0)
		smb_library_fail(reply);
	smb_library_watch(false);
}

void smb_session_run(struct smb_session *s, const struct smb_request *rq, void *buf, int fd,
	struct smb_reply *reply)
{
	/* At that level the library formats every packet: not while data goes through. */
	bool data = rq->op == SMB_OP_WRITE || rq->op == SMB_OP_READ || rq->op == SMB_OP_PUT;
	bool needs_file =
		rq->op == SMB_OP_WRITE || rq->op == SMB_OP_READ || rq->op == SMB_OP_TRUNCATE;
	if (!data)
		smb_library_watch(true);
	errno = 0;
	if (needs_file && !s->file) {
		errno = EBADF;
		smb_library_fail(reply);
	} else if (run(s, rq, buf, fd, reply) < 0) {
		if (data && errno == EINVAL)
			ask_again(s, rq, buf, fd, reply);
		else
			smb_library_fail(reply);
	}
	if (!data)
		smb_library_watch(false);
}
