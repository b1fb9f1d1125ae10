/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pack-archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "io.h"
#include "mem.h"
#include "pack-names.h"
#include "tree.h"
#include "utf16.h"

#define BLOCK	      (256u << 10)
#define TAR_BLOCK     512
#define FILTERS_MAX   2 /* a compression, and the file itself */
#define TAR_FORMAT(a) ((archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR)

DEFINE_CLEANUP(struct archive *, archive_read_free);

const struct pack_limits pack_limits_default = {
	.files = PACK_FILES_MAX,
	.depth = PACK_DEPTH_MAX,
	.infs = PACK_INFS_MAX,
	.file_size = PACK_FILE_SIZE_MAX,
	.total = PACK_TOTAL_MAX,
	.ratio = PACK_RATIO_MAX,
	.ratio_free = PACK_RATIO_FREE,
};

struct unpacking {
	const struct pack_limits *limits;
	struct op *op;
	struct archive *a;
	struct pack_names *names;
	int root;	   /* the new folder */
	uint64_t size;	   /* of the archive */
	int64_t entry_end; /* in the unpacked archive, of the entry before */
	uint8_t *buf;
	struct pack_listing list;
};

void pack_listing_done(struct pack_listing *l)
{
	for (size_t i = 0; i < l->n_infs; i++)
		free(l->infs[i]);
	free(l->infs);
	*l = (struct pack_listing){0};
}

/* What the library found wrong, with the file it was at. */
static int damaged(struct unpacking *u, const char *path, struct error **err)
{
	const char *text = archive_error_string(u->a);
	CLEANUP_FREE char *why = utf8_clean(text ? text : "damaged");
	if (path)
		return err_set(err, ERR_PACK_INVALID, "\"%s\": %.200s", path, why);
	if (u->list.files == 0)
		return err_set(err, ERR_PACK_INVALID,
			"is no zip, tar, tar.gz or tar.xz, or not a whole one (%.200s)", why);
	return err_set(err, ERR_PACK_INVALID, "is damaged after %" PRIu64 " files: %.200s",
		u->list.files, why);
}

/* ---- what an entry may be ---- */

static const char *forbidden(struct archive_entry *e)
{
	if (archive_entry_is_encrypted(e))
		return "is encrypted";
	if (archive_entry_hardlink(e))
		return "is a hard link";
	if (archive_entry_symlink(e))
		return "is a symbolic link";
	switch (archive_entry_filetype(e)) {
	case AE_IFREG:
	case AE_IFDIR:
		return NULL;
	case AE_IFLNK:
		return "is a symbolic link";
	case AE_IFIFO:
		return "is a named pipe";
	case AE_IFCHR:
	case AE_IFBLK:
		return "is a device";
	default:
		return "is neither a file nor a folder";
	}
}

static int check_entry(struct unpacking *u, struct archive_entry *e, char **ret, struct error **err)
{
	const char *raw = archive_entry_pathname(e);
	const char *why = forbidden(e);
	if (!raw)
		return err_set(err, ERR_PACK_INVALID, "holds a file whose name is not UTF-8");
	if (why) {
		CLEANUP_FREE char *shown = utf8_clean(raw);
		return err_set(err, ERR_PACK_INVALID, "\"%.300s\" %s", shown, why);
	}
	if (pack_names_clean(u->names, raw, ret, err) < 0)
		return -1;
	bool folder = archive_entry_filetype(e) == AE_IFDIR;
	if (**ret)
		return pack_names_add(u->names, *ret, folder, err);
	return folder ? 0 : err_set(err, ERR_PACK_INVALID, "holds a file without a name");
}

static int check_size(struct unpacking *u, const char *path, uint64_t file_size, struct error **err)
{
	const struct pack_limits *l = u->limits;
	uint64_t total = u->list.bytes;
	if (file_size > l->file_size)
		return err_set(err, ERR_PACK_INVALID, "\"%s\" is larger than %" PRIu64 " bytes",
			path, l->file_size);
	if (total > l->total)
		return err_set(err, ERR_PACK_INVALID,
			"holds more than %" PRIu64 " bytes (at \"%s\")", l->total, path);
	if (total > l->ratio_free && total / l->ratio > u->size)
		return err_set(err, ERR_PACK_INVALID,
			"is more than %u times as large unpacked (at \"%s\"): no pack shrinks so",
			l->ratio, path);
	return 0;
}

/* ---- writing ---- */

/* One folder down, made where it is missing. */
static int enter(int dir, const char *name, const char *path, struct error **err)
{
	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return err_errno(err, ERR_WRITE, errno, "cannot make the folder of \"%s\"", path);
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_WRITE, errno, "cannot open the folder of \"%s\"", path);
	return fd;
}

