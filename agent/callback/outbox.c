/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "outbox.h"

#include <dirent.h>
#include <string.h>
#include <time.h>

#include "io.h"
#include "jsonx.h"
#include "mem.h"
#include "tree.h"

#define RECORD_MAX (16u << 20)
#define TEXT_MAX   2000 /* bytes of an error's message */

struct known {
	char id[GUID_STRING_SIZE];
	bool told, here; /* here: the agent has it still */
	int64_t ended_us;
	uint64_t seq;
	struct outbox_event event; /* until it is told */
};

struct outbox {
	char *jobs_dir, *told_file;
	struct outbox_event ready;
	bool ready_wanted, ready_told;
	struct known *v; /* by id */
	size_t n;
};

static void event_done(struct outbox_event *e)
{
	free(e->time);
	json_decref(e->job);
	*e = (struct outbox_event){0};
}

void outbox_free(struct outbox *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->n; i++)
		event_done(&o->v[i].event);
	free(o->v);
	event_done(&o->ready);
	free(o->jobs_dir);
	free(o->told_file);
	free(o);
}

/* ---- the list ---- */

/* Where it is, or where it belongs. */
static size_t position(const struct outbox *o, const char *id)
{
	size_t low = 0, high = o->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(o->v[middle].id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct known *find(const struct outbox *o, const char *id)
{
	size_t i = position(o, id);
	return i < o->n && strcmp(o->v[i].id, id) == 0 ? &o->v[i] : NULL;
}

static void drop(struct outbox *o, size_t i)
{
	event_done(&o->v[i].event);
	memmove(&o->v[i], &o->v[i + 1], (--o->n - i) * sizeof(*o->v));
}

static struct known *oldest(const struct outbox *o)
{
	struct known *first = NULL;
	for (struct known *k = o->v; k && k < o->v + o->n; k++)
		if (!k->told && (!first || k->ended_us < first->ended_us ||
					(k->ended_us == first->ended_us && k->seq < first->seq)))
			first = k;
	return first;
}

static struct known *add(struct outbox *o, const char *id)
{
	if (o->n == OUTBOX_MAX) {
		/* an appliance that has been away for thousands of jobs */
		const struct known *first = oldest(o);
		drop(o, first ? (size_t)(first - o->v) : 0);
	}
	size_t i = position(o, id);
	o->v = xrealloc_array(o->v, o->n + 1, sizeof(*o->v));
	memmove(&o->v[i + 1], &o->v[i], (o->n++ - i) * sizeof(*o->v));
	o->v[i] = (struct known){.here = true};
	memcpy(o->v[i].id, id, GUID_STRING_SIZE);
	return &o->v[i];
}

/* ---- what has been told ---- */

static bool normal_id(const char *text, char ret[static GUID_STRING_SIZE])
{
	struct guid g;
	if (!text || !guid_parse(text, &g))
		return false;
	guid_format(&g, ret);
	return true;
}

/* What cannot be read was told to nobody, for all we know. */
static void load_told(struct outbox *o)
{
	CLEANUP_ERR struct error *ignored = NULL;
	CLEANUP_JSON json_t *state = NULL;
	char id[GUID_STRING_SIZE];
	size_t i;
	json_t *job;
	if (jsonx_read_file(o->told_file, &state, &ignored) < 0)
		return;
	const char *boot = json_string_value(jsonx_get(state, "boot"));
	o->ready_told = boot && strcmp(boot, o->ready.id) == 0;
	json_array_foreach (jsonx_get(state, "jobs"), i, job)
		if (normal_id(json_string_value(job), id) && !find(o, id))
			add(o, id)->told = true;
}

static int save_told(const struct outbox *o, struct error **err)
{
	CLEANUP_JSON json_t *state = json_object();
	json_t *jobs = json_array();
	for (size_t i = 0; i < o->n; i++)
		if (o->v[i].told)
			json_array_append_new(jobs, json_string(o->v[i].id));
	jsonx_set_string(state, "boot", o->ready_told ? o->ready.id : NULL);
	jsonx_set(state, "jobs", jobs);
	CLEANUP_FREE char *text = jsonx_dump(state);
	return file_write_atomic(o->told_file, text, strlen(text), 0600, err);
}

/* ---- what the agent has on record ---- */

static json_t *cut(const json_t *text)
{
	const char *s = json_string_value(text);
	size_t n = s ? strnlen(s, TEXT_MAX) : 0;
	while (n && s[n] && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--; /* not in the middle of a character */
	return s ? json_stringn(s, n) : json_null();
}

/* The parts that an appliance acts on; the rest it asks the agent for. */
static json_t *summary(const json_t *job)
{
	static const char *const names[] = {
		"id", "type", "status", "dryRun", "disk", "creationTime", "startTime", "endTime"};
	static const char *const error_names[] = {"code", "message", "step", "hint"};
	json_t *o = json_object();
	const json_t *error = json_object_get(job, "error");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		json_t *v = json_object_get(job, names[i]);
		jsonx_set(o, names[i], json_is_boolean(v) ? json_incref(v) : cut(v));
	}
	jsonx_set_u64(o, "warnings", json_array_size(json_object_get(job, "warnings")));
	jsonx_set(o, "error", json_is_object(error) ? json_object() : json_null());
	for (size_t i = 0; json_is_object(error) && i < ARRAY_SIZE(error_names); i++)
		jsonx_set(json_object_get(o, "error"), error_names[i],
			cut(json_object_get(error, error_names[i])));
	return o;
}

/* NULL: not a record, or not of a job that has ended. */
static json_t *read_ended(const char *path, uint64_t *ret_seq, int64_t *ret_ended_us)
{
	CLEANUP_ERR struct error *ignored = NULL;
	CLEANUP_FREE char *text = NULL;
	size_t len;
	if (file_read(path, RECORD_MAX, &text, &len, &ignored) < 0)
		return NULL;
	json_t *record = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	*ret_seq = (uint64_t)json_integer_value(json_object_get(record, "seq"));
	*ret_ended_us = json_integer_value(json_object_get(record, "endedUs"));
	if (*ret_ended_us > 0 && json_is_object(json_object_get(record, "job")))
		return record;
	json_decref(record);
	return NULL;
}

static void look_at(struct outbox *o, const char *id)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s/job.json", o->jobs_dir, id);
	uint64_t seq = 0;
	int64_t ended = 0;
	CLEANUP_JSON json_t *record = read_ended(path, &seq, &ended);
	if (!record)
		return;
	const json_t *job = json_object_get(record, "job");
	const char *time = json_string_value(json_object_get(job, "endTime"));
	struct known *k = add(o, id);
	k->seq = seq;
	k->ended_us = ended;
	k->event = (struct outbox_event){
		.name = "jobEnded", .time = time ? xstrdup(time) : NULL, .job = summary(job)};
	memcpy(k->event.id, id, GUID_STRING_SIZE);
}

void outbox_scan(struct outbox *o)
{
	CLEANUP_CLOSEDIR DIR *d = opendir(o->jobs_dir);
	char id[GUID_STRING_SIZE];
	const struct dirent *e;
	if (!d)
		return; /* the agent has not made it yet */
	for (size_t i = 0; i < o->n; i++)
		o->v[i].here = false;
	while ((e = readdir(d))) {
		if (!normal_id(e->d_name, id) || strcmp(id, e->d_name) != 0)
			continue;
		struct known *k = find(o, id);
		if (k)
			k->here = true;
		else
			look_at(o, id);
	}
	/* forgotten by the agent: an id never comes again */
	for (size_t i = o->n; i--;)
		if (o->v[i].told && !o->v[i].here)
			drop(o, i);
}

/* ---- the whole ---- */

int outbox_open(const char *jobs_dir, const char *state_dir, const char *boot_id,
	struct outbox **ret, struct error **err)
{
	CLEANUP(outbox_free_p) struct outbox *o = xcalloc(1, sizeof(*o));
	o->jobs_dir = xstrdup(jobs_dir);
	o->told_file = xasprintf("%s/told.json", state_dir);
	o->ready.name = "ready";
	if (!normal_id(boot_id, o->ready.id))
		return err_set(err, ERR_INTERNAL, "the boot's id is \"%.40s\"", boot_id);
	if (folder_make(state_dir, 0700, err) < 0)
		return -1;
	load_told(o);
	*ret = TAKE_PTR(o);
	return 0;
}

void outbox_ready(struct outbox *o)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[32] = "";
	if (o->ready_wanted || o->ready_told)
		return;
	o->ready_wanted = true;
	if (gmtime_r(&now, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
	o->ready.time = xstrdup(text);
}

const struct outbox_event *outbox_next(const struct outbox *o)
{
	if (o->ready_wanted && !o->ready_told)
		return &o->ready;
	const struct known *k = oldest(o);
	return k ? &k->event : NULL;
}

int outbox_told(struct outbox *o, struct error **err)
{
	if (o->ready_wanted && !o->ready_told) {
		o->ready_told = true;
	} else {
		struct known *k = oldest(o);
		k->told = true;
		event_done(&k->event);
	}
	return save_told(o, err);
}
