/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "copy-record.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>
#include <sys/random.h>

#include "jsonx.h"
#include "mem.h"

#define VERSION	 1
#define KEY_SIZE 16
#define IV_SIZE	 12
/* Values of `seen`: recorded, but not seen since who knows when; seen when nothing had broken. */
#define SUSPECT 1
#define SEEN	2

struct record {
	struct record_binding binding;
	EVP_MAC *mac;
	uint8_t key[KEY_SIZE];
	size_t slots, count;
	uint8_t (*digests)[RECORD_DIGEST];
	uint64_t *seen;			/* 0: not recorded; SUSPECT; SEEN + breaks at that time */
	uint64_t newest[RECORD_NEWEST]; /* a ring */
	uint64_t added;			/* so many slots went through it */
};

static struct record *record_alloc(const struct record_binding *b)
{
	struct record *r = xcalloc(1, sizeof(*r));
	r->binding = *b;
	r->mac = EVP_MAC_fetch(NULL, "GMAC", NULL);
	r->slots = (size_t)min_u64(div_round_up(b->length, b->slot_size), RECORD_SLOTS_MAX);
	r->digests = xcalloc(r->slots, sizeof(*r->digests));
	r->seen = xcalloc(r->slots, sizeof(*r->seen));
	return r;
}

int record_new(struct record **ret, const struct record_binding *b, struct error **err)
{
	CLEANUP(record_free_p) struct record *r = record_alloc(b);
	if (!r->mac)
		return err_set(err, ERR_INTERNAL, "the crypto library has no GMAC");
	if (getrandom(r->key, KEY_SIZE, 0) != KEY_SIZE)
		return err_errno(err, ERR_SYSTEM, errno, "random bytes");
	*ret = TAKE_PTR(r);
	return 0;
}

void record_free(struct record *r)
{
	if (!r)
		return;
	EVP_MAC_free(r->mac);
	free(r->digests);
	free(r->seen);
	free(r);
}

int record_digest(const struct record *r, uint64_t slot, const struct record_part *parts, size_t n,
	uint8_t ret[static RECORD_DIGEST], struct error **err)
{
	/* A slot's number as the nonce: two slots of one content have two digests. */
	uint8_t iv[IV_SIZE] = {0};
	memcpy(iv, &slot, sizeof(slot));
	char cipher[] = "AES-128-GCM";
	const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("cipher", cipher, 0),
		OSSL_PARAM_construct_octet_string("iv", iv, sizeof(iv)), OSSL_PARAM_END};
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(r->mac);
	size_t len = 0;
	int ok = ctx && EVP_MAC_init(ctx, r->key, KEY_SIZE, params);
	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_MAC_update(ctx, parts[i].buf, parts[i].len);
	ok = ok && EVP_MAC_final(ctx, ret, &len, RECORD_DIGEST) && len == RECORD_DIGEST;
	EVP_MAC_CTX_free(ctx);
	return ok ? 0 : err_set(err, ERR_INTERNAL, "the crypto library failed at a GMAC");
}

const uint8_t *record_get(const struct record *r, uint64_t slot)
{
	return slot < r->slots && r->seen[slot] ? r->digests[slot] : NULL;
}

bool record_next(const struct record *r, uint64_t *slot)
{
	while (*slot < r->slots && !r->seen[*slot])
		++*slot;
	return *slot < r->slots;
}

void record_add(struct record *r, uint64_t slot, const uint8_t digest[static RECORD_DIGEST],
	unsigned breaks)
{
	if (slot >= r->slots)
		return;
	r->count += !r->seen[slot];
	r->seen[slot] = SEEN + (uint64_t)breaks;
	memcpy(r->digests[slot], digest, RECORD_DIGEST);
	r->newest[r->added++ % RECORD_NEWEST] = slot;
}

void record_seen(struct record *r, uint64_t slot, unsigned breaks)
{
	if (record_get(r, slot))
		r->seen[slot] = SEEN + (uint64_t)breaks;
}

bool record_is_suspect(const struct record *r, uint64_t slot, unsigned breaks)
{
	return record_get(r, slot) && r->seen[slot] < SEEN + (uint64_t)breaks;
}

void record_clear(struct record *r)
{
	memset(r->seen, 0, r->slots * sizeof(*r->seen));
	r->count = 0;
	r->added = 0;
}

size_t record_count(const struct record *r)
{
	return r->count;
}

