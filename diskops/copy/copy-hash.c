/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hash of the disk as a reader of the image sees it, one thread each. */
#include <openssl/evp.h>

#include "copy-internal.h"

/* Between two looks at a stop, and two steps of the progress. */
#define STRIDE MiB

DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free);
DEFINE_CLEANUP(EVP_MD *, EVP_MD_free);

struct hash {
	struct copy *c;
	EVP_MD_CTX *ctx;
	_Atomic uint64_t *done; /* bytes of the disk */
	bool ok;		/* the library's, so far */
};

/* buf NULL: zeros. */
static void update(struct hash *h, const uint8_t *buf, uint64_t len)
{
	static const uint8_t zeros[64 * KiB]; /* small: it stays in the processor's cache */
	/* After a stop the digest is nobody's, and the bytes may be anything. */
	while (len && h->ok && !h->c->stopped) {
		size_t n = (size_t)min_u64(len, buf ? STRIDE : sizeof(zeros));
		h->ok = EVP_DigestUpdate(h->ctx, buf ? buf : zeros, n);
		*h->done += n;
		buf = buf ? buf + n : NULL;
		len -= n;
	}
}

static void hash_unit(struct hash *h, const struct unit *u)
{
	for (const struct piece *p = u->pieces; p < u->pieces + u->n; p++) {
		if (p->meta)
			continue;
		update(h, NULL, p->disk_offset - *h->done);
		update(h, u->buf + p->at, p->length);
	}
}

void copy_hash_all(struct copy *c, unsigned index, const char *algorithm, uint8_t *ret)
{
	CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	CLEANUP(EVP_MD_free_p) EVP_MD *md = EVP_MD_fetch(NULL, algorithm, NULL);
	struct hash h = {.c = c, .ctx = ctx, .done = &c->hashed[index]};
	h.ok = ctx && md && EVP_DigestInit_ex2(ctx, md, NULL);
	struct unit *u;
	for (uint64_t seq = 0; h.ok && (u = copy_wait_full(c, seq)); seq++) {
		hash_unit(&h, u);
		copy_unit_release(c, u);
	}
	update(&h, NULL, layout_virtual_size(c->layout) - *h.done);
	if (!c->stopped && h.ok)
		h.ok = EVP_DigestFinal_ex(ctx, ret, NULL);
	if (!h.ok) {
		struct error *err = NULL;
		err_set(&err, ERR_INTERNAL, "the crypto library failed at %s", algorithm);
		copy_fail(c, &err);
	}
}
