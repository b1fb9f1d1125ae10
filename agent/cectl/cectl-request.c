/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cectl.h"

#include <string.h>
#include <strings.h>

#include "io.h"
#include "jsonx.h"
#include "mem.h"

/* A password file holds the password and perhaps one newline; "-" is standard input. */
static int read_password(const char *path, char **ret, struct error **err)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	if (file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, 4096, &text, &len, err) < 0) {
		(*err)->code = ERR_INVALID_ARGUMENT;
		err_prefix(err, "--password-file");
		return err_hint(
			err, "name a file that holds the password, or - for standard input");
	}
	text[strcspn(text, "\r\n")] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

static void percent_decode(char *s)
{
	char *out = s;
	for (; *s; s++) {
		unsigned byte;
		if (*s == '%' && sscanf(s + 1, "%2x", &byte) == 1 && byte && s[1] && s[2]) {
			*out++ = (char)byte;
			s += 2;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* smb://host/share/folder/name: the folder goes to location, the name to outputImageFilename. */
static int split_smb_url(const char *url, json_t *storage, json_t *body, struct error **err)
{
	const char *authority = strstr(url, "://") + 3;
	const char *share = strchr(authority, '/');
	const char *slash = strrchr(authority, '/');
	if (!share || slash == share || slash[1] == '\0')
		return err_set(err, ERR_INVALID_ARGUMENT,
			"--output \"%s\": smb://host[:port]/share[/folder]/name expected", url);
	CLEANUP_FREE char *location = xstrndup(url, (size_t)(slash - url));
	CLEANUP_FREE char *name = xstrdup(slash + 1);
	percent_decode(name);
	jsonx_set_string(storage, "location", location);
	jsonx_set_string(body, "outputImageFilename", name);
	return 0;
}

static int set_output(const struct cectl *c, json_t *body, struct error **err)
{
	if (!c->output)
		return 0;
	if (strncasecmp(c->output, "smb://", 6) != 0 && strncasecmp(c->output, "smbn://", 7) != 0) {
		if (!c->local)
			return err_set(err, ERR_INVALID_ARGUMENT,
				"--output \"%s\": an agent writes to smb://… (a local path goes with "
				"`cectl local export`)",
				c->output);
		jsonx_set_string(body, "outputFile", c->output);
		return 0;
	}
	json_t *storage = json_object_get(body, "outputStorageLocation");
	if (!storage) {
		storage = json_object();
		jsonx_set(body, "outputStorageLocation", storage);
	}
	if (split_smb_url(c->output, storage, body, err) < 0)
		return -1;
	if (c->user)
		jsonx_set_string(storage, "user", c->user);
	if (c->domain)
		jsonx_set_string(storage, "domain", c->domain);
	if (c->password_file) {
		char *password = NULL;
		if (read_password(c->password_file, &password, err) < 0)
			return -1;
		jsonx_set_string(storage, "password", password);
		mem_wipe_str(password);
	}
	if (c->encrypt)
		jsonx_set_bool(storage, "encrypt", true);
	return 0;
}

/* A number with an optional K, M or G suffix (powers of 1024). */
static int set_size(
	json_t *body, const char *key, const char *option, const char *text, struct error **err)
{
	if (!text)
		return 0;
	char *end;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	static const char suffixes[] = "kmg";
	const char *s = *end ? strchr(suffixes, *end | 0x20) : NULL;
	unsigned shift = s ? 10 * (unsigned)(s - suffixes + 1) : 0;
	if (s)
		end++;
	if (errno || end == text || *end || text[0] == '-' || n > ((uint64_t)INT64_MAX >> shift))
		return err_set(
			err, ERR_INVALID_ARGUMENT, "--%s \"%s\": a number expected", option, text);
	jsonx_set_u64(body, key, (uint64_t)n << shift);
	return 0;
}

int cectl_common_body(const struct cectl *c, json_t **ret, struct error **err)
{
	CLEANUP_JSON json_t *body = NULL;
	if (c->request) {
		if (jsonx_read_file(c->request, &body, err) < 0) {
			(*err)->code = ERR_INVALID_ARGUMENT;
			err_prefix(err, "--request");
			return err_hint(err, "name a file that holds one JSON object");
		}
	} else {
		body = json_object();
	}
	if (set_size(body, "timeout", "timeout", c->timeout, err) < 0)
		return -1;
	if (!c->local && c->disk)
		jsonx_set_string(body, "disk", c->disk);
	if (c->tags)
		jsonx_set(body, "tags", json_incref(c->tags));
	*ret = TAKE_PTR(body);
	return 0;
}

int cectl_export_body(const struct cectl *c, json_t **ret, struct error **err)
{
	CLEANUP_JSON json_t *body = NULL;
	if (cectl_common_body(c, &body, err) < 0 || set_output(c, body, err) < 0 ||
		set_size(body, "blockSize", "block-size", c->block_size, err) < 0)
		return -1;
	if (c->connections) {
		json_t *storage = json_object_get(body, "outputStorageLocation");
		if (!storage)
			return err_set(
				err, ERR_INVALID_ARGUMENT, "--connections goes with smb://…");
		if (set_size(storage, "connections", "connections", c->connections, err) < 0)
			return -1;
	}
	if (c->format)
		jsonx_set_string(body, "format", c->format);
	if (c->type)
		jsonx_set_string(body, "type", c->type);
	if (c->hash)
		jsonx_set_bool(body, "hashDisk", true);
	if (c->overwrite)
		jsonx_set_bool(body, "overwriteTargetFile", true);
	if (c->keep_pagefile)
		jsonx_set_bool(body, "keepPagefile", true);
	if (c->whole_disk)
		jsonx_set_bool(body, "wholeDisk", true);
	*ret = TAKE_PTR(body);
	return 0;
}
