/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logging.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "errors.h"
#include "mem.h"

static const char *program = "ce";
static enum log_level max_level = LOG_LEVEL_INFO;
static bool journal;

/* The newest bytes of all lines, as a ring: bytes so far, of which the last `size` are there. */
static struct {
	pthread_mutex_t lock;
	char *ring;
	size_t size, written;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

void log_keep(size_t bytes)
{
	kept.ring = xmalloc(bytes);
	kept.size = bytes;
}

static void keep(enum log_level level, const char *text)
{
	if (!kept.size)
		return;
	char when[32];
	time_t now = time(NULL);
	struct tm tm;
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	CLEANUP_FREE char *line = xasprintf("%s <%d> %s\n", when, level, text);
	pthread_mutex_lock(&kept.lock);
	for (const char *p = line; *p; p++)
		kept.ring[kept.written++ % kept.size] = *p;
	pthread_mutex_unlock(&kept.lock);
}

char *log_kept(void)
{
	pthread_mutex_lock(&kept.lock);
	size_t n = kept.written < kept.size ? kept.written : kept.size;
	char *text = xmalloc(n + 1), *whole = text;
	for (size_t i = 0; i < n; i++)
		text[i] = kept.ring[(kept.written - n + i) % kept.size];
	text[n] = '\0';
	/* the first line may have lost its beginning */
	if (n < kept.written)
		whole = strchr(text, '\n') ? strchr(text, '\n') + 1 : text + n;
	pthread_mutex_unlock(&kept.lock);
	memmove(text, whole, strlen(whole) + 1);
	return text;
}

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
	keep(level, text);
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
