/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls.h"

#include <ctype.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "io.h"
#include "logging.h"
#include "mem.h"

#define FILE_MAX (1u << 20)

/* The certificates' own strength: RSA of 2048 bits is the least. */
const char tls_priorities[] =
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:"
	"-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:-MAC-ALL:+AEAD:"
	"%SERVER_PRECEDENCE:%PROFILE_MEDIUM";

/* GnuTLS calls back with the session alone, whose own pointer libmicrohttpd uses. */
static const struct tls *process_tls;

static int gnutls_failed(struct error **err, int code, const char *what, const char *file)
{
	return err_set(
		err, ERR_INVALID_ARGUMENT, "%s \"%s\": %s", what, file, gnutls_strerror(code));
}

static int check_key_mode(const char *file, struct error **err)
{
	struct stat st;
	if (stat(file, &st) < 0)
		return err_errno(err, ERR_INVALID_ARGUMENT, errno, "private key \"%s\"", file);
	if (st.st_mode & S_IRWXO)
		return err_set(err, ERR_INVALID_ARGUMENT,
			"private key \"%s\" has mode %04o: others may read it (0600 expected)",
			file, st.st_mode & 07777);
	return 0;
}

/* What libmicrohttpd would only refuse with "failed": the material, file by file. */
static int check_material(const struct tls *tls, const char *cert_file, const char *key_file,
	const char *ca_file, struct error **err)
{
	gnutls_certificate_credentials_t cred;
	const gnutls_datum_t cert = {(unsigned char *)tls->cert, (unsigned)strlen(tls->cert)};
	const gnutls_datum_t key = {(unsigned char *)tls->key, (unsigned)strlen(tls->key)};
	const gnutls_datum_t ca = {(unsigned char *)tls->ca, (unsigned)strlen(tls->ca)};
	int r = gnutls_certificate_allocate_credentials(&cred);
	if (r < 0)
		return gnutls_failed(err, r, "TLS", cert_file);
	r = gnutls_certificate_set_x509_key_mem(cred, &cert, &key, GNUTLS_X509_FMT_PEM);
	if (r < 0) {
		gnutls_failed(err, r, "certificate", cert_file);
		err_prefix(err, "with private key \"%s\"", key_file);
	} else {
		r = gnutls_certificate_set_x509_trust_mem(cred, &ca, GNUTLS_X509_FMT_PEM);
		if (r < 0)
			gnutls_failed(err, r, "client CA", ca_file);
		else if (r == 0)
			err_set(err, ERR_INVALID_ARGUMENT,
				"client CA \"%s\" holds no certificate (PEM expected)", ca_file);
	}
	gnutls_certificate_free_credentials(cred);
	return *err ? -1 : 0;
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static int parse_pin(const char *text, uint8_t ret[TLS_PIN_SIZE], struct error **err)
{
	size_t n = 0;
	const char *p = text;
	if (strncasecmp(p, "SHA256:", 7) == 0) {
		for (p += 7; *p && n < 2 * TLS_PIN_SIZE; p++) {
			if (*p == ':')
				continue;
			if (!isxdigit((unsigned char)*p))
				break;
			ret[n / 2] =
				(uint8_t)(n % 2 ? ret[n / 2] << 4 | hex_digit(*p) : hex_digit(*p));
			n++;
		}
	}
	if (*p || n != 2 * TLS_PIN_SIZE)
		return err_set(err, ERR_INVALID_ARGUMENT,
			"client pin \"%s\" (SHA256: and 64 hex digits expected)", text);
	return 0;
}

static int read_pem(const char *file, char **ret, struct error **err)
{
	size_t len;
	return file_read(file, FILE_MAX, ret, &len, err);
}

int tls_load(const char *cert_file, const char *key_file, const char *ca_file, char **pins,
	struct tls **ret, struct error **err)
{
	CLEANUP(tls_free_p) struct tls *tls = xcalloc(1, sizeof(*tls));
	if (check_key_mode(key_file, err) < 0 || read_pem(cert_file, &tls->cert, err) < 0 ||
		read_pem(key_file, &tls->key, err) < 0 || read_pem(ca_file, &tls->ca, err) < 0 ||
		check_material(tls, cert_file, key_file, ca_file, err) < 0)
		return -1;
	for (; pins && *pins; pins++) {
		tls->pins = xrealloc_array(tls->pins, tls->n_pins + 1, sizeof(*tls->pins));
		if (parse_pin(*pins, tls->pins[tls->n_pins], err) < 0)
			return -1;
		tls->n_pins++;
	}
	process_tls = tls;
	*ret = TAKE_PTR(tls);
	return 0;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	free(tls->cert);
	mem_wipe_str(tls->key);
	free(tls->ca);
	free(tls->pins);
	free(tls);
}

/* A client certificate that is refused, and the alert that tells the client so. */
static int refuse(gnutls_alert_description_t alert, const char *why,
	gnutls_alert_description_t *ret_alert, struct error **err)
{
	*ret_alert = alert;
	return err_set(err, ERR_CLIENT_CERTIFICATE, "client certificate: %s", why);
}

static int check_pin(const struct tls *tls, const gnutls_datum_t *leaf,
	gnutls_alert_description_t *ret_alert, struct error **err)
{
	uint8_t hash[TLS_PIN_SIZE] = {0};
	bool hashed = gnutls_hash_fast(GNUTLS_DIG_SHA256, leaf->data, leaf->size, hash) == 0;
	for (size_t i = 0; hashed && i < tls->n_pins; i++)
		if (memcmp(tls->pins[i], hash, sizeof(hash)) == 0)
			return 0;
	return tls->n_pins
		       ? refuse(GNUTLS_A_ACCESS_DENIED, "none of the pinned ones", ret_alert, err)
		       : 0;
}

static int refuse_status(unsigned status, gnutls_alert_description_t *ret_alert, struct error **err)
{
	gnutls_datum_t text = {0};
	gnutls_alert_description_t alert = GNUTLS_A_BAD_CERTIFICATE;
	if (status & GNUTLS_CERT_EXPIRED)
		alert = GNUTLS_A_CERTIFICATE_EXPIRED;
	else if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA))
		alert = GNUTLS_A_UNKNOWN_CA;
	gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
	refuse(alert, text.data ? (const char *)text.data : "not trusted", ret_alert, err);
	gnutls_free(text.data);
	return -1;
}

