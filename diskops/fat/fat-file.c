/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Paths and files of a FAT volume. */
#include "fat-private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "checked.h"
#include "fat-format.h"
#include "mem.h"
#include "utf16.h"

#define FOLDER_MAX (2 * MiB) /* 65536 entries: what the specification allows */

/* A file or folder, and where its entry stands. */
struct spot {
	uint64_t at; /* from the volume's start */
	struct fat_dirent entry;
};

/* ---- clusters in memory ---- */

static int read_chain(struct fat_volume *v, const struct fat_chain *c, uint8_t *buf, size_t len,
	struct error **err)
{
	for (size_t i = 0, done = 0; done < len; i++, done += v->cluster)
		if (fat_pread(v, buf + done, (size_t)min_u64(v->cluster, len - done),
			    fat_cluster_at(v, c->v[i]), err) < 0)
			return -1;
	return 0;
}

static size_t clusters_of(const struct fat_volume *v, uint64_t bytes)
{
	return (size_t)div_round_up(bytes, v->cluster);
}

/* ---- folders ---- */

struct folder {
	uint8_t *data;
	size_t len;
	struct fat_chain chain; /* empty: the root of FAT12 and 16 */
};

static void folder_done(struct folder *f)
{
	free(f->data);
	fat_chain_done(&f->chain);
}

/* cluster 0: the root. */
static int folder_read(struct fat_volume *v, uint32_t cluster, struct folder *f, struct error **err)
{
	if (!cluster)
		cluster = v->root_cluster;
	if (!cluster) {
		f->len = (size_t)v->root_size;
		f->data = xmalloc(f->len);
		return fat_pread(v, f->data, f->len, v->root_at, err);
	}
	if (fat_chain_read(v, cluster, clusters_of(v, FOLDER_MAX), &f->chain, err) < 0)
		return -1;
	f->len = f->chain.n * v->cluster;
	f->data = xmalloc(f->len);
	return read_chain(v, &f->chain, f->data, f->len, err);
}

static uint64_t folder_entry_at(const struct fat_volume *v, const struct folder *f, size_t offset)
{
	if (!f->chain.n)
		return v->root_at + offset;
	return fat_cluster_at(v, f->chain.v[offset / v->cluster]) + offset % v->cluster;
}

/* ---- names ---- */

/* A long name as its pieces come in, the last one first. */
struct long_name {
	uint8_t units[FAT_LONG_PIECES * FAT_LONG_UNITS * 2];
	unsigned pieces, missing; /* complete: missing is 0, and pieces not */
	uint8_t checksum;
};

static void add_piece(struct long_name *n, const struct fat_long_dirent *e)
{
	unsigned sequence = e->sequence & ~FAT_LONG_LAST & 0xff;
	if (e->sequence & FAT_LONG_LAST)
		*n = (struct long_name){
			.pieces = sequence, .missing = sequence, .checksum = e->checksum};
	if (!sequence || sequence > FAT_LONG_PIECES || sequence != n->missing ||
		e->checksum != n->checksum) {
		n->pieces = 0;
		return;
	}
	uint8_t *to = n->units + (sequence - 1) * FAT_LONG_UNITS * 2;
	memcpy(to, e->name1, sizeof(e->name1));
	memcpy(to + 10, e->name2, sizeof(e->name2));
	memcpy(to + 22, e->name3, sizeof(e->name3));
	n->missing--;
}

static uint8_t short_checksum(const uint8_t name[static 11])
{
	uint8_t sum = 0;
	for (int i = 0; i < 11; i++)
		sum = (uint8_t)((sum << 7 | sum >> 1) + name[i]);
	return sum;
}

static bool long_name_is(
	const struct long_name *n, const struct fat_dirent *e, const char *name, size_t len)
{
	if (!n->pieces || n->missing || n->checksum != short_checksum(e->name))
		return false;
	CLEANUP_FREE char *text = utf16_to_utf8(n->units, n->pieces * FAT_LONG_UNITS);
	return strlen(text) == len && strncasecmp(text, name, len) == 0;
}

/* "BCD        " is BCD, "BCD     LOG" is BCD.LOG. */
static bool short_name_is(const struct fat_dirent *e, const char *name, size_t len)
{
	char text[13];
	size_t n = 0, base = 8, extension = 3;
	while (base && e->name[base - 1] == ' ')
		base--;
	while (extension && e->name[8 + extension - 1] == ' ')
		extension--;
	for (size_t i = 0; i < base; i++)
		text[n++] = (char)(i == 0 && e->name[0] == FAT_KANJI_E5 ? FAT_DELETED : e->name[i]);
	if (extension)
		text[n++] = '.';
	for (size_t i = 0; i < extension; i++)
		text[n++] = (char)e->name[8 + i];
	return n == len && strncasecmp(text, name, len) == 0;
}

