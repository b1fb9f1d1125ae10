/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "callback-post.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <string.h>

#include "mem.h"

struct attempt {
	const struct callback_target *target;
	const volatile sig_atomic_t *stop;
	size_t headers, body; /* bytes so far */
	const char *unlike;   /* "SHA-256": the fingerprint that was another */
	char found[2 * EVP_MAX_MD_SIZE + 1];
};

DEFINE_CLEANUP(CURL *, curl_easy_cleanup);
DEFINE_CLEANUP(struct curl_slist *, curl_slist_free_all);

/* ---- who answers ---- */

static bool is_the_one(
	struct attempt *a, X509 *cert, const char *name, const EVP_MD *md, const char *expected)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	if (!expected)
		return true;
	if (!X509_digest(cert, md, digest, &len))
		len = 0;
	for (unsigned i = 0; i < len; i++)
		sprintf(a->found + 2 * i, "%02x", digest[i]);
	if (len && strcmp(a->found, expected) == 0)
		return true;
	a->unlike = name;
	return false;
}

/* In place of OpenSSL's own check, which it calls where there is a CA. */
static int verify(X509_STORE_CTX *ctx, void *data)
{
	struct attempt *a = data;
	X509 *cert = X509_STORE_CTX_get0_cert(ctx);
	if (!cert || !is_the_one(a, cert, "SHA-256", EVP_sha256(), a->target->sha256) ||
		!is_the_one(a, cert, "SHA-1", EVP_sha1(), a->target->sha1)) {
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}
	if (a->target->ca)
		return X509_verify_cert(ctx);
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

static CURLcode on_ssl_ctx(CURL *c, void *ssl_ctx, void *data)
{
	(void)c;
	SSL_CTX_set_verify(ssl_ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ssl_ctx, verify, data);
	return CURLE_OK;
}

/* ---- what it says: nothing that anybody reads ---- */

static size_t bounded(size_t *sum, size_t n)
{
	*sum += n;
	return *sum <= CALLBACK_ANSWER_MAX ? n : 0; /* less than n: curl ends */
}

static size_t on_header(char *data, size_t size, size_t n, void *to)
{
	(void)data;
	return bounded(&((struct attempt *)to)->headers, size * n);
}

static size_t on_body(char *data, size_t size, size_t n, void *to)
{
	(void)data;
	return bounded(&((struct attempt *)to)->body, size * n);
}

static int on_progress(void *data, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return *((struct attempt *)data)->stop != 0;
}

/* ---- the request ---- */

static CURLcode set_tls(CURL *c, struct attempt *a)
{
	const struct callback_target *t = a->target;
	CURLcode rc = CURLE_OK;
	struct curl_blob ca = {t->ca, t->ca ? strlen(t->ca) : 0, CURL_BLOB_COPY};
#define SET(option, value) (rc = rc ? rc : curl_easy_setopt(c, option, value))
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* the system's authorities are nobody's here */
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_CAINFO, NULL);
	if (t->ca)
		SET(CURLOPT_CAINFO_BLOB, &ca);
	/* without a CA verify() alone decides: curl must not ask for a chain as well */
	SET(CURLOPT_SSL_VERIFYPEER, t->ca ? 1L : 0L);
	SET(CURLOPT_SSL_VERIFYHOST, t->ca && !t->no_host_name_check ? 2L : 0L);
	SET(CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
	SET(CURLOPT_SSL_CTX_DATA, a);
	if (t->certificate && t->key) {
		SET(CURLOPT_SSLCERT, t->certificate);
		SET(CURLOPT_SSLKEY, t->key);
	}
	return rc;
}

static CURLcode set_request(
	CURL *c, struct attempt *a, struct curl_slist *headers, const char *body, long timeout_ms)
{
	CURLcode rc = CURLE_OK;
	SET(CURLOPT_URL, a->target->url);
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_POSTFIELDSIZE, (long)strlen(body));
	SET(CURLOPT_POSTFIELDS, body);
	SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
	SET(CURLOPT_TIMEOUT_MS, timeout_ms);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, a);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, a);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, a);
	return rc;
}

static int failed(const struct attempt *a, CURLcode rc, const char *text, struct error **err)
{
	if (a->unlike)
		return err_set(err, ERR_CALLBACK,
			"\"%s\": its certificate's %s fingerprint is %s (%s expected)",
			a->target->url, a->unlike, a->found,
			strcmp(a->unlike, "SHA-1") == 0 ? a->target->sha1 : a->target->sha256);
	return err_set(err, ERR_CALLBACK, "\"%s\": %s", a->target->url,
		*text ? text : curl_easy_strerror(rc));
}

int callback_post(const struct callback_target *t, const char *body, long timeout_ms,
	const volatile sig_atomic_t *stop, struct error **err)
{
	CLEANUP(curl_slist_free_all_p) struct curl_slist *headers = NULL;
	struct attempt a = {.target = t, .stop = stop};
	char text[CURL_ERROR_SIZE] = "";
	long status = 0;
	headers = curl_slist_append(headers, "Content-Type: application/json");
	headers = curl_slist_append(headers, "Expect:"); /* one round trip */
	CLEANUP(curl_easy_cleanup_p) CURL *c = curl_easy_init();
	CURLcode rc = c && headers ? CURLE_OK : CURLE_OUT_OF_MEMORY;
	SET(CURLOPT_ERRORBUFFER, text);
	SET(CURLOPT_USERAGENT, "ce-callback/" CE_VERSION);
	rc = rc ? rc : set_request(c, &a, headers, body, timeout_ms);
	rc = rc ? rc : set_tls(c, &a);
	rc = rc ? rc : curl_easy_perform(c);
	if (c)
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 ? (int)status : failed(&a, rc, text, err);
}
