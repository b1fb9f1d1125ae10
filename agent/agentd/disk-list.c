/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk-list.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "io.h"
#include "mem.h"

void disk_list_done(struct disk_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].id);
		free(list->v[i].path);
		free(list->v[i].real);
	}
	free(list->v);
	*list = (struct disk_list){0};
}

static void append(struct disk_list *list, const char *id, size_t id_len, const char *path)
{
	struct stat st;
	char *real = realpath(path, NULL);
	list->v = xrealloc_array(list->v, list->n + 1, sizeof(*list->v));
	list->v[list->n++] = (struct disk_ref){
		.id = xstrndup(id, id_len),
		.path = xstrdup(path),
		.real = real ? real : xstrdup(path),
		.by_fd = stat(path, &st) == 0 && S_ISBLK(st.st_mode),
	};
}

/* An id stands in URLs and in file names: no more than these. */
static bool is_id(const char *id, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	return len > 0 && len <= 64 && strspn(id, allowed) >= len && id[0] != '.';
}

int disk_list_add(struct disk_list *list, const char *spec, struct error **err)
{
	const char *equals = strchr(spec, '=');
	size_t len = equals ? (size_t)(equals - spec) : 0;
	if (!equals || !equals[1] || !is_id(spec, len))
		return err_set(err, ERR_INVALID_ARGUMENT,
			"disk \"%s\" (NAME=PATH expected, NAME of letters, digits, . _ -)", spec);
	for (size_t i = 0; i < list->n; i++)
		if (strlen(list->v[i].id) == len && strncmp(list->v[i].id, spec, len) == 0)
			return err_set(err, ERR_INVALID_ARGUMENT, "disk \"%s\" is given twice",
				list->v[i].id);
	append(list, spec, len, equals + 1);
	return 0;
}

int disk_list_now(const struct disk_list *configured, struct disk_list *ret, struct error **err)
{
	if (configured->n == 0)
		return disk_list_scan(ret, "/sys", "/proc", "/dev", err);
	for (size_t i = 0; i < configured->n; i++) {
		const struct disk_ref *d = &configured->v[i];
		append(ret, d->id, strlen(d->id), d->path);
	}
	return 0;
}

const struct disk_ref *disk_list_find(
	const struct disk_list *list, const char *id, struct error **err)
{
	for (size_t i = 0; id && i < list->n; i++)
		if (strcmp(list->v[i].id, id) == 0)
			return &list->v[i];
	if (!id && list->n == 1)
		return &list->v[0];
	if (id)
		err_set(err, ERR_DISK_NOT_FOUND, "there is no disk \"%s\"", id);
	else if (list->n == 0)
		err_set(err, ERR_DISK_NOT_FOUND, "there is no data disk");
	else
		err_set(err, ERR_MISSING_FIELD, "field \"disk\" is missing: there are %zu disks",
			list->n);
	return NULL;
}

int disk_ref_check(const struct disk_ref *disk, uint64_t *ret_size, struct error **err)
{
	CLEANUP_CLOSE int fd = open(disk->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_errno(err, ERR_DISK_OPEN, errno, "cannot open the disk \"%s\" (\"%s\")",
			disk->id, disk->path);
	return fd_size(fd, disk->path, ret_size, err);
}
