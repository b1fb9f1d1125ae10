/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one error object, and its contract:
 *
 *   A function that can fail takes `struct error **err` last (never NULL, *err NULL on entry).
 *   Success: it returns 0 (or >= 0 as documented) and leaves *err alone.
 *   Failure: it returns -1 and *err is set exactly once.
 *
 * Callers add where with err_prefix(); whoever consumes the error frees it with err_free(). Library
 * code never logs an error it returns. The message names what, where, what was expected; the code's
 * row in err-codes.h gives the way out, err_hint() a better one where the place knows it.
 */
#pragma once

#include <stdbool.h>

#include "cleanup.h"
#include "err-codes.h"

enum err_code {
#define X(name, ...) name,
	ERR_CODES(X)
#undef X
		_ERR_CODE_MAX
};

enum err_class { ERR_CLASS_FAIL, ERR_CLASS_USAGE, ERR_CLASS_REFUSE, ERR_CLASS_CANCEL };

struct error {
	enum err_code code;
	int errnum;    /* the errno behind it, or 0 */
	char *message; /* one sentence, lower case, no trailing period */
	char *detail;  /* more, several lines possible; or NULL */
	char *step;    /* the step it happened in; or NULL */
	char *hint;    /* the way out; NULL: the code's own, err_hint_text() */
};

/* All four return -1, so that `return err_set (...)` reads as it acts. */
int err_set(struct error **err, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds ": strerror" and maps ENOSPC/EDQUOT, ENOMEM to their own codes, whatever code says. */
int err_errno(struct error **err, enum err_code code, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int err_prefix(struct error **err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int err_hint(struct error **err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int err_detail(struct error **err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Names the step unless one is named already. */
int err_step(struct error **err, const char *step);

void err_free(struct error *err);
/* Moves *src into *dst; where *dst is set already, *src is dropped: the first error wins. */
void err_move(struct error **dst, struct error **src);
struct error *err_copy(const struct error *err);

const char *err_code_name(enum err_code code);
/* False where no code has that name. */
bool err_code_from_name(const char *name, enum err_code *ret);
int err_http_status(enum err_code code);
enum err_class err_code_class(enum err_code code);
const char *err_code_hint(enum err_code code);
const char *err_hint_text(const struct error *err);
/* Exit status of a program that ends with this error; wrote: has it written anything yet. */
int err_exit_status(const struct error *err, bool wrote);

/* The compiler is shown that they return -1: else it suspects uninitialised results in callers. */
static inline int err_is_minus_one(int result)
{
	(void)result;
	return -1;
}
#define err_set(...)	err_is_minus_one((err_set)(__VA_ARGS__))
#define err_errno(...)	err_is_minus_one((err_errno)(__VA_ARGS__))
#define err_prefix(...) err_is_minus_one((err_prefix)(__VA_ARGS__))
#define err_hint(...)	err_is_minus_one((err_hint)(__VA_ARGS__))
#define err_detail(...) err_is_minus_one((err_detail)(__VA_ARGS__))
#define err_step(...)	err_is_minus_one((err_step)(__VA_ARGS__))

DEFINE_CLEANUP(struct error *, err_free);
#define CLEANUP_ERR CLEANUP(err_free_p)