/* The folder that path's last component lies in; *ret_name: that component, in path. */
static int enter_all(int root, const char *path, const char **ret_name, struct error **err)
{
	CLEANUP_CLOSE int dir = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *slash;
	if (dir < 0)
		return err_errno(err, ERR_WRITE, errno, "cannot open the folder of the pack");
	for (const char *part = path; (slash = strchr(part, '/')); part = slash + 1) {
		CLEANUP_FREE char *name = xstrndup(part, (size_t)(slash - part));
		int below = enter(dir, name, path, err);
		if (below < 0)
			return -1;
		close(dir);
		dir = below;
	}
	slash = strrchr(path, '/');
	*ret_name = slash ? slash + 1 : path;
	return TAKE_FD(dir);
}

static int copy_data(struct unpacking *u, const char *path, int fd, struct error **err)
{
	uint64_t size = 0;
	for (;;) {
		la_ssize_t n = archive_read_data(u->a, u->buf, BLOCK);
		if (n == 0)
			return 0;
		if (n < 0)
			return damaged(u, path, err);
		size += (uint64_t)n;
		u->list.bytes += (uint64_t)n;
		if (check_size(u, path, size, err) < 0 ||
			op_tick(u->op, (uint64_t)archive_filter_bytes(u->a, -1), err) < 0)
			return -1;
		if (write_full(fd, u->buf, (size_t)n) < 0)
			return err_errno(err, ERR_WRITE, errno, "cannot write \"%s\"", path);
	}
}

static int note_inf(struct unpacking *u, const char *path, struct error **err)
{
	struct pack_listing *l = &u->list;
	size_t n = strlen(path);
	if (n < 4 || strcasecmp(path + n - 4, ".inf") != 0)
		return 0;
	if (l->n_infs >= u->limits->infs)
		return err_set(err, ERR_PACK_INVALID, "holds more than %u INFs", u->limits->infs);
	l->infs = xrealloc_array(l->infs, l->n_infs + 1, sizeof(*l->infs));
	l->infs[l->n_infs++] = xstrdup(path);
	return 0;
}

static int put_file(
	struct unpacking *u, struct archive_entry *e, const char *path, struct error **err)
{
	const char *name;
	if (archive_entry_size_is_set(e) &&
		check_size(u, path, (uint64_t)archive_entry_size(e), err) < 0)
		return -1;
	CLEANUP_CLOSE int dir = enter_all(u->root, path, &name, err);
	if (dir < 0)
		return -1;
	CLEANUP_CLOSE int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, ERR_WRITE, errno, "cannot make the file \"%s\"", path);
	if (copy_data(u, path, fd, err) < 0)
		return -1;
	u->list.files++;
	return note_inf(u, path, err);
}

static int put_folder(struct unpacking *u, const char *path, struct error **err)
{
	const char *name;
	CLEANUP_CLOSE int above = enter_all(u->root, path, &name, err);
	if (above < 0)
		return -1;
	CLEANUP_CLOSE int dir = *name ? enter(above, name, path, err) : TAKE_FD(above);
	return dir < 0 ? -1 : 0;
}

/* ---- the archive ---- */

static int put_entry(struct unpacking *u, struct archive_entry *e, struct error **err)
{
	CLEANUP_FREE char *path = NULL;
	if (archive_filter_count(u->a) > FILTERS_MAX)
		return err_set(err, ERR_PACK_INVALID, "is compressed twice");
	if (check_entry(u, e, &path, err) < 0)
		return -1;
	int r = archive_entry_filetype(e) == AE_IFDIR ? put_folder(u, path, err)
						      : put_file(u, e, path, err);
	if (r == 0 && archive_read_data_skip(u->a) != ARCHIVE_OK)
		return damaged(u, path, err);
	u->entry_end = archive_filter_bytes(u->a, 0);
	return r;
}

/* A tar ends with a block of zeroes: one that was cut between two files looks whole but for that. */
static int check_end(struct unpacking *u, struct error **err)
{
	if (TAR_FORMAT(u->a) && archive_filter_bytes(u->a, 0) - u->entry_end < TAR_BLOCK)
		return err_set(err, ERR_PACK_INVALID,
			"ends after %" PRIu64 " files without the mark of a tar's end: cut short",
			u->list.files);
	return u->list.n_infs ? 0 : err_set(err, ERR_PACK_INVALID, "holds no INF file");
}

