/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hive.h"

#include <hivex.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "hive-check.h"
#include "hive-find.h"
#include "hive-format.h"
#include "hive-log.h"
#include "io.h"
#include "mem.h"

struct hive {
	hive_h *h;
	char *name;
	int fd; /* the scratch copy; hivex knows it by path */
	char path[40];
	struct find_cache found;
};

/* hivex wants a path: a memfd has one. */
static int scratch(const char *name, char path[static 40], struct error **err)
{
	int fd = memfd_create("hive", MFD_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_SYSTEM, errno, "scratch file for hive %s", name);
	snprintf(path, 40, "/proc/self/fd/%d", fd);
	return fd;
}

static int check_clean(const uint8_t *data, size_t size, const char *name, struct error **err)
{
	const struct hive_base_block *b = (const void *)data;
	if (size < HIVE_BASE_BLOCK_SIZE || memcmp(data, "regf", 4) != 0)
		return err_set(
			err, ERR_HIVE_DAMAGED, "%s is not a registry hive (%zu bytes)", name, size);
	if (le32_get(b->primary_sequence) != le32_get(b->secondary_sequence) ||
		le32_get(b->checksum) != hive_checksum(data))
		return err_set(err, ERR_HIVE_DIRTY,
			"%s was not closed cleanly and its logs were not replayed", name);
	return 0;
}

int hive_prepare_process(struct error **err)
{
	static const char *const sets[][2] = {{"UTF-8", "UTF-16LE"}, {"UTF-16LE", "UTF-8"},
		{"UTF-8", "LATIN1"}, {"LATIN1", "UTF-8"}};
	/* Never closed: what is in use stays loaded. */
	static iconv_t kept[ARRAY_SIZE(sets)];
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		kept[i] = iconv_open(sets[i][0], sets[i][1]);
		if (kept[i] == (iconv_t)-1)
			return err_errno(err, ERR_SYSTEM, errno,
				"the C library cannot convert %s to %s (its gconv modules expected)",
				sets[i][1], sets[i][0]);
	}
	return 0;
}

int hive_open(
	struct hive **ret, const void *data, size_t size, const char *name, struct error **err)
{
	if (check_clean(data, size, name, err) < 0 || hive_check(data, size, name, err) < 0)
		return -1;
	struct hive *h CLEANUP(hive_close_p) = xcalloc(1, sizeof(*h));
	h->name = xstrdup(name);
	h->fd = scratch(name, h->path, err);
	if (h->fd < 0)
		return -1;
	if (write_full(h->fd, data, size) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "scratch copy of hive %s", name);
	errno = 0;
	h->h = hivex_open(h->path, HIVEX_OPEN_WRITE);
	if (!h->h)
		return err_set(err, ERR_HIVE_DAMAGED, "%s: hivex cannot read it (%s)", name,
			strerror(errno));
	*ret = TAKE_PTR(h);
	return 0;
}

void hive_close(struct hive *h)
{
	if (!h)
		return;
	find_cache_done(&h->found);
	if (h->h)
		hivex_close(h->h);
	if (h->fd > 0)
		close(h->fd);
	free(h->name);
	free(h);
}

/* ---- reading ---- */

static int failed(struct hive *h, const char *what, struct error **err)
{
	return err_set(err, ERR_HIVE_DAMAGED, "%s: %s: %s", h->name, what, strerror(errno));
}

hive_node hive_root(struct hive *h)
{
	return hivex_root(h->h);
}

hive_node hive_find(struct hive *h, hive_node from, const char *path)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	char *rest = copy, *part;
	while (from && (part = strsep(&rest, "\\")))
		if (*part)
			from = find_child(&h->found, h, h->h, from, part);
	return from;
}

hive_node hive_findf(struct hive *h, hive_node from, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	CLEANUP_FREE char *path = xvasprintf(fmt, ap);
	va_end(ap);
	return hive_find(h, from, path);
}

static size_t count(const size_t *list)
{
	size_t n = 0;
	while (list[n])
		n++;
	return n;
}

/* Names of a 0-terminated list of handles. */
static int names(struct hive *h, const size_t *list, char *(*name_of)(hive_h *, size_t),
	char ***ret, struct error **err)
{
	size_t n = count(list);
	char **v = xcalloc(n + 1, sizeof(*v));
	for (size_t i = 0; i < n; i++) {
		v[i] = name_of(h->h, list[i]);
		if (!v[i]) {
			reg_texts_free(v);
			return failed(h, "a name cannot be read", err);
		}
	}
	*ret = v;
	return 0;
}

