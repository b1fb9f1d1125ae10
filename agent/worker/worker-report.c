/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A report must fit into a line of the worker's protocol, and a short one into the record of a job. */
#include "worker-report.h"

#include <string.h>

#include "jsonx.h"
#include "utf16.h"

#define VALUE_MAX 200

static size_t text_size(const json_t *value)
{
	CLEANUP_FREE char *text = jsonx_dump(value);
	return strlen(text);
}

static void cut_values(json_t *action)
{
	static const char *const long_ones[] = {"old", "new", "why", "message"};
	for (size_t i = 0; i < sizeof(long_ones) / sizeof(*long_ones); i++) {
		const char *text = json_string_value(json_object_get(action, long_ones[i]));
		if (!text || strlen(text) <= VALUE_MAX)
			continue;
		size_t n = VALUE_MAX;
		/* Not in the middle of a character. */
		while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
		jsonx_set(action, long_ones[i], json_sprintf("%.*s…", (int)n, text));
	}
}

/* Drops from the end what does not fit into room bytes; returns how many. */
static size_t cut_list(json_t *list, size_t *room)
{
	size_t kept = 0, n = json_array_size(list);
	for (; kept < n; kept++) {
		json_t *item = json_array_get(list, kept);
		cut_values(item);
		size_t size = text_size(item) + 1;
		if (size > *room)
			break;
		*room -= size;
	}
	for (size_t i = n; i > kept; i--)
		json_array_remove(list, i - 1);
	return n - kept;
}

json_t *report_bounded(const json_t *report, size_t max)
{
	json_t *copy = json_deep_copy(report);
	size_t omitted = 0;
	if (text_size(copy) + 32 > max) {
		json_t *actions = json_object_get(copy, "actions");
		json_t *notes = json_object_get(copy, "notes");
		/* What is around the lists: names, evidence, totals. */
		size_t around = text_size(copy) - text_size(actions) - text_size(notes) + 64;
		size_t room = around < max ? max - around : 0;
		omitted = cut_list(actions, &room) + cut_list(notes, &room);
	}
	jsonx_set_u64(copy, "omitted", omitted);
	return copy;
}