static int check_client(const struct tls *tls, gnutls_session_t session,
	gnutls_alert_description_t *ret_alert, struct error **err)
{
	gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT};
	unsigned n = 0, status = 0;
	const gnutls_datum_t *certs = gnutls_certificate_get_peers(session, &n);
	if (!certs || n == 0)
		return refuse(gnutls_protocol_get_version(session) >= GNUTLS_TLS1_3
				      ? GNUTLS_A_CERTIFICATE_REQUIRED
				      : GNUTLS_A_HANDSHAKE_FAILURE,
			"there is none", ret_alert, err);
	int r = gnutls_certificate_verify_peers(session, &purpose, 1, &status);
	if (r < 0)
		return refuse(GNUTLS_A_BAD_CERTIFICATE, gnutls_strerror(r), ret_alert, err);
	if (status)
		return refuse_status(status, ret_alert, err);
	return check_pin(tls, &certs[0], ret_alert, err);
}

int tls_check_client(const struct tls *tls, gnutls_session_t session, struct error **err)
{
	gnutls_alert_description_t alert;
	return check_client(tls, session, &alert, err);
}

/* Called in every handshake, with or without a certificate; libmicrohttpd sends no alert itself. */
static int verify_peer(gnutls_session_t session)
{
	CLEANUP_ERR struct error *err = NULL;
	gnutls_alert_description_t alert;
	if (check_client(process_tls, session, &alert, &err) == 0)
		return 0;
	log_info("refused a connection: %s", err->message);
	gnutls_alert_send(session, GNUTLS_AL_FATAL, alert);
	return GNUTLS_E_CERTIFICATE_ERROR;
}

void tls_require_client(gnutls_session_t session)
{
	/* Not GNUTLS_CERT_REQUIRE: that would refuse a client without one before verify_peer(), and
	 * without a word. */
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
	gnutls_session_set_verify_function(session, verify_peer);
}