int hive_subkeys(struct hive *h, hive_node node, char ***ret, struct error **err)
{
	if (!node) {
		*ret = xcalloc(1, sizeof(**ret));
		return 0;
	}
	CLEANUP_FREE hive_node_h *list = hivex_node_children(h->h, node);
	if (!list)
		return failed(h, "the subkeys of a key cannot be read", err);
	return names(h, list, hivex_node_name, ret, err);
}

int hive_each_subkey(
	struct hive *h, hive_node node, hive_each_fn *fn, void *data, struct error **err)
{
	int rc = 0;
	if (!node)
		return 0;
	CLEANUP_FREE hive_node_h *list = hivex_node_children(h->h, node);
	if (!list)
		return failed(h, "the subkeys of a key cannot be read", err);
	for (size_t i = 0; rc == 0 && list[i]; i++) {
		CLEANUP_FREE char *name = hivex_node_name(h->h, list[i]);
		rc = name ? fn(data, name, list[i], err) : failed(h, "a name cannot be read", err);
	}
	return rc;
}

static int add_child(void *data, const char *name, hive_node node, struct error **err)
{
	(void)err;
	struct hive_children *c = data;
	c->v = xrealloc_array(c->v, c->n + 1, sizeof(*c->v));
	c->v[c->n++] = (struct hive_child){.node = node, .name = xstrdup(name)};
	return 0;
}

int hive_children(struct hive *h, hive_node node, struct hive_children *ret, struct error **err)
{
	return hive_each_subkey(h, node, add_child, ret, err);
}

void hive_children_done(struct hive_children *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].name);
	free(c->v);
	*c = (struct hive_children){0};
}

int hive_value_names(struct hive *h, hive_node node, char ***ret, struct error **err)
{
	if (!node) {
		*ret = xcalloc(1, sizeof(**ret));
		return 0;
	}
	CLEANUP_FREE hive_value_h *list = hivex_node_values(h->h, node);
	if (!list)
		return failed(h, "the values of a key cannot be read", err);
	return names(h, list, hivex_value_key, ret, err);
}

int hive_get(
	struct hive *h, hive_node node, const char *name, struct reg_value *ret, struct error **err)
{
	if (!node)
		return 0;
	errno = 0;
	hive_value_h value = hivex_node_get_value(h->h, node, name);
	if (!value)
		return errno ? failed(h, "the values of a key cannot be read", err) : 0;
	hive_type type;
	size_t len;
	char *data = hivex_value_value(h->h, value, &type, &len);
	if (!data)
		return failed(h, "a value cannot be read", err);
	*ret = (struct reg_value){.type = (uint32_t)type, .data = (uint8_t *)data, .len = len};
	return 1;
}

bool hive_get_number(struct hive *h, hive_node node, const char *name, uint32_t *ret)
{
	CLEANUP_REG_VALUE struct reg_value v = {0};
	CLEANUP_ERR struct error *err = NULL;
	return hive_get(h, node, name, &v, &err) == 1 && reg_number(&v, ret);
}

char *hive_get_text(struct hive *h, hive_node node, const char *name)
{
	CLEANUP_REG_VALUE struct reg_value v = {0};
	CLEANUP_ERR struct error *err = NULL;
	if (hive_get(h, node, name, &v, &err) != 1 || (v.type != REG_SZ && v.type != REG_EXPAND_SZ))
		return NULL;
	return reg_text(&v);
}

/* ---- writing ---- */

int hive_make(struct hive *h, hive_node from, const char *path, hive_node *ret, struct error **err)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	char *rest = copy, *part;
	while ((part = strsep(&rest, "\\"))) {
		if (!*part)
			continue;
		hive_node child = find_child(&h->found, h, h->h, from, part);
		if (!child) {
			child = hivex_node_add_child(h->h, from, part);
			find_cache_added(&h->found, from);
		}
		if (!child)
			return err_set(err, ERR_HIVE_DAMAGED, "%s: key \"%s\" cannot be made: %s",
				h->name, path, strerror(errno));
		from = child;
	}
	*ret = from;
	return 0;
}

