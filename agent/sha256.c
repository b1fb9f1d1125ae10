/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sha256.h"

#include <ctype.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "mem.h"

struct sha256 {
	gnutls_hash_hd_t hash;
};

int sha256_new(struct sha256 **ret, struct error **err)
{
	struct sha256 *h = xcalloc(1, sizeof(*h));
	int r = gnutls_hash_init(&h->hash, GNUTLS_DIG_SHA256);
	if (r < 0) {
		free(h);
		return err_set(err, ERR_SYSTEM, "no SHA-256: %s", gnutls_strerror(r));
	}
	*ret = h;
	return 0;
}

void sha256_free(struct sha256 *h)
{
	if (!h)
		return;
	gnutls_hash_deinit(h->hash, NULL);
	free(h);
}

int sha256_add(struct sha256 *h, const void *data, size_t len, struct error **err)
{
	int r = gnutls_hash(h->hash, data, len);
	return r < 0 ? err_set(err, ERR_SYSTEM, "SHA-256: %s", gnutls_strerror(r)) : 0;
}

static void to_hex(const unsigned char *bytes, char ret[static SHA256_HEX_SIZE])
{
	for (size_t i = 0; i < SHA256_SIZE; i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

void sha256_end(struct sha256 *h, char ret[static SHA256_HEX_SIZE])
{
	unsigned char digest[SHA256_SIZE];
	gnutls_hash_output(h->hash, digest);
	to_hex(digest, ret);
}

bool sha256_from_hex(const char *text, char ret[static SHA256_HEX_SIZE])
{
	size_t n = strspn(text, "0123456789abcdefABCDEF");
	if (n != 2 * SHA256_SIZE || text[n])
		return false;
	for (size_t i = 0; i <= n; i++)
		ret[i] = (char)tolower((unsigned char)text[i]);
	return true;
}

/* "KEY=:BASE64:", other algorithms of any length around it, separated by commas. */
bool sha256_from_digest(const char *header, char ret[static SHA256_HEX_SIZE])
{
	static const char key[] = "sha-256=:";
	for (const char *p = header; *p; p += strcspn(p, ","), p += *p == ',') {
		p += strspn(p, " \t");
		if (strncmp(p, key, strlen(key)) != 0)
			continue;
		const char *text = p + strlen(key);
		size_t n = strcspn(text, ":,");
		const gnutls_datum_t encoded = {(unsigned char *)text, (unsigned)n};
		gnutls_datum_t bytes = {0};
		if (text[n] != ':' || gnutls_base64_decode2(&encoded, &bytes) < 0)
			return false;
		bool right = bytes.size == SHA256_SIZE;
		if (right)
			to_hex(bytes.data, ret);
		gnutls_free(bytes.data);
		return right;
	}
	return false;
}
