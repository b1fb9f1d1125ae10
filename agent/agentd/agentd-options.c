/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agentd-options.h"

#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "job-list.h"
#include "jsonx.h"
#include "mem.h"
#include "worker-run.h"

#define MAX_JOBS_MAX 64

enum kind { TEXT, PIN, DISK, COUNT, CONFIG, HELP, VERSION };

static const struct row {
	const char *name, *value; /* value NULL: takes none */
	enum kind kind;
	size_t offset; /* of a TEXT */
	const char *help;
} rows[] = {
#define TEXT_ROW(name, value, field, help)                                      \
	{                                                                       \
		name, value, TEXT, offsetof(struct agentd_options, field), help \
	}
	TEXT_ROW("listen", "ADDR:PORT", listen, "where to listen [[::]:443]; port 0: any"),
	TEXT_ROW("cert", "FILE", cert, "server certificate, PEM, with its chain"),
	TEXT_ROW("key", "FILE", key, "its private key, PEM, for its owner's eyes only"),
	TEXT_ROW("client-ca", "FILE", client_ca, "CA that client certificates chain to"),
	{"client-pin", "SHA256:HEX", PIN, 0, "accept only this client certificate (again: or)"},
	TEXT_ROW("pairing", "DIR", pairing, "obey nobody, take an enrolment for the code in DIR"),
	TEXT_ROW("state-dir", "DIR", state_dir, "job records and logs [/var/lib/ce-agent]"),
	TEXT_ROW("status-file", "FILE", status_file, "keep what the console shows in this file"),
	TEXT_ROW("worker", "FILE", worker, "ce-worker [beside ce-agentd]"),
	{"disk", "NAME=PATH", DISK, 0, "offer this disk or image, and no others (again)"},
	{"max-jobs", "N", COUNT, 0, "jobs that run at once [4]; others wait"},
	{"config", "FILE", CONFIG, 0, "JSON object with these names as keys"},
	{"help", NULL, HELP, 0, "show this"},
	{"version", NULL, VERSION, 0, "show the version"},
#undef TEXT_ROW
};

void agentd_options_done(struct agentd_options *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].kind == TEXT)
			free(*(char **)((char *)o + rows[i].offset));
	for (size_t i = 0; i < o->n_client_pins; i++)
		free(o->client_pins[i]);
	free(o->client_pins);
	disk_list_done(&o->disks);
	*o = (struct agentd_options){0};
}

static void show_help(void)
{
	puts("usage: ce-agentd --cert FILE --key FILE --client-ca FILE [OPTION...]\n"
	     "The CE agent: exports Windows disks as its clients ask over HTTPS.\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FREE char *option = xasprintf("--%s%s%s", rows[i].name,
			rows[i].value ? " " : "", rows[i].value ? rows[i].value : "");
		printf("  %-26s %s\n", option, rows[i].help);
	}
	puts("\nStops on SIGTERM: jobs that run are canceled and recorded as interrupted.\n"
	     "CE_LOG_LEVEL is error, warning, info or debug. See ce-agentd(8).");
}

static int set_count(
	struct agentd_options *o, const char *name, const char *value, struct error **err)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);
	if (*end || *value < '0' || *value > '9' || n < 1 || n > MAX_JOBS_MAX)
		return err_set(err, ERR_INVALID_ARGUMENT,
			"option \"%s\" is \"%s\" (1 to %d expected)", name, value, MAX_JOBS_MAX);
	o->max_jobs = (unsigned)n;
	return 0;
}

static void add_pin(struct agentd_options *o, const char *value)
{
	o->client_pins =
		xrealloc_array(o->client_pins, o->n_client_pins + 2, sizeof(*o->client_pins));
	o->client_pins[o->n_client_pins++] = xstrdup(value);
	o->client_pins[o->n_client_pins] = NULL;
}

static int set(
	struct agentd_options *o, const struct row *row, const char *value, struct error **err)
{
	char **text = (char **)((char *)o + row->offset);
	switch (row->kind) {
	case TEXT:
		if (!*value)
			return err_set(
				err, ERR_INVALID_ARGUMENT, "option \"%s\" is empty", row->name);
		free(*text);
		*text = xstrdup(value);
		return 0;
	case PIN:
		add_pin(o, value);
		return 0;
	case DISK:
		return disk_list_add(&o->disks, value, err);
	case COUNT:
		return set_count(o, row->name, value, err);
	case CONFIG:
	case HELP:
	case VERSION:
		break;
	}
	return err_set(err, ERR_INVALID_ARGUMENT, "\"%s\" belongs on the command line", row->name);
}

