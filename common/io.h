/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random access to a file's bytes, behind a small table so that image formats read a descriptor, a
 * buffer (fuzzing) or a disk alike. Implementations are safe for concurrent pread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "errors.h"

struct io;

struct io_ops {
	const char *name;
	/* All of len bytes or an error; the range lies within size (io_pread checks). */
	int (*pread)(struct io *io, void *buf, size_t len, uint64_t offset, struct error **err);
	/* May be NULL: read-only. Extends size where it writes past the end. */
	int (*pwrite)(
		struct io *io, const void *buf, size_t len, uint64_t offset, struct error **err);
	int (*flush)(struct io *io, struct error **err); /* to stable storage; may be NULL */
	void (*close)(struct io *io);			 /* frees io itself */
};

struct io {
	const struct io_ops *ops;
	char *name;    /* for messages; owned */
	uint64_t size; /* bytes */
};

/* ERR_IMAGE_CORRUPT where the range is not within the file. */
int io_pread(struct io *io, void *buf, size_t len, uint64_t offset, struct error **err);
int io_pwrite(struct io *io, const void *buf, size_t len, uint64_t offset, struct error **err);
int io_flush(struct io *io, struct error **err);
void io_close(struct io *io);
DEFINE_CLEANUP(struct io *, io_close);

/* A descriptor of a regular file or block device; the io owns fd from here on, failure included. */
int io_from_fd(struct io **ret, int fd, const char *name, bool writable, struct error **err);
/* A read-only view of a buffer that the caller keeps. */
struct io *io_from_memory(const void *buf, size_t size, const char *name);

/* Whole reads and writes on a descriptor; EINTR and short transfers are handled. -1 and errno. */
ssize_t read_full(int fd, void *buf, size_t len); /* short only at end of file */
int write_full(int fd, const void *buf, size_t len);
ssize_t pread_full(int fd, void *buf, size_t len, uint64_t offset); /* short only at end of file */
int pwrite_full(int fd, const void *buf, size_t len, uint64_t offset);

/* Size in bytes of a regular file or block device: the one place that asks BLKGETSIZE64. */
int fd_size(int fd, const char *name, uint64_t *ret, struct error **err);

/* Whether a file or folder is in memory (tmpfs, ramfs), and gone when the machine ends. */
bool path_in_memory(const char *path);

/* The whole file, NUL-terminated, at most limit bytes (ERR_INVALID_ARGUMENT past it). */
int file_read(const char *path, size_t limit, char **ret, size_t *ret_len, struct error **err);
/* Written beside path, fsynced, renamed over it, the directory fsynced. */
int file_write_atomic(
	const char *path, const void *buf, size_t len, mode_t mode, struct error **err);
