/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `cectl pair`: makes a machine that obeys nobody obey us. */
#include "cectl.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cectl-peer.h"
#include "enrolment.h"
#include "io.h"
#include "jsonx.h"
#include "mem.h"
#include "op.h"

#define BACK_SECONDS 60
#define CODE_MAX     64

/* The document: what --enrolment names, or the least one around --client-ca. It is looked at before it goes out. */
static int read_document(const struct cectl *c, json_t **ret, struct error **err)
{
	CLEANUP(enrolment_free_p) struct enrolment *e = NULL;
	CLEANUP_JSON json_t *document = NULL;
	CLEANUP_FREE char *ca = NULL;
	size_t len;
	if (!c->enrolment == !c->client_ca)
		return err_set(err, ERR_INVALID_ARGUMENT,
			"either --enrolment or --client-ca is needed: whom the machine is to obey");
	if (c->enrolment && jsonx_read_file(c->enrolment, &document, err) < 0)
		return err_prefix(err, "--enrolment");
	if (c->client_ca) {
		if (file_read(c->client_ca, ENROLMENT_SIZE_MAX, &ca, &len, err) < 0)
			return err_prefix(err, "--client-ca");
		document = json_object();
		jsonx_set_u64(document, "version", 1);
		jsonx_set_string(document, "clientCa", ca);
	}
	char *text = jsonx_dump(document);
	int r = enrolment_parse(text, strlen(text), &e, err);
	mem_wipe_str(text);
	if (r < 0)
		return -1;
	*ret = TAKE_PTR(document);
	return 0;
}

/* One line; what is typed is no secret for long: the code is worth nothing once it was used. */
static int read_line(FILE *f, char ret[CODE_MAX], struct error **err)
{
	if (!fgets(ret, CODE_MAX, f))
		*ret = '\0';
	ret[strcspn(ret, "\r\n")] = '\0';
	return *ret ? 0 : err_set(err, ERR_CANCELED, "no pairing code was given");
}

static int read_code(const struct cectl *c, char ret[CODE_MAX], struct error **err)
{
	if (c->code_file && strcmp(c->code_file, "-") != 0) {
		CLEANUP_FCLOSE FILE *f = fopen(c->code_file, "re");
		return f ? read_line(f, ret, err)
			 : err_errno(err, ERR_INVALID_ARGUMENT, errno, "--code-file \"%s\"",
				   c->code_file);
	}
	if (!c->code_file)
		fputs("pairing code, as the console shows it: ", stderr);
	return read_line(stdin, ret, err);
}

/* Nobody vouches for the machine: a person compares, here or where the fingerprint was taken from. */
static int show_fingerprint(const struct cectl *c, const char *fingerprint, struct error **err)
{
	if (c->fingerprint)
		return 0;
	if (!isatty(STDIN_FILENO) || c->code_file)
		return err_set(err, ERR_INVALID_ARGUMENT,
			"%s shows the certificate %s: compare it with the machine's console, then "
			"give it as --fingerprint",
			c->server, fingerprint);
	fprintf(stderr,
		"%s shows the certificate\n  %.39s\n         %s\n"
		"If the machine's console shows another one, stop here (Ctrl-C): "
		"somebody is in between.\n",
		c->server, fingerprint, fingerprint + 39);
	return 0;
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* The agent ends when it is paired, and whoever started it starts it again: as one that knows us. */
static int wait_until_back(const struct cectl *c, struct error **err)
{
	const int64_t until = op_now_us() + BACK_SECONDS * INT64_C(1000000);
	for (;;) {
		struct http *h CLEANUP(http_close_p) = NULL;
		CLEANUP_ERR struct error *why = NULL;
		if (http_open(&h, c, &why) == 0 &&
			http_json(h, "GET", "/v1/status", NULL, NULL, &why) == 0)
			return 0;
		if (op_now_us() > until)
			return err_set(err, ERR_TIMEOUT,
				"paired, but the agent does not answer after %d s: %s",
				BACK_SECONDS, why->message);
		sleep_ms(500);
	}
}

static int send_code(const struct cectl *stranger, json_t *document, const char *code, char **ret,
	struct error **err)
{
	struct http *h CLEANUP(http_close_p) = NULL;
	CLEANUP_JSON json_t *body = json_pack("{s:s,s:O}", "code", code, "enrolment", document);
	CLEANUP_JSON json_t *answer = NULL;
	if (!body)
		return err_set(err, ERR_INVALID_ARGUMENT, "the pairing code is no text");
	if (http_open(&h, stranger, err) < 0)
		return -1;
	if (http_json(h, "POST", "/v1/$pair", body, &answer, err) < 0) {
		if ((*err)->code == ERR_AGENT_UNREACHABLE)
			err_hint(err, "a machine that is enrolled already cannot be paired with");
		return -1;
	}
	return fingerprint_parse(
		json_string_value(json_object_get(answer, "fingerprint")) ?: "", ret, err);
}

static void say(const struct cectl *c, const char *fingerprint, bool back)
{
	if (c->json) {
		CLEANUP_JSON json_t *o =
			json_pack("{s:s,s:b}", "fingerprint", fingerprint, "ready", back);
		print_json(o);
		return;
	}
	printf("paired%s\n",
		back ? "; the agent answers:" : "; in a few seconds the agent is back:");
	printf("  cectl --server %s --fingerprint %s --cert %s --key %s status\n", c->server,
		fingerprint, c->cert ? c->cert : "FILE", c->key ? c->key : "FILE");
}

int cectl_remote_pair(struct cectl *c, struct error **err)
{
	CLEANUP_JSON json_t *document = NULL;
	CLEANUP_FREE char *first = NULL, *then = NULL;
	char code[CODE_MAX];
	struct cectl stranger = {
		.stranger = true, .server = c->server, .fingerprint = c->fingerprint};
	if (read_document(c, &document, err) < 0 || http_fingerprint(&stranger, &first, err) < 0 ||
		show_fingerprint(c, first, err) < 0 || read_code(c, code, err) < 0)
		return -1;
	stranger.fingerprint = first;
	int r = send_code(&stranger, document, code, &then, err);
	mem_wipe(code, sizeof(code));
	if (r < 0)
		return -1;
	const bool wait = c->cert && c->key;
	struct cectl client = {
		.server = c->server, .cert = c->cert, .key = c->key, .fingerprint = then};
	if (wait && wait_until_back(&client, err) < 0)
		return -1;
	say(c, then, wait);
	return 0;
}
