/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "digest.h"

#include <openssl/evp.h>

DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free);
DEFINE_CLEANUP(EVP_MD *, EVP_MD_free);

int digest_pieces(const char *algorithm, const struct digest_piece *v, size_t n,
	uint8_t ret[static DIGEST_MAX], size_t *ret_len, struct error **err)
{
	CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	CLEANUP(EVP_MD_free_p) EVP_MD *md = EVP_MD_fetch(NULL, algorithm, NULL);
	unsigned len = 0;
	bool ok = ctx && md && EVP_DigestInit_ex2(ctx, md, NULL);
	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(ctx, v[i].data, v[i].len);
	if (!ok || !EVP_DigestFinal_ex(ctx, ret, &len))
		return err_set(err, ERR_INTERNAL, "the crypto library failed at %s", algorithm);
	*ret_len = len;
	return 0;
}
