/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cectl.h"

#include <stddef.h>
#include <string.h>

#include "jsonx.h"
#include "logging.h"

/* Which options a verb takes; an option it does not take is a usage error, not ignored. */
enum {
	TAKES_DISK = 1,
	TAKES_EXPORT = 2,
	TAKES_WAIT = 4,
	TAKES_JOB = 8,
	TAKES_MAPPED = 16,
	TAKES_PREPARE = 32,
	TAKES_JOURNAL = 64,
	TAKES_ROOT = 128,
	TAKES_REQUEST = TAKES_EXPORT | TAKES_PREPARE, /* whatever becomes a request's body */
	TAKES_WORDS = 256,
	TAKES_SEED = 512,
	TAKES_PAIR = 1024,
	TAKES_OUTPUT = 2048,
};

struct verb {
	const char *name, *usage, *summary;
	bool local;
	unsigned takes;
	cectl_verb_fn *run;
};

static const struct verb verbs[] = {
	{"export", "--output smb://HOST/SHARE/NAME [OPTIONS]", "export a disk to a share, and wait",
		false, TAKES_DISK | TAKES_EXPORT | TAKES_WAIT, cectl_remote_export},
	{"publish", "--output smb://HOST/SHARE/NAME [OPTIONS]", "the same job under its other name",
		false, TAKES_DISK | TAKES_EXPORT | TAKES_WAIT, cectl_remote_publish},
	{"prepare", "--target PLATFORM [OPTIONS]", "prepare a disk for another platform, and wait",
		false, TAKES_DISK | TAKES_PREPARE | TAKES_WAIT, cectl_remote_prepare},
	{"disks", "", "the agent's disks", false, 0, cectl_remote_disks},
	{"jobs", "", "all jobs", false, 0, cectl_remote_jobs},
	{"job", "ID", "one job, whole", false, TAKES_JOB, cectl_remote_job},
	{"watch", "ID", "follow a job to its end", false, TAKES_JOB, cectl_remote_watch},
	{"cancel", "ID", "cancel a job", false, TAKES_JOB, cectl_remote_cancel},
	{"log", "ID", "a job's log", false, TAKES_JOB, cectl_remote_log},
	{"plan", "ID", "what a job would do, or did", false, TAKES_JOB, cectl_remote_plan},
	{"packs", "[put NAME FILE | delete NAME]", "driver packs: list, upload, delete", false,
		TAKES_WORDS, cectl_remote_packs},
	{"status", "", "the agent's version, uptime and load", false, 0, cectl_remote_status},
	{"diagnostics", "[--output FILE]", "what to send along when you ask for help: no secrets",
		false, TAKES_OUTPUT, cectl_remote_diagnostics},
	{"pair", "--enrolment FILE [OPTIONS]", "make a machine obey that obeys nobody yet", false,
		TAKES_PAIR, cectl_remote_pair},
	{"inspect", "--disk IMG [--root FOLDER]", "what is on a disk, and the Windows in it", true,
		TAKES_DISK | TAKES_ROOT, cectl_local_inspect},
	{"export", "--disk IMG --output OUT|smb://… [OPTIONS]",
		"export a disk to a file or a share", true, TAKES_DISK | TAKES_EXPORT | TAKES_SEED,
		cectl_local_export},
	{"prepare", "--disk IMG --target PLATFORM [OPTIONS]", "prepare a disk for another platform",
		true, TAKES_DISK | TAKES_PREPARE | TAKES_JOURNAL, cectl_local_prepare},
	{"recover", "--disk IMG [--journal FILE]", "complete a preparation that was interrupted",
		true, TAKES_DISK | TAKES_JOURNAL, cectl_local_recover},
	{"hash", "--disk IMG [--mapped]", "MD5 and SHA-256 of a disk's content", true,
		TAKES_DISK | TAKES_MAPPED, cectl_local_hash},
	{"check", "--disk IMG", "check a VHD or VHDX against its format's rules", true, TAKES_DISK,
		cectl_local_check},
	{"list-steps", "", "the steps of a preparation, in their order", true, 0,
		cectl_local_list_steps},
	{"list-platforms", "", "what a disk can be prepared for, and come from", true, 0,
		cectl_local_list_platforms},
	{"list-errors", "", "every error code and the way out", true, 0, cectl_list_errors},
};

enum { OPT_FLAG, OPT_TEXT, OPT_TAG, OPT_PACK };

