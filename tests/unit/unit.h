/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every unit test shares. A test file defines its cases with START_TEST/END_TEST and ends with
 * UNIT_MAIN (suite name, case, case, …). Output is TAP; a case that cannot run here calls unit_skip().
 */
#pragma once

#include <check.h>
#include <stdlib.h>

#include "errors.h"

/* The call succeeds; else the error's text fails the test. Declares `err` inside. */
#define ck_ok(call)                                                      \
	do {                                                             \
		struct error *err = NULL;                                \
		int result_ = (call);                                    \
		ck_assert_msg(result_ >= 0 && !err, "%s: %s", #call,     \
			err ? err->message : "failed without an error"); \
	} while (0)

/* The call fails with that code; the message holds text (NULL: any). */
#define ck_fails(call, code_, text_)                                                      \
	do {                                                                              \
		struct error *err = NULL;                                                 \
		const char *want_ = (text_);                                              \
		int result_ = (call);                                                     \
		ck_assert_msg(result_ < 0 && err, "%s: succeeded (%s expected)", #call,   \
			err_code_name(code_));                                            \
		ck_assert_msg(err->code == (code_), "%s: [%s] %s ([%s] expected)", #call, \
			err_code_name(err->code), err->message, err_code_name(code_));    \
		ck_assert_msg(!want_ || strstr(err->message, want_),                      \
			"%s: \"%s\" (\"%s\" expected in it)", #call, err->message,        \
			want_ ? want_ : "");                                              \
		err_free(err);                                                            \
	} while (0)

/* $CE_TEST_DATA, or the shared data folder beside the project; NULL where there is none. */
const char *unit_data_dir(void);
/* The project's folder. */
const char *unit_source_root(void);
/* Runs a shell command (test programs only); returns its exit status. */
int unit_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same; a status other than 0 fails the test. */
void unit_must(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A fresh folder for this process's files, removed at exit. */
const char *unit_tmp(void);
/* Ends the current case as skipped: prints "# SKIP name: why", which the test runner counts. */
void unit_skip(const char *why) __attribute__((noreturn));

int unit_main(const char *suite, const TTest *const *cases, size_t n);
#define UNIT_MAIN(suite, ...)                                                   \
	int main(void)                                                          \
	{                                                                       \
		const TTest *const cases[] = {__VA_ARGS__};                     \
		return unit_main(suite, cases, sizeof(cases) / sizeof(*cases)); \
	}
