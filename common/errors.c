/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "errors.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "mem.h"

static const struct {
	const char *name;
	int http;
	enum err_class class;
	const char *hint;
} code_table[] = {
#define X(name, text, http, class, hint) [name] = {text, http, ERR_CLASS_##class, hint},
	ERR_CODES(X)
#undef X
};

static enum err_code code_for_errno(enum err_code code, int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
		return ERR_NO_SPACE;
	case ENOMEM:
		return ERR_NO_MEMORY;
	default:
		return code;
	}
}

static void set(struct error **err, enum err_code code, int errnum, char *message)
{
	assert(err && !*err);
	assert(code < _ERR_CODE_MAX);
	struct error *e = xcalloc(1, sizeof(*e));
	e->code = code;
	e->errnum = errnum;
	e->message = message;
	*err = e;
}

int(err_set)(struct error **err, enum err_code code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *message = xvasprintf(fmt, ap);
	va_end(ap);
	set(err, code, 0, message);
	return -1;
}

int(err_errno)(struct error **err, enum err_code code, int errnum, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	CLEANUP_FREE char *what = xvasprintf(fmt, ap);
	va_end(ap);
	set(err, code_for_errno(code, errnum), errnum, xasprintf("%s: %s", what, strerror(errnum)));
	return -1;
}

int(err_prefix)(struct error **err, const char *fmt, ...)
{
	assert(err && *err);
	va_list ap;
	va_start(ap, fmt);
	CLEANUP_FREE char *prefix = xvasprintf(fmt, ap);
	va_end(ap);
	char *message = xasprintf("%s: %s", prefix, (*err)->message);
	free((*err)->message);
	(*err)->message = message;
	return -1;
}

static void replace(char **field, const char *fmt, va_list ap)
{
	char *text = xvasprintf(fmt, ap);
	free(*field);
	*field = text;
}

int(err_hint)(struct error **err, const char *fmt, ...)
{
	assert(err && *err);
	va_list ap;
	va_start(ap, fmt);
	replace(&(*err)->hint, fmt, ap);
	va_end(ap);
	return -1;
}

int(err_detail)(struct error **err, const char *fmt, ...)
{
	assert(err && *err);
	va_list ap;
	va_start(ap, fmt);
	replace(&(*err)->detail, fmt, ap);
	va_end(ap);
	return -1;
}

int(err_step)(struct error **err, const char *step)
{
	assert(err && *err);
	if (!(*err)->step && step)
		(*err)->step = xstrdup(step);
	return -1;
}

void err_free(struct error *err)
{
	if (!err)
		return;
	free(err->message);
	free(err->detail);
	free(err->step);
	free(err->hint);
	free(err);
}

void err_move(struct error **dst, struct error **src)
{
	if (!*src)
		return;
	if (*dst)
		err_free(*src);
	else
		*dst = *src;
	*src = NULL;
}

struct error *err_copy(const struct error *err)
{
	struct error *e = xcalloc(1, sizeof(*e));
	e->code = err->code;
	e->errnum = err->errnum;
	e->message = xstrdup(err->message);
	e->detail = err->detail ? xstrdup(err->detail) : NULL;
	e->step = err->step ? xstrdup(err->step) : NULL;
	e->hint = err->hint ? xstrdup(err->hint) : NULL;
	return e;
}

const char *err_code_name(enum err_code code)
{
	assert(code < _ERR_CODE_MAX);
	return code_table[code].name;
}

bool err_code_from_name(const char *name, enum err_code *ret)
{
	for (enum err_code c = 0; c < _ERR_CODE_MAX; c++)
		if (strcmp(code_table[c].name, name) == 0) {
			*ret = c;
			return true;
		}
	return false;
}

int err_http_status(enum err_code code)
{
	assert(code < _ERR_CODE_MAX);
	return code_table[code].http;
}

enum err_class err_code_class(enum err_code code)
{
	assert(code < _ERR_CODE_MAX);
	return code_table[code].class;
}

const char *err_code_hint(enum err_code code)
{
	assert(code < _ERR_CODE_MAX);
	return code_table[code].hint;
}

const char *err_hint_text(const struct error *err)
{
	return err->hint ? err->hint : err_code_hint(err->code);
}

int err_exit_status(const struct error *err, bool wrote)
{
	switch (err_code_class(err->code)) {
	case ERR_CLASS_USAGE:
		return 2;
	case ERR_CLASS_REFUSE:
		return wrote ? 1 : 3;
	case ERR_CLASS_CANCEL:
		return 4;
	case ERR_CLASS_FAIL:
		break;
	}
	return 1;
}
