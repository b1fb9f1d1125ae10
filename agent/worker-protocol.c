/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker-protocol.h"

#include <ctype.h>
#include <string.h>

#include "io.h"
#include "jsonx.h"
#include "mem.h"
#include "utf16.h"

enum {
	HAS_STEP = 1,
	HAS_PROGRESS = 2,
	HAS_CODE = 4,
	HAS_MESSAGE = 8,
	HAS_BODY = 16,
	HAS_ERROR = 32
};

/* What a line of each kind holds; body: the member with the object. */
static const struct {
	const char *name, *body;
	unsigned has;
} kinds[] = {
	[WORKER_STEP] = {"step", NULL, HAS_STEP | HAS_PROGRESS},
	[WORKER_PROGRESS] = {"progress", NULL, HAS_STEP | HAS_PROGRESS},
	[WORKER_WARNING] = {"warning", NULL, HAS_STEP | HAS_CODE | HAS_MESSAGE},
	[WORKER_NOTE] = {"note", NULL, HAS_STEP | HAS_MESSAGE},
	[WORKER_PLAN] = {"plan", "plan", HAS_BODY},
	[WORKER_RESULT] = {"result", "result", HAS_BODY},
	[WORKER_ERROR] = {"error", "error", HAS_ERROR},
};

static int malformed(struct error **err, const char *what)
{
	return err_set(err, ERR_INTERNAL, "a line of the worker is not of its protocol: %s", what);
}

/* Names are ours, never a guest's: the parent may put them in a log or a metric as they are. */
static bool is_name(const char *text)
{
	size_t n = strlen(text);
	if (n == 0 || n > 64)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) &&
			text[i] != '-')
			return false;
	return true;
}

static int take_text(
	const json_t *o, const char *key, bool required, bool name, char **ret, struct error **err)
{
	const json_t *value = json_object_get(o, key);
	if (!value || json_is_null(value))
		return required ? malformed(err, key) : 0;
	const char *text = json_string_value(value);
	if (!text || (name && !is_name(text)))
		return malformed(err, key);
	*ret = xstrdup(text);
	return 0;
}

static int take_count(
	const json_t *o, const char *key, bool nullable, uint64_t *ret, struct error **err)
{
	const json_t *value = json_object_get(o, key);
	if (nullable && json_is_null(value))
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return malformed(err, key);
	*ret = (uint64_t)json_integer_value(value);
	return 0;
}

static int take_progress(const json_t *o, struct worker_event *ev, struct error **err)
{
	const json_t *percent = json_object_get(o, "percent");
	if (!json_is_number(percent) || !(json_number_value(percent) >= 0) ||
		!(json_number_value(percent) <= 100))
		return malformed(err, "percent");
	ev->percent = json_number_value(percent);
	if (take_count(o, "total", false, &ev->total, err) < 0)
		return -1;
	if (ev->kind == WORKER_STEP)
		return 0;
	uint64_t eta = 0;
	if (take_count(o, "done", false, &ev->done, err) < 0 ||
		take_count(o, "bytesPerSecond", true, &ev->bytes_per_second, err) < 0 ||
		take_count(o, "etaSeconds", true, &eta, err) < 0)
		return -1;
	if (!json_is_null(json_object_get(o, "etaSeconds")))
		ev->eta_seconds = (int64_t)eta;
	return 0;
}

static int take_error(const json_t *o, struct worker_event *ev, struct error **err)
{
	const json_t *wrote = json_object_get(o, "wrote");
	if (!json_is_object(json_object_get(o, "error")) || !json_is_boolean(wrote))
		return malformed(err, "error");
	ev->error = jsonx_to_error(json_object_get(o, "error"));
	ev->wrote = json_is_true(wrote);
	return 0;
}

static int take_members(const json_t *o, struct worker_event *ev, struct error **err)
{
	unsigned has = kinds[ev->kind].has;
	bool step_required = has & HAS_PROGRESS;
	if ((has & HAS_STEP) && take_text(o, "step", step_required, true, &ev->step, err) < 0)
		return -1;
	if ((has & HAS_CODE) && take_text(o, "code", true, true, &ev->code, err) < 0)
		return -1;
	if ((has & HAS_MESSAGE) && take_text(o, "message", true, false, &ev->message, err) < 0)
		return -1;
	if ((has & HAS_PROGRESS) && take_progress(o, ev, err) < 0)
		return -1;
	if (has & HAS_BODY) {
		ev->body = json_incref(json_object_get(o, kinds[ev->kind].body));
		if (!json_is_object(ev->body))
			return malformed(err, kinds[ev->kind].body);
	}
	return (has & HAS_ERROR) ? take_error(o, ev, err) : 0;
}