static int read_entries(struct unpacking *u, struct error **err)
{
	struct archive_entry *e;
	for (;;) {
		int r = archive_read_next_header(u->a, &e);
		if (r == ARCHIVE_EOF)
			return check_end(u, err);
		if (r != ARCHIVE_OK)
			return damaged(u, NULL, err);
		if (put_entry(u, e, err) < 0 ||
			op_tick(u->op, (uint64_t)archive_filter_bytes(u->a, -1), err) < 0)
			return -1;
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_archive(struct unpacking *u, int fd, const char *name, struct error **err)
{
	CLEANUP(archive_read_free_p) struct archive *a = u->a = archive_read_new();
	if (fd_size(fd, name, &u->size, err) < 0)
		return -1;
	if (!a || archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
		archive_read_support_filter_xz(a) != ARCHIVE_OK ||
		archive_read_support_format_tar(a) != ARCHIVE_OK ||
		archive_read_support_format_zip_seekable(a) != ARCHIVE_OK)
		return err_set(err, ERR_SYSTEM, "libarchive lacks zip, tar, gzip or xz");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, ERR_DISK_READ, errno, "cannot read");
	op_begin(u->op, "unpack", u->size, 100);
	if (archive_read_open_fd(a, fd, BLOCK) != ARCHIVE_OK)
		return damaged(u, NULL, err);
	return read_entries(u, err);
}

/* Names in an archive are UTF-8, whatever the program's locale is: this thread's follows. */
static int read_in_utf8(struct unpacking *u, int fd, const char *name, struct error **err)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!utf8)
		return err_errno(err, ERR_SYSTEM, errno, "there is no locale C.UTF-8");
	locale_t before = uselocale(utf8);
	CLEANUP(pack_names_free_p) struct pack_names *names = u->names = pack_names_new(u->limits);
	CLEANUP_FREE uint8_t *buf = u->buf = xmalloc(BLOCK);
	int r = read_archive(u, fd, name, err);
	uselocale(before);
	freelocale(utf8);
	if (u->list.n_infs)
		qsort(u->list.infs, u->list.n_infs, sizeof(*u->list.infs), by_text);
	return r;
}

/* ---- the folder ---- */

struct place {
	int parent;
	const char *base; /* of dest */
	char *part;
};

static void place_done(struct place *p)
{
	cleanup_close(&p->parent);
	free(p->part);
}

static int place_open(struct place *p, const char *dest, struct error **err)
{
	const char *slash = strrchr(dest, '/');
	CLEANUP_FREE char *above = slash ? xstrndup(dest, (size_t)(slash - dest)) : xstrdup(".");
	p->base = slash ? slash + 1 : dest;
	p->part = xasprintf(".%s.part", p->base);
	p->parent = open(*above ? above : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->parent < 0)
		return err_errno(err, ERR_WRITE, errno, "cannot open the folder \"%s\"", above);
	if (faccessat(p->parent, p->base, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(err, ERR_TARGET_EXISTS, "\"%s\" is there already", dest);
	if (tree_remove(p->parent, p->part, err) < 0)
		return -1;
	if (mkdirat(p->parent, p->part, 0700) < 0)
		return err_errno(err, ERR_WRITE, errno, "cannot make the folder \"%s\"", dest);
	return 0;
}

static int place_finish(struct place *p, const char *dest, struct error **err)
{
	if (renameat2(p->parent, p->part, p->parent, p->base, RENAME_NOREPLACE) == 0)
		return 0;
	return err_errno(err, errno == EEXIST ? ERR_TARGET_EXISTS : ERR_WRITE, errno,
		"cannot make the folder \"%s\"", dest);
}

int pack_unpack(int fd, const char *name, const char *dest, const struct pack_limits *limits,
	struct pack_listing *ret, struct op *op, struct error **err)
{
	CLEANUP(place_done) struct place place = {.parent = -1};
	struct unpacking u = {.limits = limits ? limits : &pack_limits_default, .op = op};
	if (place_open(&place, dest, err) < 0)
		return err_prefix(err, "pack \"%s\"", name);
	u.root = openat(place.parent, place.part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = u.root < 0 ? err_errno(err, ERR_WRITE, errno, "cannot open \"%s\"", place.part)
			   : read_in_utf8(&u, fd, name, err);
	cleanup_close(&u.root);
	if (r == 0)
		r = place_finish(&place, dest, err);
	if (r < 0) {
		CLEANUP_ERR struct error *ignored =
			NULL; /* the first error is the one that counts */
		tree_remove(place.parent, place.part, &ignored);
		pack_listing_done(&u.list);
		return err_prefix(err, "pack \"%s\"", name);
	}
	*ret = u.list;
	return 0;
}
