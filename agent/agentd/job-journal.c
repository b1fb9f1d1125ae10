/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job-journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "guid.h"
#include "io.h"
#include "jsonx.h"
#include "mem.h"
#include "tree.h"

#define VERSION	   1
#define RECORD_MAX (16u << 20)

static const char *const file_names[] = {
	[JOURNAL_JOB] = "job.json",
	[JOURNAL_PLAN] = "plan.json",
	[JOURNAL_LOG] = "log",
};

struct journal {
	char *jobs, *damaged; /* paths */
	int lock_fd;
};

static int sync_dir(const char *path, struct error **err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "cannot sync the folder \"%s\"", path);
	return 0;
}

static int take_lock(struct journal *j, const char *state_dir, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/lock", state_dir);
	j->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->lock_fd < 0)
		return err_errno(err, ERR_SYSTEM, errno, "cannot open \"%s\"", path);
	if (flock(j->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_errno(err, ERR_SYSTEM, errno, "cannot lock \"%s\"", path);
	return err_set(err, ERR_INVALID_ARGUMENT, "another agent runs on the state folder \"%s\"",
		state_dir);
}

int journal_open(const char *state_dir, struct journal **ret, struct error **err)
{
	CLEANUP(journal_close_p) struct journal *j = xcalloc(1, sizeof(*j));
	j->lock_fd = -1;
	j->jobs = xasprintf("%s/jobs", state_dir);
	j->damaged = xasprintf("%s/damaged", state_dir);
	if (folder_make(state_dir, 0700, err) < 0 || folder_make(j->jobs, 0700, err) < 0 ||
		take_lock(j, state_dir, err) < 0 || sync_dir(state_dir, err) < 0)
		return -1;
	*ret = TAKE_PTR(j);
	return 0;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->lock_fd >= 0)
		close(j->lock_fd);
	free(j->jobs);
	free(j->damaged);
	free(j);
}

static char *file_path(const struct journal *j, const char *id, enum journal_file which)
{
	return xasprintf("%s/%s/%s", j->jobs, id, file_names[which]);
}

/* Not jsonx_parse(): a record is ours, and holds a request one level deeper than that allows. */
static int read_record(const char *path, json_t **ret, struct error **err)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	json_error_t je;
	if (file_read(path, RECORD_MAX, &text, &len, err) < 0)
		return -1;
	*ret = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	if (!*ret)
		return err_set(err, ERR_INTERNAL, "\"%s\": %s", path, je.text);
	return 0;
}

static int load_one(
	struct journal *j, const char *id, journal_found_fn *found, void *data, struct error **err)
{
	CLEANUP_FREE char *path = file_path(j, id, JOURNAL_JOB);
	CLEANUP_JSON json_t *record = NULL;
	uint64_t version = 0, seq = 0, ended = 0;
	struct guid guid;
	if (!guid_parse(id, &guid))
		return err_set(err, ERR_INTERNAL, "\"%s\" is not a job's id", id);
	/* Killed before the first save: nobody was ever told of this job. */
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		journal_remove(j, id);
		return 0;
	}
	if (read_record(path, &record, err) < 0 ||
		jsonx_get_u64(record, "", "version", VERSION, VERSION, &version, err) < 0 ||
		jsonx_get_u64(record, "", "seq", 1, INT64_MAX, &seq, err) < 0 ||
		jsonx_get_u64(record, "", "endedUs", 0, INT64_MAX, &ended, err) < 0)
		return -1;
	json_t *resource = json_object_get(record, "job");
	const char *inner = json_string_value(json_object_get(resource, "id"));
	if (!version || !seq || !inner || strcmp(inner, id) != 0 ||
		!found(data, json_incref(resource), seq, (int64_t)ended))
		return err_set(err, ERR_INTERNAL, "\"%s\" is not a job's record", path);
	return 0;
}

static int set_aside(struct journal *j, const char *id, struct error **err)
{
	CLEANUP_FREE char *from = xasprintf("%s/%s", j->jobs, id);
	CLEANUP_FREE char *to = xasprintf("%s/%s-%lld", j->damaged, id, (long long)time(NULL));
	if (folder_make(j->damaged, 0700, err) < 0)
		return -1;
	if (rename(from, to) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "cannot move \"%s\" to \"%s\"", from, to);
	return 0;
}

int journal_load(struct journal *j, journal_found_fn *found, void *data, struct error **err)
{
	CLEANUP_CLOSEDIR DIR *d = opendir(j->jobs);
	int damaged = 0;
	struct dirent *e;
	if (!d)
		return err_errno(err, ERR_SYSTEM, errno, "cannot read \"%s\"", j->jobs);
	while ((e = readdir(d))) {
		CLEANUP_ERR struct error *why = NULL;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
			load_one(j, e->d_name, found, data, &why) == 0)
			continue;
		if (set_aside(j, e->d_name, err) < 0)
			return -1;
		damaged++;
	}
	return damaged;
}

int journal_save(struct journal *j, const char *id, uint64_t seq, int64_t ended_us,
	const json_t *resource, struct error **err)
{
	CLEANUP_FREE char *dir = xasprintf("%s/%s", j->jobs, id);
	CLEANUP_FREE char *path = file_path(j, id, JOURNAL_JOB);
	CLEANUP_JSON json_t *record = json_object();
	jsonx_set_u64(record, "version", VERSION);
	jsonx_set_u64(record, "seq", seq);
	jsonx_set_u64(record, "endedUs", (uint64_t)ended_us);
	jsonx_set(record, "job", json_incref((json_t *)resource));
	CLEANUP_FREE char *text = jsonx_dump(record);
	if (mkdir(dir, 0700) == 0) {
		if (sync_dir(j->jobs, err) < 0)
			return -1;
	} else if (errno != EEXIST) {
		return err_errno(err, ERR_SYSTEM, errno, "cannot make the folder \"%s\"", dir);
	}
	return file_write_atomic(path, text, strlen(text), 0600, err);
}

int journal_save_plan(struct journal *j, const char *id, const json_t *plan, struct error **err)
{
	CLEANUP_FREE char *path = file_path(j, id, JOURNAL_PLAN);
	CLEANUP_FREE char *text = jsonx_dump(plan);
	return file_write_atomic(path, text, strlen(text), 0600, err);
}

int journal_open_file(
	struct journal *j, const char *id, enum journal_file which, int flags, struct error **err)
{
	CLEANUP_FREE char *path = file_path(j, id, which);
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "job %s has no %s", id, file_names[which]);
	if (fd < 0)
		return err_errno(err, ERR_SYSTEM, errno, "cannot open \"%s\"", path);
	return fd;
}

void journal_remove(struct journal *j, const char *id)
{
	CLEANUP_FREE char *dir = xasprintf("%s/%s", j->jobs, id);
	for (int i = 0; i < _JOURNAL_FILE_MAX; i++) {
		CLEANUP_FREE char *path = file_path(j, id, (enum journal_file)i);
		CLEANUP_FREE char *tmp = xasprintf("%s.tmp", path);
		unlink(path);
		unlink(tmp);
	}
	rmdir(dir);
}
