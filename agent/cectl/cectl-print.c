/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cectl.h"

#include <inttypes.h>
#include <string.h>

#include "jsonx.h"

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

static const char *bytes(const json_t *o, const char *key, char *buf, size_t size)
{
	return format_bytes((uint64_t)json_integer_value(json_object_get(o, key)), buf, size);
}

static bool printed;

void print_json(const json_t *value)
{
	CLEANUP_FREE char *s = jsonx_dump_pretty(value);
	printf("%s\n", s);
	printed = true;
}

bool json_was_printed(void)
{
	return printed;
}

void print_export_result(const json_t *job)
{
	const json_t *info = json_object_get(job, "additionalInfo");
	const json_t *a = json_object_get(info, "artifacts");
	char n[32];
	const char *location = text(a, "location");
	printf("exported   %s%s%s\n", location, *location ? "/" : "", text(a, "file"));
	printf("format     %s, %s\n", text(a, "format"), text(a, "type"));
	printf("disk       %s\n", bytes(a, "virtualSizeBytes", n, sizeof(n)));
	printf("file       %s", bytes(a, "fileSizeBytes", n, sizeof(n)));
	printf(", %s written\n", bytes(a, "bytesWritten", n, sizeof(n)));
	if (*text(a, "md5Hash"))
		printf("md5        %s\n", text(a, "md5Hash"));
	if (*text(a, "sha256Hash"))
		printf("sha256     %s\n", text(a, "sha256Hash"));
	json_t *duration = json_object_get(info, "durationSeconds");
	if (duration)
		printf("time       %.1f s\n", json_number_value(duration));
}

void print_disks(const json_t *disks)
{
	char n[32];
	size_t i;
	json_t *d;
	json_array_foreach (json_object_get(disks, "items"), i, d)
		printf("%-16s %12s  %s\n", text(d, "id"), bytes(d, "size", n, sizeof(n)),
			text(d, "path"));
}

void print_jobs(const json_t *jobs)
{
	size_t i;
	json_t *j;
	json_array_foreach (json_object_get(jobs, "items"), i, j)
		printf("%s  %-10s %-10s %5.1f %%  %s\n", text(j, "id"), text(j, "type"),
			text(j, "status"),
			json_number_value(json_object_get(j, "overallProgressPercent")),
			text(json_object_get(j, "error"), "message"));
}
