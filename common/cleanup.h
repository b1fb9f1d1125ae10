/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ownership in the type of the variable: a resource is released when its variable goes out of
 * scope, unless TAKE_PTR()/TAKE_FD() hands it on. Destructors accept NULL and half-built objects.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(func) __attribute__((cleanup(func), unused))

/* Defines `func##_p (type *)`, the form the cleanup attribute wants, for `func (type)`. */
#define DEFINE_CLEANUP(type, func)           \
	static inline void func##_p(type *p) \
	{                                    \
		if (*p)                      \
			func(*p);            \
	}                                    \
	struct cleanup_needs_semicolon

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

/* close() is never retried (the descriptor is gone either way) and never clobbers errno. */
static inline void cleanup_close(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		errno = saved;
	}
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define CLEANUP_FREE	 CLEANUP(cleanup_free)
#define CLEANUP_CLOSE	 CLEANUP(cleanup_close)
#define CLEANUP_FCLOSE	 CLEANUP(cleanup_fclose)
#define CLEANUP_CLOSEDIR CLEANUP(cleanup_closedir)

#define TAKE_PTR(p)                             \
	({                                      \
		__typeof__(p) *taken_ = &(p);   \
		__typeof__(p) value_ = *taken_; \
		*taken_ = NULL;                 \
		value_;                         \
	})

#define TAKE_FD(fd)                   \
	({                            \
		int *taken_ = &(fd);  \
		int value_ = *taken_; \
		*taken_ = -1;         \
		value_;               \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
