/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cectl.h"

#include <curl/curl.h>
#include <string.h>

#include "cectl-peer.h"
#include "io.h"
#include "jsonx.h"
#include "mem.h"
#include "op.h"

#define ANSWER_MAX	       (64u << 20)
#define UPLOAD_SILENCE_SECONDS 720L

struct http {
	CURL *curl;
	const char *server;
	char error[CURL_ERROR_SIZE];
};

struct buffer {
	char *data;
	size_t len;
};

static size_t collect(char *data, size_t size, size_t n, void *user)
{
	struct buffer *b = user;
	size_t len = size * n;
	if (len > ANSWER_MAX - b->len)
		return 0;
	b->data = xrealloc_array(b->data, b->len + len + 1, 1);
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return len;
}

static int need(const char *value, const char *option, const char *env, struct error **err)
{
	if (value)
		return 0;
	return err_set(err, ERR_INVALID_ARGUMENT, "--%s is missing (or %s in the environment)",
		option, env);
}

/* Whoever has no client certificate is a stranger, who can pair and nothing else. */
static int check_options(const struct cectl *c, struct error **err)
{
	if (need(c->server, "server", "CE_SERVER", err) < 0 ||
		(!c->stranger && (need(c->cert, "cert", "CE_CERT", err) < 0 ||
					 need(c->key, "key", "CE_KEY", err) < 0)) ||
		(!c->stranger && !c->fingerprint && need(c->ca, "ca", "CE_CA", err) < 0))
		return -1;
	if (strncmp(c->server, "https://", 8) != 0)
		return err_set(err, ERR_INVALID_ARGUMENT,
			"--server \"%s\": https://host[:port] expected", c->server);
	return 0;
}

static int new_handle(struct http **ret, const struct cectl *c, struct error **err)
{
	if (check_options(c, err) < 0)
		return -1;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	struct http *h = xcalloc(1, sizeof(*h));
	h->server = c->server;
	h->curl = curl_easy_init();
	if (!h->curl) {
		free(h);
		return err_set(err, ERR_SYSTEM, "libcurl does not start");
	}
	curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(h->curl, CURLOPT_SSLCERT, c->cert);
	curl_easy_setopt(h->curl, CURLOPT_SSLKEY, c->key);
	if (c->ca)
		curl_easy_setopt(h->curl, CURLOPT_CAINFO, c->ca);
	curl_easy_setopt(h->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT, 20L);
	curl_easy_setopt(h->curl, CURLOPT_TIMEOUT, 120L);
	curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h->curl, CURLOPT_NOPROXY, "*");
	*ret = h;
	return 0;
}

int http_open(struct http **ret, const struct cectl *c, struct error **err)
{
	struct http *h CLEANUP(http_close_p) = NULL;
	if (new_handle(&h, c, err) < 0 ||
		(c->fingerprint && peer_pin(h->curl, c->server, c->fingerprint, err) < 0))
		return -1;
	*ret = TAKE_PTR(h);
	return 0;
}

int http_fingerprint(const struct cectl *c, char **ret, struct error **err)
{
	struct http *h CLEANUP(http_close_p) = NULL;
	CLEANUP(peer_done) struct peer peer = {0};
	if ((c->fingerprint ? http_open : new_handle)(&h, c, err) < 0 ||
		peer_look(h->curl, c->server, &peer, err) < 0)
		return -1;
	*ret = TAKE_PTR(peer.fingerprint);
	return 0;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	free(h);
}

static char *url_of(const struct http *h, const char *path)
{
	return xasprintf("%s%s%s", h->server, h->server[strlen(h->server) - 1] == '/' ? "" : "/",
		path[0] == '/' ? path + 1 : path);
}

/* Sends what was set up; the answer of a request that got as far as one, its status through ret_status. */
static int send_it(struct http *h, const char *method, const char *path,
	const struct curl_slist *headers, struct buffer *answer, long *ret_status,
	struct error **err)
{
	CLEANUP_FREE char *url = url_of(h, path);
	curl_easy_setopt(h->curl, CURLOPT_URL, url);
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, answer);
	h->error[0] = '\0';
	CURLcode rc = curl_easy_perform(h->curl);
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, ret_status);
	if (rc != CURLE_OK && !(rc == CURLE_SEND_ERROR && answer->len))
		return err_set(err, ERR_AGENT_UNREACHABLE, "%s %s%s: %s", method, h->server, path,
			h->error[0] ? h->error : curl_easy_strerror(rc));
	return 0;
}