struct option_row {
	const char *name, *value; /* value: its name in the help; NULL: a flag */
	unsigned takes;		  /* 0: every verb */
	int kind;
	size_t offset;
	const char *help;
};

#define FLAG(name, takes, field, help)                                           \
	{                                                                        \
		name, NULL, takes, OPT_FLAG, offsetof(struct cectl, field), help \
	}
#define TEXT(name, value, takes, field, help)                                     \
	{                                                                         \
		name, value, takes, OPT_TEXT, offsetof(struct cectl, field), help \
	}

static const struct option_row options[] = {
	TEXT("server", "URL", 0, server, "https://host[:port] of the agent (CE_SERVER)"),
	TEXT("cert", "FILE", 0, cert, "client certificate, PEM (CE_CERT)"),
	TEXT("key", "FILE", 0, key, "its key, PEM (CE_KEY)"),
	TEXT("ca", "FILE", 0, ca, "the CA that signed the agent's certificate (CE_CA)"),
	TEXT("fingerprint", "HEX", 0, fingerprint,
		"instead: that certificate, as the console shows it (CE_FINGERPRINT)"),
	FLAG("json", 0, json, "one JSON document on standard output, nothing else"),
	TEXT("disk", "DISK", TAKES_DISK, disk, "device or image file (local); disk id (agent)"),
	TEXT("target", "PLATFORM", TAKES_PREPARE, target,
		"where it is to boot: see local list-platforms"),
	TEXT("source", "PLATFORM", TAKES_PREPARE, source, "where it comes from; else recognised"),
	TEXT("root", "FOLDER", TAKES_PREPARE | TAKES_ROOT, root,
		"which Windows of several: \\Windows or 3:\\Windows"),
	{"packs", "PACK", TAKES_PREPARE, OPT_PACK, 0,
		"driver pack: folder or archive (local), name (agent); may be repeated"},
	TEXT("journal", "FILE", TAKES_JOURNAL, journal,
		"where changes wait until all are verified; default DISK.ce-journal"),
	TEXT("output", "OUT", TAKES_EXPORT | TAKES_OUTPUT, output,
		"file (local) or smb://host[:port]/share/name"),
	TEXT("format", "FORMAT", TAKES_EXPORT, format, "vhdx (default), vhd or raw"),
	TEXT("type", "TYPE", TAKES_EXPORT, type, "dynamic (default) or fixed"),
	TEXT("block-size", "SIZE", TAKES_EXPORT, block_size, "VHDX: 1M to 256M, default 32M"),
	FLAG("hash", TAKES_EXPORT, hash, "MD5 and SHA-256 of the disk in the same pass"),
	FLAG("overwrite", TAKES_EXPORT, overwrite, "replace an existing file, once complete"),
	FLAG("dry-run", TAKES_REQUEST, dry_run, "check everything, print the plan, write nothing"),
	FLAG("keep-pagefile", TAKES_EXPORT, keep_pagefile,
		"keep pagefile.sys, swapfile.sys, hiberfil.sys"),
	TEXT("seed", "TEXT", TAKES_SEED, seed,
		"ids of the image from TEXT, date from SOURCE_DATE_EPOCH: not by chance"),
	FLAG("whole-disk", TAKES_EXPORT, whole_disk, "keep free clusters too"),
	TEXT("user", "NAME", TAKES_EXPORT, user, "user of the share"),
	TEXT("domain", "NAME", TAKES_EXPORT, domain, "the user's domain"),
	TEXT("password-file", "FILE", TAKES_EXPORT, password_file,
		"the password; - is standard input"),
	FLAG("encrypt", TAKES_EXPORT, encrypt, "refuse a share that cannot encrypt"),
	TEXT("connections", "N", TAKES_EXPORT, connections, "connections to the share"),
	TEXT("request", "FILE", TAKES_REQUEST, request, "a JSON body; the options above go on top"),
	TEXT("timeout", "SECONDS", TAKES_REQUEST, timeout, "time limit of the job, default 7200"),
	{"tag", "KEY=VALUE", TAKES_REQUEST, OPT_TAG, 0, "a tag of the job; may be repeated"},
	FLAG("no-wait", TAKES_WAIT, no_wait, "print the job's id and return"),
	TEXT("enrolment", "FILE", TAKES_PAIR, enrolment, "the enrolment document, JSON"),
	TEXT("client-ca", "FILE", TAKES_PAIR, client_ca,
		"instead: obey clients of this CA, PEM, and nothing else"),
	TEXT("code-file", "FILE", TAKES_PAIR, code_file,
		"the pairing code; - is standard input; else it is asked for"),
	FLAG("mapped", TAKES_MAPPED, mapped, "hash what an export would keep"),
};

