/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cectl-peer.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>
#include <strings.h>

#include "enrolment.h"
#include "mem.h"
#include "sha256.h"

#define PREFIX "SHA256:"

DEFINE_CLEANUP(gnutls_x509_crt_t, gnutls_x509_crt_deinit);
DEFINE_CLEANUP(gnutls_pubkey_t, gnutls_pubkey_deinit);

void peer_done(struct peer *p)
{
	free(p->fingerprint);
	free(p->pin);
	*p = (struct peer){0};
}

int fingerprint_parse(const char *text, char **ret, struct error **err)
{
	char digits[SHA256_HEX_SIZE], hash[SHA256_HEX_SIZE];
	size_t n = 0;
	const char *p =
		strncasecmp(text, PREFIX, strlen(PREFIX)) == 0 ? text + strlen(PREFIX) : text;
	for (; *p && n < sizeof(digits) - 1; p++)
		if (*p != ':' && *p != ' ')
			digits[n++] = *p;
	digits[n] = '\0';
	if (*p || !sha256_from_hex(digits, hash))
		return err_set(err, ERR_INVALID_ARGUMENT,
			"fingerprint \"%.100s\" (SHA256: and 64 hexadecimal digits expected)",
			text);
	*ret = xasprintf(PREFIX "%s", hash);
	return 0;
}

/* "sha256//BASE64" of the public key. */
static int key_pin(const char *pem, char **ret, struct error **err)
{
	CLEANUP(gnutls_x509_crt_deinit_p) gnutls_x509_crt_t crt = NULL;
	CLEANUP(gnutls_pubkey_deinit_p) gnutls_pubkey_t key = NULL;
	const gnutls_datum_t d = {(unsigned char *)pem, (unsigned)strlen(pem)};
	gnutls_datum_t der = {0}, text = {0};
	uint8_t hash[SHA256_SIZE];
	int rc;
	if ((rc = gnutls_x509_crt_init(&crt)) == 0 && (rc = gnutls_pubkey_init(&key)) == 0 &&
		(rc = gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_PEM)) == 0 &&
		(rc = gnutls_pubkey_import_x509(key, crt, 0)) == 0 &&
		(rc = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der)) == 0 &&
		(rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data, der.size, hash)) == 0)
		rc = gnutls_base64_encode2(&(gnutls_datum_t){hash, sizeof(hash)}, &text);
	if (rc == 0)
		*ret = xasprintf("sha256//%.*s", (int)text.size, (char *)text.data);
	gnutls_free(der.data);
	gnutls_free(text.data);
	return rc == 0 ? 0
		       : err_set(err, ERR_INTERNAL, "the agent's certificate: %s",
				 gnutls_strerror(rc));
}

/* The first certificate that the other side showed, PEM; borrowed from the handle. */
static const char *shown(CURL *curl)
{
	static const char name[] = "Cert:";
	struct curl_certinfo *info = NULL;
	if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || !info ||
		info->num_of_certs < 1)
		return NULL;
	for (const struct curl_slist *l = info->certinfo[0]; l; l = l->next)
		if (strncmp(l->data, name, strlen(name)) == 0)
			return l->data + strlen(name);
	return NULL;
}

int peer_look(CURL *curl, const char *server, struct peer *ret, struct error **err)
{
	/* a handle of its own: what is learnt must not be mistaken for a connection that was checked */
	CURL *look = curl_easy_duphandle(curl);
	struct peer peer = {0};
	if (!look)
		return err_set(err, ERR_SYSTEM, "libcurl does not start");
	curl_easy_setopt(look, CURLOPT_URL, server);
	curl_easy_setopt(look, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(look, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(look, CURLOPT_CERTINFO, 1L);
	curl_easy_setopt(look, CURLOPT_CONNECT_ONLY, 1L);
	CURLcode rc = curl_easy_perform(look);
	const char *pem = shown(look);
	int r = 0;
	if (rc != CURLE_OK || !pem)
		r = err_set(err, ERR_AGENT_UNREACHABLE, "%s: %s", server,
			rc != CURLE_OK ? curl_easy_strerror(rc) : "no certificate was shown");
	else if (certificate_fingerprint(pem, &peer.fingerprint, err) < 0 ||
		 key_pin(pem, &peer.pin, err) < 0)
		r = -1;
	curl_easy_cleanup(look);
	if (r == 0)
		*ret = peer;
	else
		peer_done(&peer);
	return r;
}

int peer_pin(CURL *curl, const char *server, const char *fingerprint, struct error **err)
{
	CLEANUP(peer_done) struct peer peer = {0};
	CLEANUP_FREE char *wanted = NULL;
	if (fingerprint_parse(fingerprint, &wanted, err) < 0 ||
		peer_look(curl, server, &peer, err) < 0)
		return -1;
	if (strcmp(peer.fingerprint, wanted) != 0)
		return err_set(err, ERR_AGENT_CERTIFICATE,
			"%s shows the certificate %s (%s expected)", server, peer.fingerprint,
			wanted);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, peer.pin);
	return 0;
}
