/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A local file. Its temporary file is locked (flock) from open to close, so that two exports to one
 * target cannot interleave: the lock goes with the process, so a crash leaves none behind.
 *
 * Bytes go past the page cache where the file system has direct I/O: an export must not push out what
 * the host keeps in memory. Where it has none, the pages are dropped once they are written back.
 */
#include "sink.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "checked.h"
#include "io.h"
#include "mem.h"
#include "ranges.h"

/* One would do for the disk; two keep it busy while one of them looks for zeros. */
#define LANES 2
/* Covers every device and file system there is. */
#define DIRECT_ALIGNMENT 4096u
/* Less than this goes through the page cache: headers and the edges of larger writes. */
#define DIRECT_MIN (64 * KiB)
#define STATE_MAX  ((size_t)64 << 20)

struct sink_file {
	struct sink sink;
	char *partial, *state;
	bool overwrite, begun, renamed;
	int dir_fd;    /* of the target's folder */
	int fd;	       /* of the temporary file, locked; -1: none yet */
	int direct_fd; /* the same file past the page cache; -1: not to be had */
	atomic_bool direct_refused;
	struct range behind[LANES]; /* without direct I/O: the lane's last write */
};

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* ---- opening: everything that can be found out before anything is written ---- */

static int open_folder(struct sink_file *f, struct error **err)
{
	const char *target = f->sink.target, *name = last_part(target);
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(err, ERR_INVALID_FILE_NAME,
			"target \"%s\" names a folder (a file name expected)", target);
	CLEANUP_FREE char *copy = xstrdup(target);
	const char *dir = dirname(copy);
	f->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir_fd < 0)
		return err_errno(err, ERR_TARGET_FOLDER, errno, "folder \"%s\"", dir);
	if (faccessat(f->dir_fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return err_errno(
			err, ERR_TARGET_FOLDER, errno, "folder \"%s\" cannot be written to", dir);
	return 0;
}

static int check_target(const struct sink_file *f, struct error **err)
{
	const char *target = f->sink.target;
	struct stat st;
	if (fstatat(f->dir_fd, last_part(target), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT
			       ? 0
			       : err_errno(err, ERR_TARGET_FOLDER, errno, "target \"%s\"", target);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return err_set(err, ERR_INVALID_ARGUMENT, "target \"%s\" is a %s (a file expected)",
			target,
			S_ISDIR(st.st_mode)   ? "folder"
			: S_ISBLK(st.st_mode) ? "block device"
					      : "special file");
	if (!f->overwrite)
		return err_set(err, ERR_TARGET_EXISTS, "target \"%s\" exists", target);
	return 0;
}

/* Whether the name still leads to the open file: its last owner may have renamed or removed it. */
static bool still_named(const struct sink_file *f, int fd)
{
	struct stat open_st, named_st;
	return fstat(fd, &open_st) == 0 &&
	       fstatat(f->dir_fd, last_part(f->partial), &named_st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       open_st.st_dev == named_st.st_dev && open_st.st_ino == named_st.st_ino;
}

/*
 * Opens and locks the temporary file. Returns 1 where there is none (or no longer) and flags do not
 * create it.
 */
static int lock_partial(struct sink_file *f, int flags, struct error **err)
{
	CLEANUP_CLOSE int fd = openat(f->dir_fd, last_part(f->partial),
		O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0666);
	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd < 0 && errno == EEXIST)
		return err_set(
			err, ERR_TARGET_BUSY, "another export has just begun \"%s\"", f->partial);
	if (fd < 0)
		return err_errno(
			err, ERR_TARGET_FOLDER, errno, "temporary file \"%s\"", f->partial);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			       ? err_set(err, ERR_TARGET_BUSY, "another export writes \"%s\"",
					 f->partial)
			       : err_errno(err, ERR_SYSTEM, errno, "locking \"%s\"", f->partial);
	if (!still_named(f, fd))
		return 1;
	f->fd = TAKE_FD(fd);
	return 0;
}

static int check_partial(struct sink_file *f, uint64_t *ret_allocated, struct error **err)
{
	struct stat st;
	int missing = lock_partial(f, 0, err);
	if (missing)
		return missing < 0 ? -1 : 0;
	if (fstat(f->fd, &st) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "\"%s\": stat", f->partial);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_TARGET_FOLDER, "\"%s\" is in the way (no regular file)",
			f->partial);
	if (st.st_nlink != 1)
		return err_set(err, ERR_TARGET_FOLDER,
			"\"%s\" is in the way (another name leads to the same file)", f->partial);
	f->sink.partial_size = (uint64_t)st.st_size;
	*ret_allocated = (uint64_t)st.st_blocks * 512;
	return 0;
}

static int check_space(
	const struct sink_file *f, uint64_t need, uint64_t allocated, struct error **err)
{
	struct statvfs vfs;
	if (fstatvfs(f->dir_fd, &vfs) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "free space at \"%s\"", f->sink.target);
	uint64_t free_bytes;
	if (!u64_mul(vfs.f_bavail, vfs.f_frsize, &free_bytes) ||
		!u64_add(free_bytes, allocated, &free_bytes) || free_bytes >= need)
		return 0;
	return err_set(err, ERR_NO_SPACE,
		"target \"%s\" takes up to %" PRIu64 " bytes, its file system has %" PRIu64 " free",
		f->sink.target, need, free_bytes);
}

/* ---- the temporary file ---- */

/* Another open of the same file: the lock stays with the first one. */
static void open_direct(struct sink_file *f)
{
	CLEANUP_FREE char *path = xasprintf("/proc/self/fd/%d", f->fd);
	f->direct_fd = open(path, O_RDWR | O_CLOEXEC | O_DIRECT);
}

static void remove_state(const struct sink_file *f)
{
	CLEANUP_FREE char *unfinished = xasprintf("%s.tmp", f->state);
	unlink(unfinished);
	unlink(f->state);
}

static int file_begin(
	struct sink *s, uint64_t length, bool resume, struct op *op, struct error **err)
{
	(void)op;
	struct sink_file *f = (struct sink_file *)s;
	/* Taken over at open; else it must not be there: O_EXCL follows no link and joins nobody. */
	if (f->fd < 0) {
		int rc = lock_partial(f, O_CREAT | O_EXCL, err);
		if (rc != 0)
			return rc < 0 ? -1
				      : err_set(err, ERR_TARGET_BUSY,
						"another export has taken \"%s\"", f->partial);
	}
	f->begun = true;
	if (!resume) {
		remove_state(f);
		if (ftruncate(f->fd, 0) < 0)
			return err_errno(err, ERR_WRITE, errno, "\"%s\": emptying it", f->partial);
	}
	if (ftruncate(f->fd, (off_t)length) < 0)
		return err_errno(err, ERR_WRITE, errno, "\"%s\": setting its length to %" PRIu64,
			f->partial, length);
	open_direct(f);
	return 0;
}

static int write_error(
	const struct sink_file *f, int errnum, size_t len, uint64_t offset, struct error **err)
{
	return err_errno(err, ERR_WRITE, errnum, "\"%s\": writing %zu bytes at 0x%" PRIx64,
		f->partial, len, offset);
}

/* Starts write-back of this range, waits for the lane's one before it, and drops that. */
static void drop_behind(struct sink_file *f, unsigned lane, uint64_t offset, size_t len)
{
	struct range *last = &f->behind[lane];
	sync_file_range(f->fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
	if (last->end) {
		off_t start = (off_t)last->start, n = (off_t)(last->end - last->start);
		/* Errors of write-back are reported by fsync() too. */
		sync_file_range(f->fd, start, n,
			SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
				SYNC_FILE_RANGE_WAIT_AFTER);
		posix_fadvise(f->fd, start, n, POSIX_FADV_DONTNEED);
	}
	*last = (struct range){offset, offset + len};
}

static int write_cached(struct sink_file *f, unsigned lane, const void *buf, size_t len,
	uint64_t offset, struct error **err)
{
	if (len == 0)
		return 0;
	if (pwrite_full(f->fd, buf, len, offset) < 0)
		return write_error(f, errno, len, offset, err);
	if (len >= DIRECT_MIN)
		drop_behind(f, lane, offset, len);
	return 0;
}

static int file_pwrite(struct sink *s, unsigned lane, const void *buf, size_t len, uint64_t offset,
	struct error **err)
{
	struct sink_file *f = (struct sink_file *)s;
	const uint8_t *p = buf;
	bool congruent = ((uintptr_t)p - offset) % DIRECT_ALIGNMENT == 0;
	if (f->direct_fd < 0 || f->direct_refused || !congruent || len < DIRECT_MIN)
		return write_cached(f, lane, p, len, offset, err);
	size_t head = round_up(offset, DIRECT_ALIGNMENT) - offset;
	size_t middle = round_down(len - head, DIRECT_ALIGNMENT), tail = len - head - middle;
	if (pwrite_full(f->direct_fd, p + head, middle, offset + head) < 0) {
		if (errno != EINVAL)
			return write_error(f, errno, len, offset, err);
		f->direct_refused = true; /* a larger alignment is wanted after all */
		return write_cached(f, lane, p, len, offset, err);
	}
	if (write_cached(f, lane, p, head, offset, err) < 0)
		return -1;
	return write_cached(f, lane, p + head + middle, tail, offset + head + middle, err);
}

static int file_pread(
	struct sink *s, unsigned lane, void *buf, size_t len, uint64_t offset, struct error **err)
{
	(void)lane;
	struct sink_file *f = (struct sink_file *)s;
	ssize_t n = pread_full(f->fd, buf, len, offset);
	if (n < 0)
		return err_errno(err, ERR_WRITE, errno,
			"\"%s\": reading back %zu bytes at 0x%" PRIx64, f->partial, len, offset);
	memset((uint8_t *)buf + n, 0, len - (size_t)n);
	posix_fadvise(f->fd, (off_t)offset, (off_t)len, POSIX_FADV_DONTNEED);
	return 0;
}

/* ---- state, flush, commit ---- */

static int file_state_read(struct sink *s, char **ret, struct error **err)
{
	struct error *read_err = NULL;
	if (file_read(((struct sink_file *)s)->state, STATE_MAX, ret, NULL, &read_err) == 0)
		return 0;
	/* Absent, or nothing that we wrote: there is no state. */
	if (read_err->code == ERR_NOT_FOUND || read_err->code == ERR_INVALID_ARGUMENT) {
		err_free(read_err);
		*ret = NULL;
		return 0;
	}
	err_move(err, &read_err);
	return -1;
}

static int file_state_write(struct sink *s, const char *text, struct error **err)
{
	return file_write_atomic(((struct sink_file *)s)->state, text, strlen(text), 0600, err);
}

static int file_flush(struct sink *s, struct error **err)
{
	struct sink_file *f = (struct sink_file *)s;
	if (fdatasync(f->fd) < 0)
		return err_errno(err, ERR_WRITE, errno, "\"%s\": fdatasync", f->partial);
	return 0;
}

static int rename_partial(struct sink_file *f, struct error **err)
{
	const char *from = last_part(f->partial), *to = last_part(f->sink.target);
	unsigned flags = f->overwrite ? 0 : RENAME_NOREPLACE;
	int rc = renameat2(f->dir_fd, from, f->dir_fd, to, flags);
	if (rc < 0 && errno == EINVAL && flags) {
		/* A file system without RENAME_NOREPLACE (NFS): as near as it gets. */
		if (check_target(f, err) < 0)
			return -1;
		rc = renameat(f->dir_fd, from, f->dir_fd, to);
	}
	if (rc < 0 && errno == EEXIST)
		return err_set(err, ERR_TARGET_EXISTS,
			"target \"%s\" has come up while the image was written", f->sink.target);
	if (rc < 0)
		return err_errno(
			err, ERR_WRITE, errno, "renaming \"%s\" to \"%s\"", f->partial, to);
	f->renamed = true;
	return 0;
}

static int file_commit(struct sink *s, struct error **err)
{
	struct sink_file *f = (struct sink_file *)s;
	if (fsync(f->fd) < 0)
		return err_errno(err, ERR_WRITE, errno, "\"%s\": fsync", f->partial);
	if (!still_named(f, f->fd))
		return err_set(err, ERR_WRITE,
			"\"%s\" was removed or replaced while it was written: nothing was renamed",
			f->partial);
	if (rename_partial(f, err) < 0)
		return -1;
	remove_state(f);
	if (fsync(f->dir_fd) < 0)
		return err_errno(err, ERR_WRITE, errno, "\"%s\": syncing its folder", s->target);
	return 0;
}

static void file_close(struct sink *s, bool keep)
{
	struct sink_file *f = (struct sink_file *)s;
	if (f->begun && !f->renamed && !keep) {
		unlinkat(f->dir_fd, last_part(f->partial), 0);
		remove_state(f);
	}
	cleanup_close(&f->direct_fd);
	cleanup_close(&f->fd);
	cleanup_close(&f->dir_fd);
	free(f->partial);
	free(f->state);
	free(f);
}

static const struct sink_ops file_ops = {
	.name = "file",
	.begin = file_begin,
	.pwrite = file_pwrite,
	.pread = file_pread,
	.state_read = file_state_read,
	.state_write = file_state_write,
	.flush = file_flush,
	.commit = file_commit,
	.close = file_close,
};

int sink_file_open(
	struct sink **ret, const struct sink_options *o, struct op *op, struct error **err)
{
	(void)op;
	struct sink_file *f = xcalloc(1, sizeof(*f));
	CLEANUP(sink_discard_p) struct sink *s = &f->sink;
	f->sink.ops = &file_ops;
	f->sink.target = xstrdup(o->target);
	f->sink.lanes = LANES;
	f->partial = sink_partial_name(o->target);
	f->state = sink_state_name(o->target);
	f->overwrite = o->overwrite;
	f->dir_fd = f->fd = f->direct_fd = -1;

	uint64_t allocated = 0;
	if (open_folder(f, err) < 0 || check_target(f, err) < 0 ||
		check_partial(f, &allocated, err) < 0 ||
		check_space(f, o->need_bytes, allocated, err) < 0)
		return -1;
	*ret = TAKE_PTR(s);
	return 0;
}
