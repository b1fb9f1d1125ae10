/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines that a cloud's agent put into drivers\etc\hosts. Such a line goes with its end; every other byte of
 * the file stays as it is.
 */
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "strbuf.h"
#include "strip-software.h"

#define HOSTS_MAX (4u << 20)

/* The words of a line, one blank between them. */
static char *words(const char *line, size_t len)
{
	struct strbuf b = {0};
	for (size_t i = 0; i < len; i++) {
		bool blank = strchr(" \t\r\n", line[i]);
		if (!blank)
			strbuf_add_char(&b, line[i]);
		else if (b.len && b.data[b.len - 1] != ' ')
			strbuf_add_char(&b, ' ');
	}
	if (b.len && b.data[b.len - 1] == ' ')
		strbuf_truncate(&b, b.len - 1);
	return strbuf_take(&b);
}

static bool is_ours(const struct prep *p, const char *line, size_t len)
{
	CLEANUP_FREE char *text = words(line, len);
	size_t i = 0, size = strlen(text);
	for (const struct strip_list *l; (l = strip_next(p, &i));)
		for (const char *const *n = l->hosts_lines; n && *n; n++) {
			size_t tail = strlen(*n) - 1;
			if ((*n)[0] == '*' ? size >= tail &&
						     strcasecmp(text + size - tail, *n + 1) == 0
					   : strcasecmp(text, *n) == 0)
				return true;
		}
	return false;
}

/* What stays of the file; NULL: all of it. */
static char *edit(const struct prep *p, const char *data, size_t size, size_t *ret_size)
{
	CLEANUP_FREE char *kept = xmalloc(size + 1);
	size_t n = 0;
	for (size_t at = 0; at < size;) {
		const char *end = memchr(data + at, '\n', size - at);
		size_t len = end ? (size_t)(end - data) - at + 1 : size - at;
		if (!is_ours(p, data + at, len)) {
			memcpy(kept + n, data + at, len);
			n += len;
		}
		at += len;
	}
	*ret_size = n;
	return n == size ? NULL : TAKE_PTR(kept);
}

static bool any_line(const struct prep *p)
{
	size_t i = 0;
	for (const struct strip_list *l; (l = strip_next(p, &i));)
		if (l->hosts_lines)
			return true;
	return false;
}

int strip_hosts(struct prep *p, struct error **err)
{
	const struct guest *g = p->guest;
	struct ntfs_stat st = {0};
	CLEANUP_FREE char *path =
		xasprintf("%s\\System32\\drivers\\etc\\hosts", g->root ? g->root : "\\Windows");
	CLEANUP_FREE uint8_t *data = NULL;
	size_t size, kept_size;
	if (!g->volume || !any_line(p))
		return 0;
	if (ntfs_file_stat(g->volume, path, &st, err) < 0)
		return -1;
	if (!st.exists || st.directory || st.size > HOSTS_MAX)
		return 0;
	if (ntfs_file_read(g->volume, path, HOSTS_MAX, &data, &size, err) < 0)
		return -1;
	if (memchr(data, '\0', size)) {
		plan_note(p->plan, "%s left alone: it is no 8-bit text", path);
		return 0;
	}
	CLEANUP_FREE char *kept = edit(p, (const char *)data, size, &kept_size);
	if (kept)
		plan_file_put(p->plan, path, kept, kept_size,
			"without the lines of the source platform's agent");
	return 0;
}
