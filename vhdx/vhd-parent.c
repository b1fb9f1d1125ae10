/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a differencing image says its parent is: parent locators, and the name in the header. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "utf16.h"
#include "vhd-internal.h"

/* A Windows path has at most 32767 UTF-16 units. */
#define PATH_LIMIT (64 * KiB)

static char *decode_utf16(const uint8_t *text, size_t len)
{
	return utf16_to_utf8(text, len / 2);
}

/* MacX: a file URL, UTF-8; XenServer writes "file://./name.vhd". NULL where it is not UTF-8. */
static char *decode_url(const uint8_t *text, size_t len)
{
	static const char scheme[] = "file://";
	CLEANUP_FREE char *url = xstrndup((const char *)text, len);
	size_t units, skip = strncmp(url, scheme, strlen(scheme)) == 0 ? strlen(scheme) : 0;
	CLEANUP_FREE uint8_t *valid = utf8_to_utf16(url + skip, &units);
	return valid ? xstrdup(url + skip) : NULL;
}

/* Best first. The others (Wi2r, Wi2k, "Mac ") are deprecated or an alias blob of Mac OS. */
static const struct {
	const char *code;
	char *(*decode)(const uint8_t *text, size_t len);
} locator_codes[] = {
	{"W2ru", decode_utf16}, /* relative */
	{"W2ku", decode_utf16}, /* absolute */
	{"MacX", decode_url},
};

static void add_path(struct vhd *v, char *path)
{
	CLEANUP_FREE char *owned = path;
	if (!path || !*path)
		return;
	for (size_t i = 0; i < v->n_parent_paths; i++)
		if (strcmp(v->parent_paths[i], path) == 0)
			return;
	v->parent_paths =
		xrealloc_array(v->parent_paths, v->n_parent_paths + 1, sizeof(*v->parent_paths));
	v->parent_paths[v->n_parent_paths++] = TAKE_PTR(owned);
}

static int load_locator(struct vhd *v, const struct vhd_locator *l,
	char *(*decode)(const uint8_t *, size_t), struct findings *f, struct error **err)
{
	uint64_t offset = be64_get(l->data_offset);
	uint32_t len = be32_get(l->data_length);
	if (len > PATH_LIMIT || !u64_range_ok(offset, len, v->data_end)) {
		findings_add(f, FINDING_WARNING, "locator-outside",
			"the parent locator \"%.4s\" at 0x%" PRIx64 ", %" PRIu32
			" bytes, does not lie within the file or is over 64 KiB",
			l->code, offset, len);
		return 0;
	}
	CLEANUP_FREE uint8_t *text = xmalloc(len);
	if (io_pread(v->io, text, len, offset, err) < 0)
		return -1;
	add_path(v, decode(text, len));
	return 0;
}

/* The header has the name big-endian, unlike the locators. */
static char *header_name(const struct vhd_header *h)
{
	le16 name[ARRAY_SIZE(h->parent_name)];
	for (size_t i = 0; i < ARRAY_SIZE(name); i++)
		name[i] = le16_make(be16_get(h->parent_name[i]));
	return utf16_to_utf8(name, ARRAY_SIZE(name));
}

int vhd_load_parent_paths(struct vhd *v, struct findings *f, struct error **err)
{
	const struct vhd_header *h = &v->header;
	memcpy(v->info.parent_id.b, h->parent_id, sizeof(v->info.parent_id.b));
	for (size_t c = 0; c < ARRAY_SIZE(locator_codes); c++)
		for (size_t i = 0; i < VHD_LOCATORS; i++)
			if (strncasecmp(h->locators[i].code, locator_codes[c].code, 4) == 0 &&
				load_locator(v, &h->locators[i], locator_codes[c].decode, f, err) <
					0)
				return -1;
	add_path(v, header_name(h));
	if (v->n_parent_paths)
		v->info.parent = xstrdup(v->parent_paths[0]);
	else
		findings_add(f, FINDING_WARNING, "parent-unnamed",
			"a differencing image that does not say where its parent is");
	return 0;
}