int hive_set(struct hive *h, hive_node node, const char *name, const struct reg_value *value,
	struct error **err)
{
	hive_set_value v = {.key = (char *)name,
		.t = (hive_type)value->type,
		.len = value->len,
		.value = (char *)value->data};
	if (hivex_node_set_value(h->h, node, &v, 0) < 0)
		return err_set(err, ERR_HIVE_DAMAGED, "%s: value \"%s\" cannot be written: %s",
			h->name, name, strerror(errno));
	return 0;
}

/* Takes the name's and the bytes' ownership into ret. */
static int read_value(struct hive *h, size_t value, hive_set_value *ret, struct error **err)
{
	CLEANUP_FREE char *name = hivex_value_key(h->h, value);
	if (!name)
		return failed(h, "a name cannot be read", err);
	ret->value = hivex_value_value(h->h, value, &ret->t, &ret->len);
	if (!ret->value)
		return failed(h, "a value cannot be read", err);
	ret->key = TAKE_PTR(name);
	return 0;
}

/* hivex has no call for one value: all the others are set again. */
int hive_unset(struct hive *h, hive_node node, const char *name, struct error **err)
{
	CLEANUP_FREE hive_value_h *list = hivex_node_values(h->h, node);
	if (!list)
		return failed(h, "the values of a key cannot be read", err);
	size_t n = count(list), kept = 0;
	hive_set_value *v = xcalloc(n + 1, sizeof(*v));
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		hive_set_value one = {0};
		rc = read_value(h, list[i], &one, err);
		if (rc == 0 && strcasecmp(one.key, name) != 0) {
			v[kept++] = one;
			continue;
		}
		free(one.key);
		free(one.value);
	}
	if (rc == 0 && kept < n && hivex_node_set_values(h->h, node, kept, v, 0) < 0)
		rc = failed(h, "a key's values cannot be written", err);
	for (size_t i = 0; i < kept; i++) {
		free(v[i].key);
		free(v[i].value);
	}
	free(v);
	return rc;
}

int hive_delete(struct hive *h, hive_node node, struct error **err)
{
	find_cache_deleted(&h->found, node);
	if (hivex_node_delete_child(h->h, node) < 0)
		return failed(h, "a key cannot be deleted", err);
	return 0;
}

/* ---- saving ---- */

static int visit_key(hive_h *h, void *opaque, hive_node_h node, const char *name)
{
	(void)h, (void)opaque, (void)node, (void)name;
	return 0;
}

/* hivex's own traversal reads every key and every value. */
static int verify(const char *path, const char *name, struct error **err)
{
	static const struct hivex_visitor visitor = {.node_start = visit_key};
	hive_h *again = hivex_open(path, 0);
	if (!again)
		return err_set(err, ERR_INTERNAL, "%s: the changed hive cannot be opened: %s", name,
			strerror(errno));
	int rc = hivex_visit(again, &visitor, sizeof(visitor), NULL, HIVEX_VISIT_SKIP_BAD);
	hivex_close(again);
	if (rc < 0)
		return err_set(err, ERR_INTERNAL, "%s: the changed hive cannot be walked: %s", name,
			strerror(errno));
	return 0;
}

int hive_save(struct hive *h, uint8_t **ret_data, size_t *ret_size, struct error **err)
{
	char path[40];
	CLEANUP_CLOSE int fd = scratch(h->name, path, err);
	if (fd < 0)
		return -1;
	if (hivex_commit(h->h, path, 0) < 0)
		return err_set(err, ERR_INTERNAL, "%s: hivex cannot write it: %s", h->name,
			strerror(errno));
	if (verify(path, h->name, err) < 0)
		return -1;
	struct stat st;
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size > HIVE_SIZE_MAX)
		return err_set(err, ERR_HIVE_TOO_LARGE,
			"%s would have %lld bytes (at most %u can be handled)", h->name,
			(long long)st.st_size, HIVE_SIZE_MAX);
	CLEANUP_FREE uint8_t *data = xmalloc((size_t)st.st_size);
	if (pread_full(fd, data, (size_t)st.st_size, 0) != st.st_size)
		return err_errno(err, ERR_SYSTEM, errno, "read hive %s back", h->name);
	if (hive_check(data, (size_t)st.st_size, h->name, err) < 0) {
		(*err)->code = ERR_INTERNAL;
		return err_prefix(err, "hivex wrote a damaged hive");
	}
	*ret_size = (size_t)st.st_size;
	*ret_data = TAKE_PTR(data);
	return 0;
}
