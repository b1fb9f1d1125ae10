/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `cectl packs`: the driver packs that an agent has. */
#include "cectl.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "io.h"
#include "jsonx.h"
#include "mem.h"
#include "sha256.h"

#define BLOCK (256u << 10)

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

static void print_pack(const json_t *pack)
{
	char n[32];
	printf("%-24s %10s  %5" JSON_INTEGER_FORMAT " files  %4" JSON_INTEGER_FORMAT
	       " INFs  %.19s  %s\n",
		text(pack, "name"),
		format_bytes(
			(uint64_t)json_integer_value(json_object_get(pack, "size")), n, sizeof(n)),
		json_integer_value(json_object_get(pack, "files")),
		json_integer_value(json_object_get(pack, "infs")), text(pack, "uploaded"),
		text(pack, "sha256"));
}

static int list(struct cectl *c, struct http *h, struct error **err)
{
	CLEANUP_JSON json_t *answer = NULL;
	size_t i;
	json_t *pack;
	if (http_json(h, "GET", "/v1/packs", NULL, &answer, err) < 0)
		return -1;
	if (c->json) {
		print_json(answer);
		return 0;
	}
	json_array_foreach (json_object_get(answer, "items"), i, pack)
		print_pack(pack);
	return 0;
}

/* A name that is none of a pack's would lead to another path. */
static int pack_path(const char *name, char **ret, struct error **err)
{
	if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789._-")])
		return err_set(err, ERR_INVALID_ARGUMENT,
			"pack name \"%s\" (lower-case letters, digits, . _ - expected)", name);
	*ret = xasprintf("/v1/packs/%s", name);
	return 0;
}

static int hash_file(int fd, const char *file, char ret[static SHA256_HEX_SIZE], struct error **err)
{
	CLEANUP(sha256_free_p) struct sha256 *h = NULL;
	CLEANUP_FREE char *buf = xmalloc(BLOCK);
	ssize_t n;
	if (sha256_new(&h, err) < 0)
		return -1;
	while ((n = read_full(fd, buf, BLOCK)) > 0)
		if (sha256_add(h, buf, (size_t)n, err) < 0)
			return -1;
	if (n < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, ERR_INVALID_ARGUMENT, errno, "\"%s\"", file);
	sha256_end(h, ret);
	return 0;
}

static int put(struct cectl *c, struct http *h, struct error **err)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_JSON json_t *pack = NULL;
	char sha256[SHA256_HEX_SIZE];
	uint64_t size;
	const char *file = c->words[2];
	if (pack_path(c->words[1], &path, err) < 0)
		return -1;
	CLEANUP_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_INVALID_ARGUMENT, errno, "\"%s\"", file);
	if (fd_size(fd, file, &size, err) < 0 || hash_file(fd, file, sha256, err) < 0 ||
		http_put(h, path, fd, size, sha256, &pack, err) < 0)
		return -1;
	(c->json ? print_json : print_pack)(pack);
	return 0;
}

static int delete_pack(struct cectl *c, struct http *h, struct error **err)
{
	CLEANUP_FREE char *path = NULL;
	if (pack_path(c->words[1], &path, err) < 0)
		return -1;
	return http_json(h, "DELETE", path, NULL, NULL, err);
}

static const struct {
	const char *name;
	unsigned words; /* with the name */
	int (*run)(struct cectl *c, struct http *h, struct error **err);
} actions[] = {
	{"list", 1, list},
	{"put", 3, put},
	{"delete", 2, delete_pack},
};

int cectl_remote_packs(struct cectl *c, struct error **err)
{
	struct http *h CLEANUP(http_close_p) = NULL;
	const char *name = c->n_words ? c->words[0] : "list";
	unsigned words = c->n_words ? c->n_words : 1;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(actions[i].name, name) != 0 || actions[i].words != words)
			continue;
		return http_open(&h, c, err) < 0 ? -1 : actions[i].run(c, h, err);
	}
	return err_set(err, ERR_INVALID_ARGUMENT,
		"packs, packs put NAME FILE or packs delete NAME expected");
}