/* A text, a number, or for what may be given again an array of texts. */
static int set_json(
	struct agentd_options *o, const struct row *row, const json_t *value, struct error **err)
{
	if (json_is_integer(value)) {
		CLEANUP_FREE char *text =
			xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return row->kind == COUNT
			       ? set(o, row, text, err)
			       : err_set(err, ERR_INVALID_ARGUMENT,
					 "\"%s\" is a number (a text expected)", row->name);
	}
	if (json_is_array(value) && (row->kind == PIN || row->kind == DISK)) {
		size_t i;
		json_t *item;
		json_array_foreach ((json_t *)value, i, item)
			if (json_is_array(item) || set_json(o, row, item, err) < 0)
				return *err ? -1
					    : err_set(err, ERR_INVALID_ARGUMENT,
						      "\"%s\" holds an array", row->name);
		return 0;
	}
	if (!json_is_string(value))
		return err_set(err, ERR_INVALID_ARGUMENT, "\"%s\" is not a text", row->name);
	return set(o, row, json_string_value(value), err);
}

static const struct row *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static int read_config(struct agentd_options *o, const char *file, struct error **err)
{
	CLEANUP_JSON json_t *config = NULL;
	const char *key;
	json_t *value;
	if (jsonx_read_file(file, &config, err) < 0)
		return -1;
	json_object_foreach (config, key, value) {
		const struct row *row = find(key);
		if (!row)
			return err_set(
				err, ERR_INVALID_ARGUMENT, "\"%s\": unknown key \"%s\"", file, key);
		if (set_json(o, row, value, err) < 0)
			return err_prefix(err, "\"%s\"", file);
	}
	return 0;
}

static int check(const struct agentd_options *o, struct error **err)
{
	const struct {
		const char *name, *value;
	} required[] = {{"cert", o->cert}, {"key", o->key}, {"client-ca", o->client_ca}};
	const size_t n = ARRAY_SIZE(required) - (o->pairing ? 1 : 0);
	if (o->pairing && (o->client_ca || o->n_client_pins))
		return err_set(err, ERR_INVALID_ARGUMENT,
			"option \"--pairing\": there are no clients yet (neither --client-ca nor "
			"--client-pin expected)");
	for (size_t i = 0; i < n; i++)
		if (!required[i].value)
			return err_set(err, ERR_INVALID_ARGUMENT, "option \"--%s\" is missing",
				required[i].name);
	return 0;
}

static void set_default(char **text, char *value)
{
	if (*text)
		free(value);
	else
		*text = value;
}

/* Pass 0 finds the file, pass 1 applies the rest over it. */
static int scan_line(int argc, char **argv, struct agentd_options *o, bool apply,
	enum agentd_start *ret_start, struct error **err)
{
	struct option options[ARRAY_SIZE(rows) + 1] = {0};
	int c, index = 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		options[i] = (struct option){
			rows[i].name, rows[i].value ? required_argument : no_argument, NULL, 0};
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", options, &index)) != -1) {
		const struct row *row = c == 'h' ? find("help") : &rows[index];
		if (c == '?' || c == ':')
			return err_set(err, ERR_INVALID_ARGUMENT,
				c == ':' ? "option \"%s\" needs a value" : "unknown option \"%s\"",
				argv[optind - 1]);
		if (row->kind == HELP || row->kind == VERSION) {
			if (row->kind == HELP)
				show_help();
			else
				puts("ce-agentd " CE_VERSION);
			*ret_start = AGENTD_SHOWN;
			return 0;
		}
		if (row->kind == CONFIG ? !apply && read_config(o, optarg, err) < 0
					: apply && set(o, row, optarg, err) < 0)
			return -1;
	}
	if (optind < argc)
		return err_set(
			err, ERR_INVALID_ARGUMENT, "unexpected argument \"%s\"", argv[optind]);
	return 0;
}

int agentd_options_parse(int argc, char **argv, struct agentd_options *ret,
	enum agentd_start *ret_start, struct error **err)
{
	*ret = (struct agentd_options){.max_jobs = JOBS_RUNNING_DEFAULT};
	*ret_start = AGENTD_RUN;
	if (scan_line(argc, argv, ret, false, ret_start, err) < 0)
		return -1;
	if (*ret_start == AGENTD_SHOWN)
		return 0;
	if (scan_line(argc, argv, ret, true, ret_start, err) < 0)
		return -1;
	set_default(&ret->listen, xstrdup("[::]:443"));
	set_default(&ret->state_dir, xstrdup("/var/lib/ce-agent"));
	set_default(&ret->worker, worker_default_program());
	return check(ret, err);
}