enum { CONNECTION_OPTIONS = 5 }; /* the first rows */

static void print_options(unsigned takes, bool local)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option_row *o = &options[i];
		bool connection = i < CONNECTION_OPTIONS;
		if ((o->takes && !(o->takes & takes)) || (connection && local))
			continue;
		char left[40];
		snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value ? " " : "",
			o->value ? o->value : "");
		printf("  %-22s %s\n", left, o->help);
	}
}

static void print_help(void)
{
	puts("usage: cectl [--server URL --cert FILE --key FILE --ca FILE] VERB [OPTIONS]\n"
	     "       cectl local VERB [OPTIONS]\n"
	     "\n"
	     "Drives a compositing-engine agent, or does the same work here on a disk or an\n"
	     "image file. `cectl VERB --help` and `cectl local VERB --help` list the options.\n");
	for (int local = 0; local < 2; local++) {
		puts(local ? "\nWithout an agent (cectl local …):" : "Against an agent:");
		for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
			if (verbs[i].local == local)
				printf("  %-14s %s\n", verbs[i].name, verbs[i].summary);
	}
	puts("\nExit status: 0 done, 1 failed, 2 usage, 3 refused before any write, 4 canceled.");
}

static void print_verb_help(const struct verb *v)
{
	printf("usage: cectl %s%s %s\n\n%s\n\n", v->local ? "local " : "", v->name, v->usage,
		v->summary);
	print_options(v->takes, v->local);
}

static int add_tag(struct cectl *c, const char *text, struct error **err)
{
	const char *equals = strchr(text, '=');
	if (!equals || equals == text)
		return err_set(err, ERR_INVALID_ARGUMENT, "--tag \"%s\": KEY=VALUE expected", text);
	CLEANUP_FREE char *key = strndup(text, (size_t)(equals - text));
	if (!c->tags)
		c->tags = json_object();
	jsonx_set_string(c->tags, key, equals + 1);
	return 0;
}

static int set_option(
	struct cectl *c, const struct option_row *o, const char *value, struct error **err)
{
	void *field = (char *)c + o->offset;
	if (o->kind == OPT_TAG)
		return add_tag(c, value, err);
	if (o->kind == OPT_PACK) {
		if (!c->packs)
			c->packs = json_array();
		json_array_append_new(c->packs, json_string(value));
		return 0;
	}
	if (o->kind == OPT_FLAG)
		*(bool *)field = true;
	else
		*(const char **)field = value;
	return 0;
}

/* getopt_long returns 1 for a word, so the options of the table begin behind all characters. */
enum { LONG_FIRST = 256, LONG_HELP = 1000, LONG_VERSION };

/* getopt's own table, from ours. */
static void make_long_options(struct option *out)
{
	size_t n = ARRAY_SIZE(options);
	for (size_t i = 0; i < n; i++)
		out[i] = (struct option){options[i].name,
			options[i].value ? required_argument : no_argument, NULL,
			LONG_FIRST + (int)i};
	out[n] = (struct option){"help", no_argument, NULL, LONG_HELP};
	out[n + 1] = (struct option){"version", no_argument, NULL, LONG_VERSION};
	out[n + 2] = (struct option){0};
}

static const struct verb *find_verb(const char *name, bool local, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (verbs[i].local == local && strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	err_set(err, ERR_INVALID_ARGUMENT, "no verb \"%s%s\" (see cectl --help)",
		local ? "local " : "", name);
	return NULL;
}

struct command {
	const struct verb *verb;
	bool seen[ARRAY_SIZE(options)];
	bool help, version;
};

/* Words that are not options, in their order: [local] VERB [ARGUMENT]. */
static int take_word(struct cectl *c, struct command *cmd, const char *word, struct error **err)
{
	if (!cmd->verb && !c->local && strcmp(word, "local") == 0) {
		c->local = true;
		return 0;
	}
	if (!cmd->verb) {
		cmd->verb = find_verb(word, c->local, err);
		return cmd->verb ? 0 : -1;
	}
	if ((cmd->verb->takes & TAKES_WORDS) && c->n_words < ARRAY_SIZE(c->words)) {
		c->words[c->n_words++] = word;
		return 0;
	}
	if (c->argument || !(cmd->verb->takes & TAKES_JOB))
		return err_set(err, ERR_INVALID_ARGUMENT, "\"%s\" is one word too many", word);
	c->argument = word;
	return 0;
}

/*
 * getopt takes abbreviations: then --password SECRET would mean --password-file, and the secret stand in the
 * process list for nothing. Only whole names are options; the value is not repeated in the message.
 */
static int check_names(int argc, char **argv, const struct option *longs, struct error **err)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strncmp(argv[i], "--", 2) != 0)
			continue;
		int len = (int)strcspn(argv[i], "=");
		const struct option *o = longs;
		while (o->name && ((int)strlen(o->name) != len - 2 ||
					  strncmp(o->name, argv[i] + 2, (size_t)len - 2) != 0))
			o++;
		if (!o->name)
			return err_set(
				err, ERR_INVALID_ARGUMENT, "%.*s: no such option", len, argv[i]);
		if (o->has_arg == required_argument && !argv[i][len])
			i++;
	}
	return 0;
}

