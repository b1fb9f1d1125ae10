/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pack-store.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "io.h"
#include "jsonx.h"
#include "logging.h"
#include "mem.h"
#include "tree.h"

#define RECORD_MAX (4u << 20)

/* Who has to do with a pack now. */
struct claim {
	struct claim *next;
	char name[PACK_NAME_MAX + 1];
	unsigned users; /* jobs */
	bool changing;	/* an upload or a deletion is under way */
};

struct pack_store {
	pthread_mutex_t lock; /* a leaf: the claims, and the names in the folder */
	struct claim *claims;
	unsigned uploads;
	char *path, *worker;
	int dir, stop_fd;
	uint64_t upload_max;
};

static void unlock(struct pack_store **s)
{
	pthread_mutex_unlock(&(*s)->lock);
}

#define LOCK_SCOPE(s)                                         \
	struct pack_store *lock_scope_ CLEANUP(unlock) = (s); \
	pthread_mutex_lock(&lock_scope_->lock)

static bool is_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t n = strlen(name);
	return n > 0 && n <= PACK_NAME_MAX && strspn(name, allowed) == n &&
	       strcspn(name, "._-") > 0;
}

static int not_found(const char *name, struct error **err)
{
	return err_set(err, ERR_PACK_NOT_FOUND, "there is no pack \"%.64s\"", name);
}

/* ---- claims; the lock is held ---- */

static struct claim *claim_find(struct pack_store *s, const char *name)
{
	struct claim *c = s->claims;
	while (c && strcmp(c->name, name) != 0)
		c = c->next;
	return c;
}

static struct claim *claim_get(struct pack_store *s, const char *name)
{
	struct claim *c = claim_find(s, name);
	if (c)
		return c;
	c = xcalloc(1, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->next = s->claims;
	s->claims = c;
	return c;
}

static void claim_tidy(struct pack_store *s, const char *name)
{
	for (struct claim **p = &s->claims; *p; p = &(*p)->next) {
		struct claim *c = *p;
		if (strcmp(c->name, name) != 0 || c->users || c->changing)
			continue;
		*p = c->next;
		free(c);
		return;
	}
}

static int check_unused(struct pack_store *s, const char *name, struct error **err)
{
	const struct claim *c = claim_find(s, name);
	return c && c->users ? err_set(err, ERR_PACK_BUSY, "pack \"%s\" is in use by a job", name)
			     : 0;
}

/* ---- records ---- */

static int read_record(struct pack_store *s, const char *name, json_t **ret, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s/PACK.json", s->path, name);
	CLEANUP_FREE char *text = NULL;
	size_t len;
	if (!is_name(name) || access(path, F_OK) < 0)
		return not_found(name, err);
	if (file_read(path, RECORD_MAX, &text, &len, err) < 0)
		return -1;
	if (jsonx_parse(text, len, ret, err) < 0)
		return err_prefix(err, "\"%s\"", path);
	return 0;
}

int pack_store_get(struct pack_store *s, const char *name, json_t **ret, struct error **err)
{
	LOCK_SCOPE(s);
	return read_record(s, name, ret, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char ***names)
{
	for (char **p = *names; p && *p; p++)
		free(*p);
	free(*names);
}

/* The names in the folder that are packs' (or else: that are not), sorted, NULL-terminated. */
static int scan(struct pack_store *s, bool packs, char ***ret, struct error **err)
{
	CLEANUP(free_names) char **names = xcalloc(1, sizeof(*names));
	size_t n = 0;
	struct dirent *e;
	DIR *d = opendir(s->path);
	if (!d)
		return err_errno(err, ERR_SYSTEM, errno, "cannot read \"%s\"", s->path);
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
			is_name(e->d_name) != packs)
			continue;
		names = xrealloc_array(names, n + 2, sizeof(*names));
		names[n++] = xstrdup(e->d_name);
		names[n] = NULL;
	}
	closedir(d);
	qsort(names, n, sizeof(*names), by_name);
	*ret = TAKE_PTR(names);
	return 0;
}

