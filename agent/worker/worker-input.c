/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "export-request.h"
#include "io.h"
#include "jsonx.h"
#include "mem.h"
#include "worker.h"

/* A request body has at most 1 MiB (err-codes.h); what is around it is small. */
#define INPUT_MAX ((size_t)1 << 21)

static int take_disk(struct worker *w, const json_t *disk, struct error **err)
{
	uint64_t fd = UINT64_MAX;
	if (!json_is_object(disk))
		return err_set(err, ERR_MISSING_FIELD, "field \"disk\" is missing or no object");
	if (jsonx_get_string(disk, "disk.", "path", &w->path, err) < 0 ||
		jsonx_get_string(disk, "disk.", "name", &w->name, err) < 0 ||
		jsonx_get_u64(disk, "disk.", "fd", 3, INT_MAX, &fd, err) < 0)
		return -1;
	if (!w->path == (fd == UINT64_MAX))
		return err_set(err, ERR_INVALID_FIELD,
			"field \"disk\" has %s of path and fd (one of them expected)",
			w->path ? "both" : "none");
	if (w->path)
		return 0;
	if (fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(
			err, ERR_INVALID_FIELD, "field \"disk.fd\": %d is not open", (int)fd);
	w->fd = (int)fd;
	return 0;
}

static int take_input(struct worker *w, struct error **err)
{
	static const char *const known[] = {"disk", "dryRun", "local", "mapped", "request",
		"journal", "journalFolder", "packs", "root", "folder", "seed", "date"};
	const char *key;
	json_t *value;
	json_object_foreach (w->input, key, value) {
		size_t i = 0;
		while (i < ARRAY_SIZE(known) && strcmp(known[i], key) != 0)
			i++;
		if (i == ARRAY_SIZE(known))
			return err_set(err, ERR_UNKNOWN_FIELD, "unknown field \"%s\"", key);
	}
	w->request = json_object_get(w->input, "request");
	if (w->request && !json_is_object(w->request))
		return err_set(err, ERR_INVALID_FIELD, "field \"request\" is no object");
	if (jsonx_get_bool(w->input, "", "dryRun", &w->dry_run, err) < 0 ||
		jsonx_get_bool(w->input, "", "local", &w->local, err) < 0 ||
		jsonx_get_bool(w->input, "", "mapped", &w->mapped, err) < 0 ||
		jsonx_get_string(w->input, "", "root", &w->root, err) < 0 ||
		jsonx_get_string(w->input, "", "journal", &w->journal, err) < 0 ||
		jsonx_get_string(w->input, "", "journalFolder", &w->journal_folder, err) < 0 ||
		jsonx_get_string(w->input, "", "folder", &w->folder, err) < 0 ||
		jsonx_get_string(w->input, "", "seed", &w->seed, err) < 0 ||
		jsonx_get_u64(w->input, "", "date", 1, UINT32_MAX, &w->date, err) < 0)
		return -1;
	w->packs = json_object_get(w->input, "packs");
	if (w->packs && !json_is_array(w->packs))
		return err_set(err, ERR_INVALID_FIELD, "field \"packs\" is no array");
	if (w->no_disk)
		return 0;
	return take_disk(w, json_object_get(w->input, "disk"), err);
}

/* A signal ends the wait: a parent may change its mind before it has written a word. */
static int read_all(struct worker *w, int fd, char *buf, size_t *ret_len, struct error **err)
{
	size_t len = 0;
	for (;;) {
		if (op_stopped(&w->op) != OP_RUN)
			return op_stop_error(op_stopped(&w->op), err);
		ssize_t n = read(fd, buf + len, INPUT_MAX - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ERR_SYSTEM, errno, "standard input");
		if (n == 0)
			break;
		len += (size_t)n;
		if (len == INPUT_MAX)
			return err_set(err, ERR_BODY_TOO_LARGE,
				"standard input is longer than %zu bytes", INPUT_MAX - 1);
	}
	*ret_len = len;
	return 0;
}

int worker_input_read(struct worker *w, int fd, struct error **err)
{
	size_t len = 0;
	char *buf = xcalloc(1, INPUT_MAX);
	int result = read_all(w, fd, buf, &len, err);
	if (result == 0)
		result = jsonx_parse(buf, len, &w->input, err);
	mem_wipe(buf, INPUT_MAX);
	free(buf);
	return result < 0 ? -1 : take_input(w, err);
}

void worker_input_done(struct worker *w)
{
	if (w->input)
		export_request_wipe(w->input);
	json_decref(w->input);
	w->input = NULL;
	if (w->fd >= 0)
		close(TAKE_FD(w->fd));
}