size_t record_newest(const struct record *r, uint64_t ret[static RECORD_NEWEST])
{
	size_t n = (size_t)min_u64(r->added, RECORD_NEWEST);
	for (size_t i = 0; i < n; i++)
		ret[i] = r->newest[(r->added - n + i) % RECORD_NEWEST];
	return n;
}

/* ---- text ---- */

static void set_guid(json_t *o, const char *key, const struct guid *g)
{
	char text[GUID_STRING_SIZE];
	guid_format(g, text);
	jsonx_set_string(o, key, text);
}

static size_t base64_size(size_t n)
{
	return (n + 2) / 3 * 4;
}

static void set_bytes(json_t *o, const char *key, const void *p, size_t n)
{
	CLEANUP_FREE char *text = xmalloc(base64_size(n) + 1);
	EVP_EncodeBlock((unsigned char *)text, p, (int)n); /* ends it with NUL */
	jsonx_set_string(o, key, text);
}

static void format_binding(const struct record_binding *b, json_t *o)
{
	const struct image_options *i = &b->options;
	jsonx_set_u64(o, "version", VERSION);
	set_bytes(o, "sourceId", b->source_id, sizeof(b->source_id));
	jsonx_set_string(o, "format", image_format_name(i->format));
	jsonx_set_string(o, "type", image_type_name(i->type));
	jsonx_set_u64(o, "blockSize", i->block_size);
	jsonx_set_u64(o, "logicalSector", i->logical_sector);
	jsonx_set_u64(o, "physicalSector", i->physical_sector);
	set_guid(o, "fileId", &i->file_id);
	set_guid(o, "dataId", &i->data_id);
	set_guid(o, "diskId", &i->disk_id);
	jsonx_set_u64(o, "timestamp", i->timestamp);
	jsonx_set_u64(o, "diskSize", b->disk_size);
	jsonx_set_u64(o, "length", b->length);
	jsonx_set_u64(o, "slotSize", b->slot_size);
}

/* Recorded slots below a limit of `seen`, as runs. */
static json_t *format_slots(const struct record *r, uint64_t limit)
{
	json_t *runs = json_array();
	for (size_t i = 0; i < r->slots; i++) {
		size_t first = i;
		while (i < r->slots && r->seen[i] && r->seen[i] < limit)
			i++;
		if (i == first)
			continue;
		json_array_append_new(runs, json_integer((json_int_t)first));
		json_array_append_new(runs, json_integer((json_int_t)(i - first)));
	}
	return runs;
}

static void set_digests(json_t *o, const struct record *r)
{
	CLEANUP_FREE uint8_t *digests = xmalloc(r->count * RECORD_DIGEST + 1);
	size_t n = 0;
	for (uint64_t i = 0; record_next(r, &i); i++)
		memcpy(digests + RECORD_DIGEST * n++, r->digests[i], RECORD_DIGEST);
	assert(n == r->count);
	set_bytes(o, "digests", digests, n * RECORD_DIGEST);
}

char *record_format(const struct record *r, unsigned breaks)
{
	CLEANUP_JSON json_t *o = json_object();
	format_binding(&r->binding, o);
	set_bytes(o, "key", r->key, KEY_SIZE);
	jsonx_set(o, "slots", format_slots(r, UINT64_MAX));
	set_digests(o, r);
	jsonx_set(o, "suspect", format_slots(r, SEEN + (uint64_t)breaks));

	uint64_t newest[RECORD_NEWEST];
	json_t *list = json_array();
	size_t n = record_newest(r, newest);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_integer((json_int_t)newest[i]));
	jsonx_set(o, "newest", list);
	return jsonx_dump(o);
}

static bool parse_bytes(const json_t *o, const char *key, void *ret, size_t n)
{
	const char *text = json_string_value(json_object_get(o, key));
	if (!text || strlen(text) != base64_size(n))
		return false;
	/* The decoder counts padding as bytes. */
	size_t padded = base64_size(n) / 4 * 3;
	CLEANUP_FREE uint8_t *bytes = xmalloc(padded + 1);
	if (EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)strlen(text)) != (int)padded)
		return false;
	memcpy(ret, bytes, n);
	return true;
}

static bool parse_guid(const json_t *o, const char *key, struct guid *ret)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text && guid_parse(text, ret);
}

/* Non-negative and below limit. */
static bool parse_number(const json_t *value, uint64_t limit, uint64_t *ret)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*ret = (uint64_t)json_integer_value(value);
	return *ret < limit;
}

