/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logging.h"

#include <string.h>

#include "errors.h"
#include "mem.h"

static const char *program = "ce";
static enum log_level max_level = LOG_LEVEL_INFO;
static bool journal;

void log_init(const char *name)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {{"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING},
		{"info", LOG_LEVEL_INFO}, {"debug", LOG_LEVEL_DEBUG}};
	program = name;
	journal = getenv("JOURNAL_STREAM") != NULL;
	const char *wanted = getenv("CE_LOG_LEVEL");
	for (size_t i = 0; wanted && i < ARRAY_SIZE(levels); i++)
		if (strcmp(levels[i].name, wanted) == 0)
			max_level = levels[i].level;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	if (level > max_level)
		return;
	va_list ap;
	va_start(ap, fmt);
	CLEANUP_FREE char *text = xvasprintf(fmt, ap);
	va_end(ap);
	/* One line stays one line, whatever a guest put into a name. */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	if (journal)
		fprintf(stderr, "<%d>%s\n", level, text);
	else
		fprintf(stderr, "%s: %s%s\n", program,
			level == LOG_LEVEL_ERROR     ? "error: "
			: level == LOG_LEVEL_WARNING ? "warning: "
						     : "",
			text);
}

void log_error(const struct error *err)
{
	log_line(LOG_LEVEL_ERROR, "%s [%s]", err->message, err_code_name(err->code));
	if (err->detail)
		log_line(LOG_LEVEL_ERROR, "%s", err->detail);
	log_line(LOG_LEVEL_ERROR, "what to do: %s", err_hint_text(err));
}
