/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>
#include <time.h>

#include "enrolment.h"
#include "mem.h"
#include "strbuf.h"

#define YEARS 10

DEFINE_CLEANUP(gnutls_x509_crt_t, gnutls_x509_crt_deinit);
DEFINE_CLEANUP(gnutls_x509_privkey_t, gnutls_x509_privkey_deinit);

static int failed(struct error **err, int rc)
{
	return err_set(err, ERR_INTERNAL, "making a certificate: %s", gnutls_strerror(rc));
}

static int fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *host)
{
	uint8_t serial[16];
	time_t now = time(NULL);
	int rc = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
	serial[0] &= 0x7f; /* positive */
	/* the clock of a machine that has just started may be behind */
	const time_t from = now - 24 * 3600, until = now + YEARS * 365 * 24 * 3600;
	if (rc < 0 || (rc = gnutls_x509_crt_set_version(crt, 3)) < 0 ||
		(rc = gnutls_x509_crt_set_key(crt, key)) < 0 ||
		(rc = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial))) < 0 ||
		(rc = gnutls_x509_crt_set_activation_time(crt, from)) < 0 ||
		(rc = gnutls_x509_crt_set_expiration_time(crt, until)) < 0 ||
		(rc = gnutls_x509_crt_set_dn_by_oid(
			 crt, GNUTLS_OID_X520_COMMON_NAME, 0, host, (unsigned)strlen(host))) < 0 ||
		(rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, host,
			 (unsigned)strlen(host), GNUTLS_FSAN_SET)) < 0 ||
		(rc = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE)) < 0 ||
		(rc = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0)) < 0)
		return rc;
	return gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

static char *taken(gnutls_datum_t *d)
{
	char *text = xstrndup((char *)d->data, d->size);
	mem_wipe(d->data, d->size);
	gnutls_free(d->data);
	return text;
}

int enrolment_self_signed(struct enrolment *e, const char *host_name, struct error **err)
{
	CLEANUP(gnutls_x509_crt_deinit_p) gnutls_x509_crt_t crt = NULL;
	CLEANUP(gnutls_x509_privkey_deinit_p) gnutls_x509_privkey_t key = NULL;
	gnutls_datum_t cert_pem = {0}, key_pem = {0};
	int rc;
	if ((rc = gnutls_x509_crt_init(&crt)) < 0 || (rc = gnutls_x509_privkey_init(&key)) < 0 ||
		(rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
			 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0)) < 0 ||
		(rc = fill(crt, key, host_name)) < 0 ||
		(rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &cert_pem)) < 0)
		return failed(err, rc);
	char *cert = taken(&cert_pem);
	if ((rc = gnutls_x509_privkey_export2_pkcs8(
		     key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &key_pem)) < 0) {
		free(cert);
		return failed(err, rc);
	}
	free(e->certificate);
	mem_wipe_str(e->key);
	e->certificate = cert;
	e->key = taken(&key_pem);
	e->own_certificate = true;
	return 0;
}

int certificate_fingerprint(const char *pem, char **ret, struct error **err)
{
	CLEANUP(gnutls_x509_crt_deinit_p) gnutls_x509_crt_t crt = NULL;
	const gnutls_datum_t d = {(unsigned char *)pem, (unsigned)strlen(pem)};
	uint8_t digest[32];
	size_t len = sizeof(digest);
	int rc;
	if ((rc = gnutls_x509_crt_init(&crt)) < 0 ||
		(rc = gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_PEM)) < 0 ||
		(rc = gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, digest, &len)) < 0)
		return failed(err, rc);
	struct strbuf b = {0};
	strbuf_addf(&b, "SHA256:");
	for (size_t i = 0; i < len; i++)
		strbuf_addf(&b, "%02x", digest[i]);
	*ret = strbuf_take(&b);
	return 0;
}

bool certificate_is_for(const char *pem, const char *purpose)
{
	CLEANUP(gnutls_x509_crt_deinit_p) gnutls_x509_crt_t crt = NULL;
	const gnutls_datum_t d = {(unsigned char *)pem, (unsigned)strlen(pem)};
	if (gnutls_x509_crt_init(&crt) < 0 ||
		gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_PEM) < 0)
		return false;
	for (unsigned i = 0;; i++) {
		char oid[128];
		size_t len = sizeof(oid);
		int rc = gnutls_x509_crt_get_key_purpose_oid(crt, i, oid, &len, NULL);
		if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return i == 0;
		if (rc >= 0 && (strcmp(oid, purpose) == 0 || strcmp(oid, GNUTLS_KP_ANY) == 0))
			return true;
		if (rc < 0 && rc != GNUTLS_E_SHORT_MEMORY_BUFFER)
			return false;
	}
}