static int perform(struct http *h, const char *method, const char *path, const char *body,
	struct buffer *answer, long *ret_status, struct error **err)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	headers = curl_slist_append(headers, "Expect:");
	if (strcmp(method, "POST") == 0) {
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body);
	} else {
		curl_easy_setopt(h->curl, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(
		h->curl, CURLOPT_CUSTOMREQUEST, strcmp(method, "DELETE") == 0 ? method : NULL);
	int rc = send_it(h, method, path, headers, answer, ret_status, err);
	curl_slist_free_all(headers);
	return rc;
}

/* An answer that is not 2xx: the agent's own error object, or the bare status. */
static int answer_error(const struct buffer *b, const char *method, const char *path, long status,
	struct error **err)
{
	CLEANUP_JSON json_t *value = NULL;
	struct error *parse CLEANUP(err_free_p) = NULL;
	if (b->data && jsonx_parse(b->data, b->len, &value, &parse) == 0) {
		json_t *error = json_object_get(value, "error");
		if (json_is_object(error)) {
			*err = jsonx_to_error(error);
			return -1;
		}
	}
	return err_set(err, ERR_INTERNAL, "%s %s: the agent answered %ld", method, path, status);
}

int http_json(struct http *h, const char *method, const char *path, const json_t *body,
	json_t **ret, struct error **err)
{
	struct buffer b = {0};
	long status = 0;
	char *text = body ? jsonx_dump(body) : xstrdup("");
	int rc = perform(h, method, path, text, &b, &status, err);
	mem_wipe_str(text);
	if (rc == 0 && status / 100 != 2)
		rc = answer_error(&b, method, path, status, err);
	else if (rc == 0 && ret)
		rc = jsonx_parse(b.data ? b.data : "", b.len, ret, err);
	free(b.data);
	return rc;
}

/* ---- uploads ---- */

struct upload {
	int fd;
	int64_t start_us;
};

static size_t read_file(char *buf, size_t size, size_t n, void *user)
{
	struct upload *up = user;
	ssize_t len = read_full(up->fd, buf, size * n);
	return len < 0 ? CURL_READFUNC_ABORT : (size_t)len;
}

static int show_upload(
	void *user, curl_off_t to_get, curl_off_t got, curl_off_t total, curl_off_t done)
{
	struct upload *up = user;
	(void)to_get, (void)got;
	int64_t us = op_now_us() - up->start_us;
	if (total > 0)
		progress_show(&(struct progress_view){.step = done < total ? "upload" : "unpack",
			.percent = 100.0 * (double)done / (double)total,
			.done = (uint64_t)done,
			.total = (uint64_t)total,
			.bytes_per_second =
				us > 0 ? (uint64_t)((double)done * 1e6 / (double)us) : 0,
			.eta_seconds = -1});
	return 0;
}

int http_put(struct http *h, const char *path, int fd, uint64_t size, const char *sha256,
	json_t **ret, struct error **err)
{
	struct buffer b = {0};
	struct upload up = {fd, op_now_us()};
	long status = 0;
	CLEANUP_FREE char *hash = xasprintf("X-Content-SHA256: %s", sha256);
	struct curl_slist *headers = curl_slist_append(NULL, hash);
	/* The agent may have something against it before it has all of it. */
	headers = curl_slist_append(headers, "Expect: 100-continue");
	curl_easy_setopt(h->curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(h->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
	curl_easy_setopt(h->curl, CURLOPT_READFUNCTION, read_file);
	curl_easy_setopt(h->curl, CURLOPT_READDATA, &up);
	curl_easy_setopt(h->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(h->curl, CURLOPT_XFERINFOFUNCTION, show_upload);
	curl_easy_setopt(h->curl, CURLOPT_XFERINFODATA, &up);
	/* However long it takes, as long as something happens; unpacking is silent. */
	curl_easy_setopt(h->curl, CURLOPT_TIMEOUT, 0L);
	curl_easy_setopt(h->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(h->curl, CURLOPT_LOW_SPEED_TIME, UPLOAD_SILENCE_SECONDS);
	int rc = send_it(h, "PUT", path, headers, &b, &status, err);
	progress_end();
	curl_slist_free_all(headers);
	if (rc == 0 && status / 100 != 2)
		rc = answer_error(&b, "PUT", path, status, err);
	else if (rc == 0)
		rc = jsonx_parse(b.data ? b.data : "", b.len, ret, err);
	free(b.data);
	return rc;
}

int http_print(struct http *h, const char *path, FILE *to, struct error **err)
{
	struct buffer b = {0};
	long status = 0;
	int rc = perform(h, "GET", path, NULL, &b, &status, err);
	if (rc == 0 && status / 100 != 2)
		rc = answer_error(&b, "GET", path, status, err);
	else if (rc == 0 && b.len)
		fwrite(b.data, 1, b.len, to);
	free(b.data);
	return rc;
}
