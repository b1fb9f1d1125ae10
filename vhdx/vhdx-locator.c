/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parent locator of a differencing image: [MS-VHDX] 2.6.2.6. */
#include <inttypes.h>
#include <string.h>

#include "mem.h"
#include "utf16.h"
#include "vhdx-internal.h"

static const struct guid locator_type = VHDX_LOCATOR_TYPE;

/* Paths in the order in which the specification wants them tried. */
enum key { LINKAGE, LINKAGE2, FIRST_PATH, N_KEYS = FIRST_PATH + VHDX_PARENT_PATHS };
static const char *const keys[N_KEYS] = {
	"parent_linkage", "parent_linkage2", "relative_path", "volume_path", "absolute_win32_path"};
#define KEY_BYTES_MAX 64u /* of UTF-16: longer than any key known */

void vhdx_locator_done(struct vhdx_locator *l)
{
	for (size_t i = 0; i < VHDX_PARENT_PATHS; i++)
		free(l->paths[i]);
	*l = (struct vhdx_locator){0};
}

/* Index of the entry's key in keys; N_KEYS: another one. */
static size_t key_of(const char *item, const struct vhdx_locator_entry *e)
{
	size_t i = 0;
	uint16_t length = le16_get(e->key_length);
	if (length > KEY_BYTES_MAX)
		return N_KEYS;
	CLEANUP_FREE char *key = utf16_to_utf8(item + le32_get(e->key_offset), length / 2);
	while (i < N_KEYS && strcmp(key, keys[i]) != 0)
		i++;
	return i;
}

static int parse_entry(char **values, const char *item, size_t len,
	const struct vhdx_locator_entry *e, struct error **err)
{
	uint16_t value_length = le16_get(e->value_length);
	if (!u64_range_ok(le32_get(e->key_offset), le16_get(e->key_length), len) ||
		!u64_range_ok(le32_get(e->value_offset), value_length, len))
		return err_set(err, ERR_IMAGE_CORRUPT,
			"key at 0x%" PRIx32 " or value at 0x%" PRIx32
			" outside the item (%zu bytes)",
			le32_get(e->key_offset), le32_get(e->value_offset), len);
	size_t key = key_of(item, e);
	if (key == N_KEYS)
		return 0;
	if (values[key])
		return err_set(err, ERR_IMAGE_CORRUPT, "a second \"%s\"", keys[key]);
	values[key] = utf16_to_utf8(item + le32_get(e->value_offset), value_length / 2);
	return 0;
}

static int parse_entries(char **values, const void *item, size_t len, struct error **err)
{
	const struct vhdx_locator_header *h = item;
	const struct vhdx_locator_entry *entries = (const void *)(h + 1);
	char type[GUID_STRING_SIZE];
	if (len < sizeof(*h))
		return err_set(err, ERR_IMAGE_CORRUPT, "%zu bytes (at least %zu expected)", len,
			sizeof(*h));
	if (!guid_equal(&h->type, &locator_type)) {
		guid_format(&h->type, type);
		return err_set(
			err, ERR_IMAGE_UNSUPPORTED, "type %s (a VHDX parent's expected)", type);
	}
	uint16_t count = le16_get(h->count);
	if (count > (len - sizeof(*h)) / sizeof(*entries))
		return err_set(err, ERR_IMAGE_CORRUPT,
			"%" PRIu16 " entries do not fit the item (%zu bytes)", count, len);
	for (uint16_t i = 0; i < count; i++)
		if (parse_entry(values, item, len, &entries[i], err) < 0)
			return err_prefix(err, "entry %" PRIu16, i);
	return 0;
}

static int parse_linkages(struct vhdx_locator *l, char **values, struct error **err)
{
	struct guid *const guids[] = {[LINKAGE] = &l->linkage, [LINKAGE2] = &l->linkage2};
	if (!values[LINKAGE])
		return err_set(err, ERR_IMAGE_CORRUPT, "no \"%s\" (expected)", keys[LINKAGE]);
	for (size_t i = 0; i < ARRAY_SIZE(guids); i++)
		if (values[i] && !guid_parse(values[i], guids[i]))
			return err_set(err, ERR_IMAGE_CORRUPT, "%s: \"%s\" (a GUID expected)",
				keys[i], values[i]);
	return 0;
}

int vhdx_locator_parse(struct vhdx_locator *ret, const void *item, size_t len, struct error **err)
{
	struct vhdx_locator l = {0};
	char *values[N_KEYS] = {NULL};
	int result = parse_entries(values, item, len, err);
	if (result == 0)
		result = parse_linkages(&l, values, err);
	for (size_t i = FIRST_PATH; i < N_KEYS; i++)
		if (values[i])
			l.paths[l.n++] = TAKE_PTR(values[i]);
	for (size_t i = 0; i < N_KEYS; i++)
		free(values[i]);
	if (result < 0) {
		vhdx_locator_done(&l);
		return err_prefix(err, "parent locator");
	}
	*ret = l;
	return 0;
}
