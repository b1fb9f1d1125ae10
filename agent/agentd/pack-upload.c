/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One upload: a folder ".new-…" in the store's, with what becomes the pack. It is removed however the
 * upload ends; where it ends well it is the older pack's, or not there, by then.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>

#include "checked.h"
#include "io.h"
#include "job.h"
#include "jsonx.h"
#include "logging.h"
#include "mem.h"
#include "pack-store.h"
#include "tree.h"
#include "worker-run.h"

#define WORKER_ARCHIVE_FD 3
#define ROOM_LEFT	  (64 * MiB) /* for the agent's own files */

struct pack_upload {
	struct pack_store *store;
	char *name;
	bool claimed;
	char sha256[SHA256_HEX_SIZE]; /* as announced */
	struct sha256 *hash;
	uint64_t size;
	char *path; /* of the folder; NULL: none */
	int fd;	    /* the archive in it */
};

static void remove_folder(struct pack_upload *up)
{
	CLEANUP_ERR struct error *left = NULL;
	if (up->path && tree_remove(AT_FDCWD, up->path, &left) < 0)
		log_error(left);
	free(TAKE_PTR(up->path));
}

void pack_upload_free(struct pack_upload *up)
{
	if (!up)
		return;
	if (up->fd >= 0)
		close(up->fd);
	remove_folder(up);
	if (up->claimed)
		pack_store_unclaim(up->store, up->name);
	sha256_free(up->hash);
	free(up->name);
	free(up);
}

static int check_room(struct pack_upload *up, uint64_t size, struct error **err)
{
	struct statvfs vfs;
	if (fstatvfs(pack_store_dir(up->store), &vfs) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "cannot ask for free space");
	uint64_t free_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	if (size + ROOM_LEFT <= free_bytes)
		return 0;
	err_set(err, ERR_NO_SPACE,
		"pack \"%s\" has %" PRIu64 " bytes, and the agent's state folder %" PRIu64
		" bytes free",
		up->name, size, free_bytes);
	return err_hint(err, "delete packs that are not needed");
}

