/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console-screen.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "jsonx.h"
#include "mem.h"
#include "strbuf.h"

/* What may be long or many has a limit of lines, so that the rest keeps its place on the screen. */
#define BAR_WIDTH      40
#define ADDRESSES_MAX  3
#define TEXT_LINES     4
#define STATE_LINES    2
#define CALLBACK_LINES 2

struct page {
	struct strbuf text;
	unsigned lines;
};

/* Bytes that a terminal might act on, and a character cut in two, never reach it. */
static void clean(char *line)
{
	size_t columns = 0;
	char *to = line;
	for (const unsigned char *p = (unsigned char *)line; *p && columns < SCREEN_COLUMNS; p++) {
		if ((*p & 0xc0) == 0x80)
			continue; /* the console has ASCII for certain */
		*to++ = *p < 0x20 || *p > 0x7e ? '?' : (char)*p;
		columns++;
	}
	*to = '\0';
}

static void line(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void line(struct page *p, const char *fmt, ...)
{
	if (p->lines == SCREEN_LINES)
		return;
	va_list ap;
	va_start(ap, fmt);
	CLEANUP_FREE char *text = xvasprintf(fmt, ap);
	va_end(ap);
	clean(text);
	strbuf_addf(&p->text, "%s%s", p->lines++ ? "\n" : "", text);
}

/* How much of the text goes on one line: whole words, if there are any. */
static size_t take_words(const char *text, size_t n, size_t width)
{
	if (n <= width)
		return n;
	for (size_t i = width; i > width / 2; i--)
		if (text[i] == ' ')
			return i;
	return width;
}

/* "  label   text", going on below where it is long: messages say the way out at their end. */
static void wrapped(struct page *p, const char *label, const char *text, unsigned max_lines)
{
	size_t n = strlen(text);
	for (unsigned lines = 1; n && lines <= max_lines; lines++, label = "") {
		const bool last = lines == max_lines;
		const size_t width = SCREEN_COLUMNS - 16 - (last ? 4 : 0);
		size_t take = take_words(text, n, width);
		line(p, "  %-13s %.*s%s", label, (int)take, text, last && take < n ? " ..." : "");
		text += take;
		n -= take;
		while (*text == ' ')
			text++, n--;
	}
}

static const char *string(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static void identity(struct page *p, const json_t *id)
{
	const char *fingerprint = string(id, "fingerprint"), *code = string(id, "pairingCode");
	const char *source = string(id, "source");
	const char *problem = string(json_object_get(id, "problem"), "message");
	if (!id) {
		line(p, "  %-13s %s", "identity", "being looked for");
		return;
	}
	line(p, "  %-13s %s", "identity",
		source ? source : "its own: no enrolment document was found");
	if (fingerprint && strlen(fingerprint) == 7 + 64) {
		line(p, "  %-13s %.39s", "certificate", fingerprint);
		line(p, "  %-13s        %s", "", fingerprint + 39);
	}
	if (code)
		line(p, "  %-13s %s   (type it into the appliance to pair)", "pairing code", code);
	if (problem)
		wrapped(p, "PROBLEM", problem, TEXT_LINES);
}

static void bar(struct page *p, double percent)
{
	char b[BAR_WIDTH + 1];
	size_t n = percent < 0	   ? 0
		   : percent > 100 ? BAR_WIDTH
				   : (size_t)(percent * BAR_WIDTH / 100);
	memset(b, '.', BAR_WIDTH);
	memset(b, '#', n);
	b[BAR_WIDTH] = '\0';
	line(p, "  %-13s [%s] %3.0f %%", "", b, percent);
}

static void job(struct page *p, const json_t *j)
{
	const char *type = string(j, "type"), *step = string(j, "step"), *disk = string(j, "disk");
	const char *end = string(j, "estimatedEndTime");
	json_int_t rate = json_integer_value(json_object_get(j, "bytesPerSecond"));
	line(p, "  %-13s %s of %s: %s", "job", type ? type : "?", disk ? disk : "a disk",
		step ? step : "starting");
	bar(p, json_number_value(json_object_get(j, "overallProgressPercent")));
	if (rate > 0)
		line(p, "  %-13s %lld MiB/s%s%s", "", (long long)rate >> 20,
			end ? ", until about " : "", end ? end : "");
}

static void addresses(struct page *p, const struct screen *s)
{
	size_t n = 0;
	while (s->addresses && s->addresses[n])
		n++;
	if (!n)
		line(p, "  %-13s none yet%s%s", "address", s->no_address ? ": " : "",
			s->no_address ? s->no_address : "");
	for (size_t i = 0; i < n && i < ADDRESSES_MAX; i++)
		line(p, "  %-13s %s", i ? "" : "address", s->addresses[i]);
	if (n > ADDRESSES_MAX)
		line(p, "  %-13s and %zu more", "", n - ADDRESSES_MAX);
}

static void last_error(struct page *p, const json_t *e, unsigned max_lines)
{
	const char *message = string(e, "message"), *code = string(e, "code");
	if (!message)
		return;
	CLEANUP_FREE char *text =
		xasprintf("%s%s%s%s", code ? "[" : "", code ? code : "", code ? "] " : "", message);
	wrapped(p, "last error", text, max_lines);
}

static void agent(struct page *p, const json_t *a)
{
	const json_t *jobs = json_object_get(a, "jobs");
	const size_t n = json_array_size(jobs);
	const bool in_memory = json_is_true(json_object_get(a, "stateInMemory"));
	if (!a) {
		line(p, "  %-13s %s", "agent", "not running");
		return;
	}
	line(p, "  %-13s answers on port %lld", "agent",
		(long long)json_integer_value(json_object_get(a, "port")));
	if (n)
		job(p, json_array_get(jobs, 0));
	else
		line(p, "  %-13s %s", "job", "none");
	if (n > 1)
		line(p, "  %-13s and %zu more", "", n - 1);
	if (in_memory)
		wrapped(p, "state",
			"in memory only: ends with the machine. No state partition was found, it is "
			"damaged, or a disk with another CE image is attached",
			STATE_LINES);
	last_error(p, json_object_get(a, "lastError"), TEXT_LINES - in_memory);
}

/* Nothing waits for it, so it says little; but who set it up sees nowhere else that it does not work. */
static void callback(struct page *p, const json_t *c)
{
	const char *message = string(json_object_get(c, "problem"), "message");
	if (message)
		wrapped(p, "callback", message, CALLBACK_LINES);
}

char *screen_text(const struct screen *s)
{
	struct page p = {0};
	line(&p, "CE Agent %s: compositing engine \"%s\"", s->version ? s->version : "",
		s->host_name ? s->host_name : "");
	line(&p, "%s", "");
	addresses(&p, s);
	identity(&p, s->identity);
	line(&p, "%s", "");
	agent(&p, s->agent);
	callback(&p, s->callback);
	line(&p, "%s", "");
	line(&p, "%s", "Diagnostics: cectl --server https://ADDRESS ... diagnostics --output FILE");
	return strbuf_take(&p.text);
}