/* 1 where the folder has that name. */
static int folder_find(struct fat_volume *v, const struct folder *f, const char *name, size_t len,
	struct spot *ret)
{
	struct long_name long_name = {0};
	for (size_t at = 0; at + sizeof(ret->entry) <= f->len; at += sizeof(ret->entry)) {
		struct fat_dirent e;
		memcpy(&e, f->data + at, sizeof(e));
		if (e.name[0] == 0)
			return 0;
		if (e.name[0] != FAT_DELETED &&
			(e.attributes & FAT_ATTR_LONG_MASK) == FAT_ATTR_LONG) {
			add_piece(&long_name, (const struct fat_long_dirent *)(f->data + at));
			continue;
		}
		if (e.name[0] != FAT_DELETED && !(e.attributes & FAT_ATTR_LABEL) &&
			(long_name_is(&long_name, &e, name, len) || short_name_is(&e, name, len))) {
			*ret = (struct spot){.at = folder_entry_at(v, f, at), .entry = e};
			return 1;
		}
		long_name.pieces = 0;
	}
	return 0;
}

static uint32_t first_cluster(const struct fat_volume *v, const struct fat_dirent *e)
{
	uint32_t high = v->bits == 32 ? le16_get(e->cluster_high) : 0;
	return high << 16 | le16_get(e->cluster_low);
}

static int find(struct fat_volume *v, const char *path, struct spot *ret, struct error **err)
{
	const char *part = path;
	uint32_t cluster = 0;
	for (;;) {
		part += strspn(part, "\\");
		size_t len = strcspn(part, "\\");
		CLEANUP(folder_done) struct folder f = {0};
		if (folder_read(v, cluster, &f, err) < 0)
			return -1;
		if (!folder_find(v, &f, part, len, ret))
			return err_set(err, ERR_NOT_FOUND, "\"%s\": not found", path);
		part += len;
		bool folder = ret->entry.attributes & FAT_ATTR_FOLDER, last = !*part;
		if (folder == last)
			return err_set(err, ERR_NOT_FOUND, "\"%s\": %s", path,
				folder ? "is a folder" : "goes through a file");
		if (last)
			return 0;
		cluster = first_cluster(v, &ret->entry);
	}
}

/* ---- files ---- */

/* The clusters of a file; there are as many as its size needs. */
static int file_chain(struct fat_volume *v, const char *path, const struct spot *s,
	struct fat_chain *ret, struct error **err)
{
	size_t n = clusters_of(v, le32_get(s->entry.size));
	if (n == 0)
		return 0;
	if (fat_chain_read(v, first_cluster(v, &s->entry), n, ret, err) < 0)
		return err_prefix(err, "\"%s\"", path);
	if (ret->n < n)
		return err_set(err, ERR_FAT_DAMAGED,
			"\"%s\": %zu clusters (%zu expected by its size)", path, ret->n, n);
	return 0;
}

int fat_file_read(struct fat_volume *v, const char *path, uint64_t limit, uint8_t **ret,
	size_t *ret_len, struct error **err)
{
	struct spot s;
	CLEANUP(fat_chain_done) struct fat_chain chain = {0};
	if (find(v, path, &s, err) < 0)
		return -1;
	size_t len = le32_get(s.entry.size);
	if (len > limit)
		return err_set(err, ERR_FAT_DAMAGED,
			"\"%s\": %zu bytes (at most %" PRIu64 " expected)", path, len, limit);
	if (file_chain(v, path, &s, &chain, err) < 0)
		return -1;
	CLEANUP_FREE uint8_t *data = xmalloc(len + 1);
	if (read_chain(v, &chain, data, len, err) < 0)
		return -1;
	data[len] = '\0';
	*ret = TAKE_PTR(data);
	*ret_len = len;
	return 0;
}

/* The last cluster is written whole: nothing old stays behind the end. */
static int write_chain(struct fat_volume *v, const struct fat_chain *c, const uint8_t *data,
	size_t len, struct error **err)
{
	CLEANUP_FREE uint8_t *last = xcalloc(1, v->cluster);
	for (size_t i = 0, done = 0; done < len; i++, done += v->cluster) {
		const uint8_t *from = data + done;
		if (len - done < v->cluster)
			from = memcpy(last, from, len - done);
		if (fat_pwrite(v, from, v->cluster, fat_cluster_at(v, c->v[i]), err) < 0)
			return -1;
	}
	return 0;
}

int fat_file_replace(
	struct fat_volume *v, const char *path, const void *data, size_t len, struct error **err)
{
	struct spot s;
	CLEANUP(fat_chain_done) struct fat_chain chain = {0};
	if (find(v, path, &s, err) < 0 || file_chain(v, path, &s, &chain, err) < 0)
		return -1;
	size_t was = chain.n, need = clusters_of(v, len);
	if (!was || !need || len > UINT32_MAX)
		return err_set(err, ERR_INVALID_ARGUMENT,
			"\"%s\": an empty file is neither made nor filled here", path);
	if (need > was && fat_chain_grow(v, &chain, need - was, err) < 0)
		return err_prefix(err, "\"%s\"", path);
	if (write_chain(v, &chain, data, len, err) < 0 ||
		(need != was && fat_chain_write(v, &chain, need, was, err) < 0))
		return -1;
	s.entry.size = le32_make((uint32_t)len);
	return fat_pwrite(v, &s.entry, sizeof(s.entry), s.at, err);
}