static int open_archive(struct pack_upload *up, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/.new-XXXXXX", pack_store_path(up->store));
	if (!mkdtemp(path))
		return err_errno(
			err, ERR_SYSTEM, errno, "cannot make a folder for pack \"%s\"", up->name);
	up->path = TAKE_PTR(path);
	CLEANUP_FREE char *archive = xasprintf("%s/ARCHIVE", up->path);
	up->fd = open(archive, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (up->fd < 0)
		return err_errno(err, ERR_SYSTEM, errno, "cannot make \"%s\"", archive);
	return 0;
}

int pack_upload_begin(struct pack_store *s, const char *name, const char *sha256, uint64_t size,
	struct pack_upload **ret, struct error **err)
{
	CLEANUP(pack_upload_free_p) struct pack_upload *up = xcalloc(1, sizeof(*up));
	up->store = s;
	up->fd = -1;
	up->name = xstrdup(name);
	snprintf(up->sha256, sizeof(up->sha256), "%s", sha256);
	if (pack_store_claim(s, name, sha256, err) < 0)
		return -1;
	up->claimed = true;
	if (sha256_new(&up->hash, err) < 0 || check_room(up, size, err) < 0 ||
		open_archive(up, err) < 0)
		return -1;
	*ret = TAKE_PTR(up);
	return 0;
}

int pack_upload_write(struct pack_upload *up, const void *data, size_t len, struct error **err)
{
	up->size += len;
	if (sha256_add(up->hash, data, len, err) < 0)
		return -1;
	if (write_full(up->fd, data, len) == 0)
		return 0;
	err_errno(err, ERR_WRITE, errno, "cannot write pack \"%s\"", up->name);
	/* The client may go on for long: what it needs of the disk it gives back now. */
	remove_folder(up);
	if (ftruncate(up->fd, 0) < 0)
		log_debug("pack \"%s\": cannot truncate", up->name);
	return err_hint(err, "delete packs that are not needed");
}

/* ---- the end ---- */

static void on_log(void *data, const char *text, size_t len)
{
	const struct pack_upload *up = data;
	log_debug("unpacking \"%s\": %.*s", up->name, (int)len, text);
}

static int unpack(struct pack_upload *up, json_t **ret, struct error **err)
{
	CLEANUP_JSON json_t *input = json_object();
	CLEANUP_FREE char *folder = xasprintf("%s/%s", up->path, up->name);
	json_t *archive = json_object();
	jsonx_set_u64(archive, "fd", WORKER_ARCHIVE_FD);
	jsonx_set_string(archive, "name", up->name);
	jsonx_set(input, "disk", archive);
	jsonx_set_string(input, "folder", folder);
	CLEANUP_FREE char *text = jsonx_dump(input);
	struct worker_spec spec = {
		.program = pack_store_worker(up->store),
		.verb = "unpack",
		.input = text,
		.disk_fd = up->fd,
		.stop_fd = pack_store_stop_fd(up->store),
		.timeout = PACK_UNPACK_SECONDS,
		.patience_ms = 2000,
		.on_log = on_log,
		.data = up,
	};
	return worker_run(&spec, ret, err);
}

/* What the worker reports is checked: it read what a stranger packed. */
static int describe(
	const struct pack_upload *up, const json_t *result, json_t **ret, struct error **err)
{
	uint64_t files = 0, bytes = 0;
	const json_t *infs = json_object_get(result, "infs");
	if (jsonx_get_u64(result, "", "files", 1, UINT32_MAX, &files, err) < 0 ||
		jsonx_get_u64(result, "", "bytes", 0, INT64_MAX, &bytes, err) < 0)
		return -1;
	if (!json_is_array(infs))
		return err_set(err, ERR_INTERNAL, "the worker lists no INFs");
	json_t *pack = json_object();
	jsonx_set_string(pack, "name", up->name);
	jsonx_set_string(pack, "sha256", up->sha256);
	jsonx_set_u64(pack, "size", up->size);
	jsonx_set(pack, "uploaded", job_time(job_now_us()));
	jsonx_set_u64(pack, "files", files);
	jsonx_set_u64(pack, "unpackedSize", bytes);
	jsonx_set_u64(pack, "infs", json_array_size(infs));
	jsonx_set(pack, "infFiles", json_incref((json_t *)infs));
	*ret = pack;
	return 0;
}

static int check_hash(struct pack_upload *up, struct error **err)
{
	char got[SHA256_HEX_SIZE];
	sha256_end(up->hash, got);
	if (strcmp(got, up->sha256) == 0)
		return 0;
	err_set(err, ERR_HASH_MISMATCH,
		"pack \"%s\": %" PRIu64 " bytes with SHA-256 %s came (%s was announced)", up->name,
		up->size, got, up->sha256);
	return err_hint(err, "upload the file again");
}

static bool is_stored(const struct pack_upload *up, json_t **ret)
{
	CLEANUP_ERR struct error *none = NULL;
	json_t *pack = NULL;
	if (pack_store_get(up->store, up->name, &pack, &none) < 0)
		return false;
	const char *sha256 = json_string_value(json_object_get(pack, "sha256"));
	if (!sha256 || strcmp(sha256, up->sha256) != 0) {
		json_decref(pack);
		return false;
	}
	*ret = pack;
	return true;
}

int pack_upload_finish(struct pack_upload *up, json_t **ret_pack, enum pack_outcome *ret_outcome,
	struct error **err)
{
	CLEANUP_JSON json_t *result = NULL, *pack = NULL;
	if (check_hash(up, err) < 0)
		return -1;
	if (is_stored(up, ret_pack)) {
		*ret_outcome = PACK_SAME;
		return 0;
	}
	if (unpack(up, &result, err) < 0 || describe(up, result, &pack, err) < 0)
		return -1;
	CLEANUP_FREE char *archive = xasprintf("%s/ARCHIVE", up->path);
	CLEANUP_FREE char *record = xasprintf("%s/PACK.json", up->path);
	CLEANUP_FREE char *text = jsonx_dump(pack);
	if (unlink(archive) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "cannot remove \"%s\"", archive);
	if (file_write_atomic(record, text, strlen(text), 0600, err) < 0 ||
		pack_store_put(up->store, strrchr(up->path, '/') + 1, up->name, ret_outcome, err) <
			0)
		return -1;
	log_info("pack \"%s\" (%s) is %s", up->name, up->sha256,
		*ret_outcome == PACK_CREATED ? "there" : "replaced");
	*ret_pack = TAKE_PTR(pack);
	return 0;
}
