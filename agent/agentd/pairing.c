/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pairing.h"

#include <ctype.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "io.h"
#include "jsonx.h"
#include "mem.h"

#define CODE_SIZE 10
#define PEM_MAX	  (1u << 20)

struct pairing {
	char *dir, *tries_file, *certificate, *key;
	char code[CODE_SIZE];
	unsigned tries; /* wrong ones; kept in a file too, for an agent that was restarted */
};

/* Without what stands between its letters; false where it has not as many as a code. */
static bool normal_code(const char *text, char ret[CODE_SIZE])
{
	size_t n = 0;
	for (; *text; text++) {
		if (*text == '-' || *text == ' ')
			continue;
		if (n == CODE_SIZE)
			return false;
		ret[n++] = (char)toupper((unsigned char)*text);
	}
	return n == CODE_SIZE;
}

static int read_code(struct pairing *p, struct error **err)
{
	CLEANUP_FREE char *file = xasprintf("%s/identity.json", p->dir);
	CLEANUP_JSON json_t *identity = NULL;
	if (jsonx_read_file(file, &identity, err) < 0)
		return -1;
	const char *code = json_string_value(jsonx_get(identity, "pairingCode"));
	return code && normal_code(code, p->code)
		       ? 0
		       : err_set(err, ERR_INVALID_ARGUMENT, "\"%s\" holds no pairing code", file);
}

/* What cannot be read counts as used up. */
static unsigned read_tries(const char *file)
{
	CLEANUP_ERR struct error *ignored = NULL;
	CLEANUP_FREE char *text = NULL;
	size_t len;
	if (access(file, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (file_read(file, 16, &text, &len, &ignored) < 0 || !isdigit((unsigned char)*text))
		return PAIRING_TRIES;
	return (unsigned)strtoul(text, NULL, 10);
}

int pairing_open(const char *dir, const char *cert_file, const char *key_file, struct pairing **ret,
	struct error **err)
{
	CLEANUP(pairing_free_p) struct pairing *p = xcalloc(1, sizeof(*p));
	size_t len;
	p->dir = xstrdup(dir);
	p->tries_file = xasprintf("%s/pairing-tries", dir);
	if (file_read(cert_file, PEM_MAX, &p->certificate, &len, err) < 0 ||
		file_read(key_file, PEM_MAX, &p->key, &len, err) < 0 || read_code(p, err) < 0)
		return -1;
	p->tries = read_tries(p->tries_file);
	*ret = TAKE_PTR(p);
	return 0;
}

void pairing_free(struct pairing *p)
{
	if (!p)
		return;
	free(p->dir);
	free(p->tries_file);
	free(p->certificate);
	mem_wipe_str(p->key);
	mem_wipe(p->code, sizeof(p->code));
	free(p);
}

static int locked(struct error **err)
{
	return err_set(err, ERR_PAIRING_LOCKED, "%d wrong codes were tried: none is taken any more",
		PAIRING_TRIES);
}

/* A try that cannot be counted is the last one. */
static int count_wrong(struct pairing *p, struct error **err)
{
	char text[16];
	p->tries++;
	int len = snprintf(text, sizeof(text), "%u\n", p->tries);
	if (file_write_atomic(p->tries_file, text, (size_t)len, 0600, err) < 0) {
		p->tries = PAIRING_TRIES;
		return -1;
	}
	return p->tries >= PAIRING_TRIES
		       ? locked(err)
		       : err_set(err, ERR_PAIRING_CODE, "the code is wrong (%u more tries)",
				 PAIRING_TRIES - p->tries);
}

static int check_code(struct pairing *p, const char *text, struct error **err)
{
	char code[CODE_SIZE] = {0};
	if (p->tries >= PAIRING_TRIES)
		return locked(err);
	bool right = normal_code(text, code);
	/* in the same time, wherever it differs */
	right = gnutls_memcmp(code, p->code, CODE_SIZE) == 0 && right;
	mem_wipe(code, sizeof(code));
	return right ? 0 : count_wrong(p, err);
}

static int check_members(const json_t *body, struct error **err)
{
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)body, name, value)
		if (strcasecmp(name, "code") != 0 && strcasecmp(name, "enrolment") != 0)
			return err_set(err, ERR_UNKNOWN_FIELD, "unknown field \"%.60s\"", name);
	if (!json_is_string(jsonx_get(body, "code")))
		return err_set(
			err, ERR_MISSING_FIELD, "field \"code\" is missing (a text expected)");
	if (!json_is_object(jsonx_get(body, "enrolment")))
		return err_set(err, ERR_MISSING_FIELD,
			"field \"enrolment\" is missing (an object expected)");
	return 0;
}

static int parse(
	struct pairing *p, const json_t *document, struct enrolment **ret, struct error **err)
{
	CLEANUP(enrolment_free_p) struct enrolment *e = NULL;
	char *text = jsonx_dump(document);
	int rc = enrolment_parse(text, strlen(text), &e, err);
	mem_wipe_str(text);
	if (rc < 0)
		return -1;
	/* The machine has its network: else nobody could ask. */
	if (e->n_interfaces)
		return err_set(err, ERR_ENROLMENT_INVALID,
			"field \"network\" is not for a machine that is paired over its network");
	if (!e->certificate) {
		e->certificate = xstrdup(p->certificate);
		e->key = xstrdup(p->key);
		e->own_certificate = true;
	}
	*ret = TAKE_PTR(e);
	return 0;
}

int pairing_try(
	struct pairing *p, const char *body, size_t len, char **ret_fingerprint, struct error **err)
{
	CLEANUP(enrolment_free_p) struct enrolment *e = NULL;
	CLEANUP_FREE char *fingerprint = NULL;
	CLEANUP_JSON json_t *top = NULL;
	if (jsonx_parse(body, len, &top, err) < 0 || check_members(top, err) < 0 ||
		check_code(p, json_string_value(jsonx_get(top, "code")), err) < 0 ||
		parse(p, jsonx_get(top, "enrolment"), &e, err) < 0 ||
		certificate_fingerprint(e->certificate, &fingerprint, err) < 0 ||
		enrolment_write(e, p->dir, NULL, err) < 0)
		return -1;
	/* The agent is enrolled from here on: what the console shows must not make it look otherwise. */
	CLEANUP_ERR struct error *ignored = NULL;
	identity_write(p->dir, "pairing", e->certificate, NULL, NULL, &ignored);
	*ret_fingerprint = TAKE_PTR(fingerprint);
	return 0;
}
