/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layout: J. Metz, "BitLocker Drive Encryption (BDE) format specification" (libbde): volume header, FVE
 * metadata block, header and entries, version 2 (Windows 7 and later).
 */
#include "bitlocker.h"

#include <stddef.h>
#include <string.h>

#include "jsonx.h"
#include "le.h"
#include "mem.h"

struct fve_volume {
	uint8_t jump[3], signature[8]; /* "-FVE-FS-" */
	uint8_t reserved1[149];
	struct guid id;
	le64 metadata[3]; /* bytes from the volume's start: three copies */
};
ASSERT_OFFSET(struct fve_volume, id, 160);
ASSERT_OFFSET(struct fve_volume, metadata, 176);

struct fve_block {
	uint8_t signature[8];
	le16 size, version;
	le16 state, next_state;
	uint8_t reserved[48];
	/* metadata header */
	le32 metadata_size; /* bytes, with this header */
	le32 metadata_version, header_size, metadata_size_copy;
	struct guid volume_id;
	le32 nonces, method;
	le64 created;
};
ASSERT_OFFSET(struct fve_block, metadata_size, 64);
ASSERT_OFFSET(struct fve_block, method, 100);
ASSERT_SIZE(struct fve_block, 112);

struct fve_entry {
	le16 size, type, value_type, version;
};

enum { ENTRY_MASTER_KEY = 2, VALUE_MASTER_KEY = 8, PROTECTION_AT = 26, METADATA_MAX = 64 << 10 };

static const struct {
	uint16_t id;
	const char *name;
} protectors[] = {{0x0000, "clear-key"}, {0x0100, "tpm"}, {0x0200, "startup-key"},
	{0x0300, "tpm-and-startup-key"}, {0x0500, "tpm-and-pin"}, {0x0800, "recovery-password"},
	{0x2000, "password"}};

static const char *const methods[] = {"aes-cbc-128-diffuser", "aes-cbc-256-diffuser", "aes-cbc-128",
	"aes-cbc-256", "aes-xts-128", "aes-xts-256"};
static const char *const states[] = {NULL, "decrypted", "converting", NULL, "encrypted", "paused"};

static void read_entries(const uint8_t *data, size_t len, struct bitlocker_facts *f)
{
	for (size_t at = 0; at + sizeof(struct fve_entry) <= len;) {
		const struct fve_entry *e = (const void *)(data + at);
		size_t size = le16_get(e->size);
		if (size < sizeof(*e) || size > len - at)
			return;
		if (le16_get(e->type) == ENTRY_MASTER_KEY &&
			le16_get(e->value_type) == VALUE_MASTER_KEY &&
			size >= sizeof(*e) + PROTECTION_AT + 2 &&
			f->n_protectors < BITLOCKER_PROTECTORS_MAX) {
			uint16_t kind = le16_at(data + at + sizeof(*e) + PROTECTION_AT);
			f->protectors[f->n_protectors++] = kind;
			f->clear_key = f->clear_key || kind == 0;
		}
		at += size;
	}
}

static int read_block(
	struct disk *d, uint64_t at, uint64_t end, struct bitlocker_facts *ret, struct error **err)
{
	struct fve_block b;
	struct bitlocker_facts f = {0};
	if (!u64_range_ok(at, sizeof(b), end))
		return err_set(err, ERR_BITLOCKER, "its metadata lies outside of the volume");
	if (disk_pread(d, &b, sizeof(b), at, err) < 0)
		return -1;
	uint32_t size = le32_get(b.metadata_size), head = sizeof(b) - 64;
	if (memcmp(b.signature, "-FVE-FS-", 8) != 0 || le16_get(b.version) != 2 || size < head ||
		size > METADATA_MAX || !u64_range_ok(at + 64, size, end))
		return err_set(err, ERR_BITLOCKER, "its metadata is not understood");
	f.state = le16_get(b.state);
	f.method = le32_get(b.method) & 0xffff;
	CLEANUP_FREE uint8_t *entries = mem_alloc(size - head + 1, METADATA_MAX, "metadata", err);
	if (!entries || disk_pread(d, entries, size - head, at + sizeof(b), err) < 0)
		return -1;
	read_entries(entries, size - head, &f);
	*ret = f;
	return 0;
}

int bitlocker_read(struct disk *d, uint64_t offset, uint64_t size, struct bitlocker_facts *ret,
	struct error **err)
{
	struct fve_volume v;
	if (!u64_range_ok(offset, size, d->size) || size < sizeof(v))
		return err_set(err, ERR_BITLOCKER, "the volume reaches past the end of the disk");
	if (disk_pread(d, &v, sizeof(v), offset, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(v.metadata); i++) {
		CLEANUP_ERR struct error *failure = NULL;
		uint64_t at = le64_get(v.metadata[i]);
		if (at < size && read_block(d, offset + at, offset + size, ret, &failure) == 0)
			return 0;
	}
	return err_set(err, ERR_BITLOCKER, "none of its three copies of metadata is understood");
}

static const char *protector_name(uint16_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(protectors); i++)
		if (protectors[i].id == id)
			return protectors[i].name;
	return "other";
}

json_t *bitlocker_to_json(const struct bitlocker_facts *f)
{
	json_t *o = json_object(), *list = json_array();
	unsigned method = f->method - 0x8000u;
	jsonx_set_string(o, "state", f->state < ARRAY_SIZE(states) ? states[f->state] : NULL);
	jsonx_set_string(o, "method", method < ARRAY_SIZE(methods) ? methods[method] : NULL);
	for (size_t i = 0; i < f->n_protectors; i++)
		json_array_append_new(list, json_string(protector_name(f->protectors[i])));
	jsonx_set(o, "protectors", list);
	jsonx_set_bool(o, "suspended", f->clear_key);
	return o;
}