static int find_kind(const json_t *o, enum worker_event_kind *ret, struct error **err)
{
	const char *name = json_string_value(json_object_get(o, "event"));
	for (size_t i = 0; name && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(name, kinds[i].name) == 0) {
			*ret = (enum worker_event_kind)i;
			return 0;
		}
	return malformed(err, "event");
}

int worker_event_parse(const char *line, size_t len, struct worker_event *ret, struct error **err)
{
	CLEANUP_JSON json_t *o = NULL;
	if (len > WORKER_LINE_MAX)
		return malformed(err, "longer than 1 MiB");
	if (jsonx_parse(line, len, &o, err) < 0) {
		(*err)->code = ERR_INTERNAL;
		return err_prefix(err, "a line of the worker is not of its protocol");
	}
	struct worker_event ev = {.eta_seconds = -1};
	if (find_kind(o, &ev.kind, err) < 0 || take_members(o, &ev, err) < 0) {
		worker_event_done(&ev);
		return -1;
	}
	*ret = ev;
	return 0;
}

void worker_event_done(struct worker_event *ev)
{
	free(ev->step);
	free(ev->code);
	free(ev->message);
	json_decref(ev->body);
	err_free(ev->error);
	*ev = (struct worker_event){0};
}

/* One write: a parent never reads half a line of a worker that is killed. Where nobody reads any
 * more there is nobody to tell either. */
static void write_line(json_t *o)
{
	CLEANUP_FREE char *text = jsonx_dump(o);
	json_decref(o);
	CLEANUP_FREE char *line = xasprintf("%s\n", text);
	if (write_full(STDOUT_FILENO, line, strlen(line)) < 0)
		return;
}

static json_t *event_object(enum worker_event_kind kind)
{
	json_t *o = json_object();
	jsonx_set_string(o, "event", kinds[kind].name);
	return o;
}

/* Names and paths inside a guest are arbitrary bytes; lines are UTF-8 without control characters. */
static void set_text(json_t *o, const char *key, const char *text)
{
	CLEANUP_FREE char *clean = text ? utf8_clean(text) : NULL;
	jsonx_set_string(o, key, clean);
}

static void set_optional(json_t *o, const char *key, bool known, uint64_t value)
{
	jsonx_set(o, key, known ? json_integer((json_int_t)value) : json_null());
}

static void set_progress(json_t *o, enum worker_event_kind kind, const struct op_event *ev)
{
	/* Two decimals are more than a screen shows, and keep the line short. */
	jsonx_set(o, "percent", json_real((double)(unsigned)(ev->percent * 100 + 0.5) / 100));
	jsonx_set_u64(o, "total", ev->total);
	if (kind == WORKER_STEP)
		return;
	jsonx_set_u64(o, "done", ev->done);
	set_optional(o, "bytesPerSecond", ev->bytes_per_second > 0, ev->bytes_per_second);
	set_optional(o, "etaSeconds", ev->eta_seconds >= 0, (uint64_t)ev->eta_seconds);
}

void worker_emit_op(const struct op_event *ev)
{
	static const enum worker_event_kind of_op[] = {
		[OP_EVENT_STEP] = WORKER_STEP,
		[OP_EVENT_PROGRESS] = WORKER_PROGRESS,
		[OP_EVENT_WARNING] = WORKER_WARNING,
		[OP_EVENT_NOTE] = WORKER_NOTE,
	};
	enum worker_event_kind kind = of_op[ev->kind];
	unsigned has = kinds[kind].has;
	json_t *o = event_object(kind);
	jsonx_set_string(o, "step", ev->step);
	if (has & HAS_CODE)
		jsonx_set_string(o, "code", ev->code);
	if (has & HAS_MESSAGE)
		set_text(o, "message", ev->message);
	if (has & HAS_PROGRESS)
		set_progress(o, kind, ev);
	write_line(o);
}

void worker_emit_body(enum worker_event_kind kind, json_t *body)
{
	json_t *o = event_object(kind);
	jsonx_set(o, kinds[kind].body, body);
	write_line(o);
}

void worker_emit_error(const struct error *error, bool wrote)
{
	json_t *o = event_object(WORKER_ERROR), *e = json_object();
	jsonx_set_string(e, "code", err_code_name(error->code));
	set_text(e, "message", error->message);
	set_text(e, "detail", error->detail);
	jsonx_set_string(e, "step", error->step);
	set_text(e, "hint", err_hint_text(error));
	jsonx_set(o, "error", e);
	jsonx_set_bool(o, "wrote", wrote);
	write_line(o);
}