int pack_store_list(struct pack_store *s, json_t **ret, struct error **err)
{
	CLEANUP(free_names) char **names = NULL;
	CLEANUP_JSON json_t *list = json_object();
	json_t *items = json_array();
	jsonx_set(list, "items", items);
	LOCK_SCOPE(s);
	if (scan(s, true, &names, err) < 0)
		return -1;
	for (char **name = names; *name; name++) {
		CLEANUP_ERR struct error *damaged = NULL;
		json_t *pack = NULL;
		if (read_record(s, *name, &pack, &damaged) < 0) {
			log_error(damaged);
			continue;
		}
		json_object_del(pack, "infFiles");
		json_array_append_new(items, pack);
	}
	*ret = TAKE_PTR(list);
	return 0;
}

/* ---- changes ---- */

static int sync_store(struct pack_store *s, struct error **err)
{
	if (fsync(s->dir) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "cannot sync the folder \"%s\"", s->path);
	return 0;
}

int pack_store_claim(struct pack_store *s, const char *name, const char *sha256, struct error **err)
{
	CLEANUP_JSON json_t *pack = NULL;
	CLEANUP_ERR struct error *none = NULL;
	if (!is_name(name))
		return err_set(err, ERR_INVALID_FIELD,
			"pack name \"%.64s\" (a lower-case letter or digit expected, then up to 63 of "
			"these and . _ -)",
			name);
	LOCK_SCOPE(s);
	const struct claim *c = claim_find(s, name);
	if (c && c->changing)
		return err_set(
			err, ERR_PACK_BUSY, "pack \"%s\" is being uploaded or deleted", name);
	/* The same content changes nothing: who uses it does not matter. */
	bool same = read_record(s, name, &pack, &none) == 0 &&
		    strcmp(json_string_value(json_object_get(pack, "sha256")) ?: "", sha256) == 0;
	if (!same && check_unused(s, name, err) < 0)
		return -1;
	if (s->uploads >= PACK_UPLOADS_AT_ONCE) {
		err_set(err, ERR_TOO_MANY_JOBS, "%u packs are being uploaded", s->uploads);
		return err_hint(err, "wait for an upload to end");
	}
	s->uploads++;
	claim_get(s, name)->changing = true;
	return 0;
}

void pack_store_unclaim(struct pack_store *s, const char *name)
{
	LOCK_SCOPE(s);
	s->uploads--;
	claim_find(s, name)->changing = false;
	claim_tidy(s, name);
}

/* From under the lock: a rename. The pack that was there is then in `from`. */
static int take_place(struct pack_store *s, const char *from, const char *name,
	enum pack_outcome *ret_outcome, struct error **err)
{
	LOCK_SCOPE(s);
	if (check_unused(s, name, err) < 0)
		return -1;
	*ret_outcome = PACK_CREATED;
	if (renameat2(s->dir, from, s->dir, name, RENAME_NOREPLACE) == 0)
		return 0;
	*ret_outcome = PACK_REPLACED;
	if (errno != EEXIST || renameat2(s->dir, from, s->dir, name, RENAME_EXCHANGE) < 0)
		return err_errno(
			err, ERR_SYSTEM, errno, "cannot put pack \"%s\" in its place", name);
	return 0;
}

int pack_store_put(struct pack_store *s, const char *from, const char *name,
	enum pack_outcome *ret_outcome, struct error **err)
{
	CLEANUP_ERR struct error *left = NULL;
	if (take_place(s, from, name, ret_outcome, err) < 0 || sync_store(s, err) < 0)
		return -1;
	if (tree_remove(s->dir, from, &left) < 0)
		log_error(left);
	return 0;
}