/* Whether o's text form of the binding is b's: format_binding() is the one place that knows it. */
static bool binding_equal(const json_t *o, const struct record_binding *b)
{
	CLEANUP_JSON json_t *want = json_object();
	format_binding(b, want);
	const char *key;
	json_t *value;
	json_object_foreach (want, key, value)
		if (!json_equal(value, json_object_get(o, key)))
			return false;
	return true;
}

/* Runs in ascending order, within the slots; each slot's `seen` becomes value where it is from. */
static bool parse_slots(struct record *r, const json_t *runs, uint64_t from, uint64_t value)
{
	if (!json_is_array(runs) || json_array_size(runs) % 2)
		return false;
	uint64_t at = 0;
	for (size_t i = 0; i < json_array_size(runs); i += 2) {
		uint64_t first, count;
		if (!parse_number(json_array_get(runs, i), r->slots, &first) ||
			!parse_number(json_array_get(runs, i + 1), r->slots + 1, &count) ||
			first < at || !u64_range_ok(first, count, r->slots))
			return false;
		for (at = first; at < first + count; at++) {
			if (r->seen[at] != from)
				return false;
			r->seen[at] = value;
		}
	}
	return true;
}

static bool parse_digests(struct record *r, const json_t *o)
{
	for (uint64_t i = 0; record_next(r, &i); i++)
		r->count++;
	size_t size = r->count * RECORD_DIGEST;
	CLEANUP_FREE uint8_t *digests = xmalloc(size + 1);
	if (!parse_bytes(o, "digests", digests, size))
		return false;
	const uint8_t *p = digests;
	for (uint64_t i = 0; record_next(r, &i); i++, p += RECORD_DIGEST)
		memcpy(r->digests[i], p, RECORD_DIGEST);
	return true;
}

static bool parse_newest(struct record *r, const json_t *list)
{
	size_t n = json_array_size(list);
	if (!json_is_array(list) || n > RECORD_NEWEST || (r->count && !n))
		return false;
	for (size_t i = 0; i < n; i++) {
		uint64_t slot;
		if (!parse_number(json_array_get(list, i), r->slots, &slot) || !r->seen[slot])
			return false;
		r->newest[r->added++] = slot;
	}
	return true;
}

static json_t *parse_object(const char *text)
{
	struct error *err = NULL;
	json_t *o = NULL;
	if (jsonx_parse(text, strlen(text), &o, &err) < 0)
		err_free(err);
	return o;
}

struct record *record_parse(const char *text, const struct record_binding *b)
{
	CLEANUP_JSON json_t *o = parse_object(text);
	if (!o || !binding_equal(o, b))
		return NULL;
	CLEANUP(record_free_p) struct record *r = record_alloc(b);
	if (!r->mac || !parse_bytes(o, "key", r->key, KEY_SIZE) ||
		!parse_slots(r, json_object_get(o, "slots"), 0, SEEN) ||
		!parse_slots(r, json_object_get(o, "suspect"), SEEN, SUSPECT) ||
		!parse_digests(r, o) || !parse_newest(r, json_object_get(o, "newest")))
		return NULL;
	return TAKE_PTR(r);
}

bool record_parse_ids(const char *text, const uint8_t source_id[32], struct image_options *options)
{
	CLEANUP_JSON json_t *o = parse_object(text);
	struct record_binding b = {.options = *options};
	memcpy(b.source_id, source_id, sizeof(b.source_id));
	uint64_t timestamp, slot_size;
	if (!o || !parse_guid(o, "fileId", &b.options.file_id) ||
		!parse_guid(o, "dataId", &b.options.data_id) ||
		!parse_guid(o, "diskId", &b.options.disk_id) ||
		!parse_number(json_object_get(o, "timestamp"), UINT64_C(1) << 32, &timestamp) ||
		!parse_number(json_object_get(o, "diskSize"), INT64_MAX, &b.disk_size) ||
		!parse_number(json_object_get(o, "length"), INT64_MAX, &b.length) ||
		!parse_number(json_object_get(o, "slotSize"), UINT32_MAX, &slot_size))
		return false;
	b.options.timestamp = (uint32_t)timestamp;
	b.slot_size = (uint32_t)slot_size;
	if (!binding_equal(o, &b))
		return false;
	*options = b.options;
	return true;
}