static int parse(struct cectl *c, struct command *cmd, int argc, char **argv, struct error **err)
{
	struct option longs[ARRAY_SIZE(options) + 3];
	make_long_options(longs);
	opterr = 0;
	if (check_names(argc, argv, longs, err) < 0)
		return -1;
	for (;;) {
		/* "-": words come one by one, as option 1, wherever they stand. */
		int opt = getopt_long(argc, argv, "-:", longs, NULL);
		if (opt < 0)
			break;
		if (opt == 1) {
			if (take_word(c, cmd, optarg, err) < 0)
				return -1;
		} else if (opt == LONG_HELP) {
			cmd->help = true;
		} else if (opt == LONG_VERSION) {
			cmd->version = true;
		} else if (opt == ':' || opt == '?') {
			return err_set(err, ERR_INVALID_ARGUMENT, "%s: %s", argv[optind - 1],
				opt == ':' ? "a value is missing" : "no such option");
		} else {
			cmd->seen[opt - LONG_FIRST] = true;
			if (set_option(c, &options[opt - LONG_FIRST], optarg, err) < 0)
				return -1;
		}
	}
	return 0;
}

static int check_options(const struct command *cmd, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (cmd->seen[i] && options[i].takes && !(options[i].takes & cmd->verb->takes))
			return err_set(err, ERR_INVALID_ARGUMENT, "%s%s does not take --%s",
				cmd->verb->local ? "local " : "", cmd->verb->name, options[i].name);
	return 0;
}

static void from_environment(struct cectl *c)
{
	c->server = getenv("CE_SERVER");
	c->cert = getenv("CE_CERT");
	c->key = getenv("CE_KEY");
	c->ca = getenv("CE_CA");
	c->fingerprint = getenv("CE_FINGERPRINT");
}

static int run(struct cectl *c, int argc, char **argv, struct error **err)
{
	struct command cmd = {0};
	if (parse(c, &cmd, argc, argv, err) < 0)
		return -1;
	if (cmd.version) {
		puts("cectl " CE_VERSION);
		return 0;
	}
	if (cmd.help && cmd.verb) {
		print_verb_help(cmd.verb);
		return 0;
	}
	if (cmd.help) {
		print_help();
		return 0;
	}
	if (!cmd.verb)
		return err_set(err, ERR_INVALID_ARGUMENT, "no verb given (see cectl --help)");
	if (check_options(&cmd, err) < 0)
		return -1;
	return cmd.verb->run(c, err);
}

/* Of a command line that cannot be understood, too. */
static bool wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

/* With --json the error is a document too, what an agent would answer; not where a job's own tells it. */
static void show_error(const struct error *err, bool json)
{
	progress_end();
	log_error(err);
	if (!json || json_was_printed())
		return;
	CLEANUP_JSON json_t *doc = json_object();
	jsonx_set_string(doc, "status",
		err_code_class(err->code) == ERR_CLASS_CANCEL ? "canceled" : "failed");
	jsonx_set(doc, "error", jsonx_from_error(err));
	print_json(doc);
}

int main(int argc, char **argv)
{
	struct cectl c = {0};
	struct error *err CLEANUP(err_free_p) = NULL;
	log_init("cectl");
	from_environment(&c);
	int rc = run(&c, argc, argv, &err);
	if (rc < 0)
		show_error(err, wants_json(argc, argv));
	json_decref(c.tags);
	json_decref(c.packs);
	if (rc >= 0 && fflush(stdout) != 0) {
		perror("cectl: standard output");
		return 1;
	}
	return rc < 0 ? err_exit_status(err, c.wrote) : rc;
}
