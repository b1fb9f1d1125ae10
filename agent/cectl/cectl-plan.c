/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan of a preparation, as a person reads it. */
#include "cectl.h"

#include <inttypes.h>
#include <string.h>

#include "jsonx.h"

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

static uint64_t number(const json_t *o, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(o, key));
}

/* "  set  SYSTEM\\ControlSet001\\… [Start] 3 -> 0 (why)" */
static void print_action(const json_t *a)
{
	const char *hive = text(a, "hive"), *old = text(a, "old"), *new_value = text(a, "new");
	printf("  %-16s ", text(a, "action"));
	if (*hive)
		printf("%s\\%s", hive, text(a, "key"));
	else
		printf("%s", text(a, "path"));
	if (json_is_string(json_object_get(a, "value")))
		printf(" [%s]", *text(a, "value") ? text(a, "value") : "(default)");
	if (*old)
		printf(" %s", old);
	if (*new_value)
		printf(" -> %s", new_value);
	if (json_object_get(a, "size"))
		printf(" %" PRIu64 " bytes", number(a, "size"));
	printf(" (%s)\n", text(a, "why"));
}

void print_plan(const json_t *plan)
{
	const char *step = "";
	size_t i;
	json_t *item;
	json_array_foreach (json_object_get(plan, "actions"), i, item) {
		if (strcmp(step, text(item, "step")) != 0)
			printf("%s\n", text(item, "step"));
		step = text(item, "step");
		print_action(item);
	}
	if (json_array_size(json_object_get(plan, "notes")))
		puts("notes");
	json_array_foreach (json_object_get(plan, "notes"), i, item)
		printf("  %-16s %s\n", text(item, "step"), text(item, "message"));
	if (number(plan, "omitted"))
		printf("and %" PRIu64 " more\n", number(plan, "omitted"));
}

void print_prepare_result(const json_t *job)
{
	const json_t *info = json_object_get(job, "additionalInfo");
	const json_t *plan = json_object_get(job, "plan");
	const json_t *totals = json_object_get(plan, "totals");
	bool dry_run = json_is_true(json_object_get(job, "dryRun"));
	const char *source = text(plan, "source");
	char n[32];
	print_plan(plan);
	printf("%s   from %s to %s\n", dry_run ? "planned " : "prepared",
		*source ? source : "unknown", text(plan, "target"));
	printf("actions    %" PRIu64 ": %" PRIu64 " in the registry, %" PRIu64 " files\n",
		number(totals, "actions"), number(totals, "registry"), number(totals, "files"));
	printf("%s  %s\n", dry_run ? "to write " : "written  ",
		format_bytes(number(totals, "bytesChanged"), n, sizeof(n)));
	printf("time       %.1f s\n", json_number_value(json_object_get(info, "durationSeconds")));
}
