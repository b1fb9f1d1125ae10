/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines on stderr, prefixed with a syslog level as systemd reads it ("<6>") where stderr is the
 * journal. Only programs log; libraries return errors.
 */
#pragma once

#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

struct error;

/* name: of the program, kept by pointer. Level from CE_LOG_LEVEL (error, warning, info, debug). */
void log_init(const char *name);
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Message, then detail and the way out, one line each. */
void log_error(const struct error *err);

/* From here on the newest lines, this many bytes of them with their times, are kept in memory too; once. */
void log_keep(size_t bytes);
/* Those, oldest first, each with its line break; the caller frees. */
char *log_kept(void);

#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