static int rename_deleted(
	struct pack_store *s, const char *name, const char *to, struct error **err)
{
	LOCK_SCOPE(s);
	const struct claim *c = claim_find(s, name);
	if (!is_name(name) || faccessat(s->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return not_found(name, err);
	if (c && c->changing)
		return err_set(err, ERR_PACK_BUSY, "pack \"%s\" is being uploaded", name);
	if (check_unused(s, name, err) < 0)
		return -1;
	if (renameat(s->dir, name, s->dir, to) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "cannot delete pack \"%s\"", name);
	return 0;
}

int pack_store_delete(struct pack_store *s, const char *name, struct error **err)
{
	/* An empty folder of an unused name: a rename goes over it. */
	CLEANUP_FREE char *path = xasprintf("%s/.deleted-XXXXXX", s->path);
	if (!mkdtemp(path))
		return err_errno(err, ERR_SYSTEM, errno, "cannot make a folder in \"%s\"", s->path);
	const char *base = strrchr(path, '/') + 1;
	int r = rename_deleted(s, name, base, err);
	if (r == 0)
		r = sync_store(s, err);
	CLEANUP_ERR struct error *left = NULL;
	if (tree_remove(s->dir, base, &left) < 0)
		log_error(left);
	return r;
}

/* ---- jobs ---- */

int pack_store_use(
	struct pack_store *s, const char *const *names, struct pack_use **ret, struct error **err)
{
	CLEANUP(pack_use_free_p) struct pack_use *use = xcalloc(1, sizeof(*use));
	size_t n = 0;
	while (names[n])
		n++;
	use->store = s;
	use->names = xcalloc(n + 1, sizeof(*use->names));
	use->folders = xcalloc(n + 1, sizeof(*use->folders));
	for (size_t i = 0; i < n; i++) {
		CLEANUP_JSON json_t *pack = NULL;
		LOCK_SCOPE(s);
		if (read_record(s, names[i], &pack, err) < 0)
			return -1;
		claim_get(s, names[i])->users++;
		use->names[i] = xstrdup(names[i]);
		use->folders[i] = xasprintf("%s/%s/%s", s->path, names[i], names[i]);
	}
	*ret = TAKE_PTR(use);
	return 0;
}

void pack_use_free(struct pack_use *use)
{
	if (!use)
		return;
	for (char **name = use->names; *name; name++) {
		LOCK_SCOPE(use->store);
		claim_find(use->store, *name)->users--;
		claim_tidy(use->store, *name);
	}
	free_names(&use->names);
	free_names(&use->folders);
	free(use);
}

/* ---- the store ---- */

int pack_store_dir(const struct pack_store *s)
{
	return s->dir;
}

const char *pack_store_path(const struct pack_store *s)
{
	return s->path;
}

const char *pack_store_worker(const struct pack_store *s)
{
	return s->worker;
}

int pack_store_stop_fd(const struct pack_store *s)
{
	return s->stop_fd;
}

uint64_t pack_store_upload_max(const struct pack_store *s)
{
	return s->upload_max;
}

static int remove_leftovers(struct pack_store *s, struct error **err)
{
	CLEANUP(free_names) char **names = NULL;
	if (scan(s, false, &names, err) < 0)
		return -1;
	for (char **name = names; *name; name++) {
		CLEANUP_ERR struct error *left = NULL;
		if (**name == '.' && tree_remove(s->dir, *name, &left) < 0)
			log_error(left);
	}
	return 0;
}

int pack_store_open(
	const char *state_dir, const char *worker, struct pack_store **ret, struct error **err)
{
	CLEANUP(pack_store_close_p) struct pack_store *s = xcalloc(1, sizeof(*s));
	const char *max = getenv("CE_PACK_UPLOAD_MAX");
	CLEANUP_FREE char *real = realpath(state_dir, NULL);
	pthread_mutex_init(&s->lock, NULL);
	s->path = xasprintf("%s/packs", real ? real : state_dir);
	s->worker = xstrdup(worker);
	s->upload_max = max ? strtoull(max, NULL, 10) : PACK_UPLOAD_MAX;
	s->stop_fd = eventfd(0, EFD_CLOEXEC);
	s->dir = -1;
	if (folder_make(s->path, 0700, err) < 0)
		return -1;
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return err_errno(err, ERR_SYSTEM, errno, "cannot open the folder \"%s\"", s->path);
	if (remove_leftovers(s, err) < 0)
		return -1;
	*ret = TAKE_PTR(s);
	return 0;
}

void pack_store_stop(struct pack_store *s)
{
	eventfd_write(s->stop_fd, 1);
}

void pack_store_close(struct pack_store *s)
{
	if (s->dir >= 0)
		close(s->dir);
	close(s->stop_fd);
	free(s->path);
	free(s->worker);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
