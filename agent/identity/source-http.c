/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The metadata services of clouds, all on link-local addresses: Azure's IMDS (userData), EC2's IMDSv2 (a
 * token first), Google's (an attribute of the instance). Plain HTTP is all they speak; no proxy, no
 * redirect, and an answer's size is bounded.
 */
#include <curl/curl.h>
#include <string.h>
#include <time.h>

#include "mem.h"
#include "source.h"

struct answer {
	char *body; /* NUL-terminated */
	size_t len;
	long status;
};

static void answer_done(struct answer *a)
{
	mem_wipe_str(a->body);
	*a = (struct answer){0};
}

static size_t take(char *data, size_t size, size_t n, void *to)
{
	struct answer *a = to;
	size_t len = size * n;
	if (a->len + len > SOURCE_TEXT_MAX)
		return 0;
	memcpy(a->body + a->len, data, len);
	a->len += len;
	a->body[a->len] = '\0';
	return len;
}

static CURLcode once(const char *url, bool put, const char *header, struct answer *a)
{
	CURL *c = curl_easy_init();
	struct curl_slist *headers = curl_slist_append(NULL, header);
	answer_done(a);
	a->body = xcalloc(1, SOURCE_TEXT_MAX + 1);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, 2000L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 5000L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, a);
	if (put)
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, "PUT");
	CURLcode rc = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a->status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
	return rc;
}

static unsigned long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long)t.tv_sec * 1000 + (unsigned long)t.tv_nsec / 1000000;
}

/* 1: 200; 0: 404, it has none. The network may just be coming up: asked again until the time is over. */
static int request(const struct source_env *env, const char *url, bool put, const char *header,
	struct answer *a, struct error **err)
{
	unsigned long until = now_ms() + env->wait_ms;
	for (;;) {
		CURLcode rc = once(url, put, header, a);
		if (rc == CURLE_OK && a->status == 200)
			return 1;
		if (rc == CURLE_OK && a->status == 404)
			return 0;
		if (rc == CURLE_WRITE_ERROR)
			return err_set(err, ERR_ENROLMENT_INVALID,
				"\"%s\" answers with more than %u bytes", url, SOURCE_TEXT_MAX);
		if (now_ms() >= until)
			return rc == CURLE_OK ? err_set(err, ERR_ENROLMENT_INVALID,
							"\"%s\" answers %ld", url, a->status)
					      : err_set(err, ERR_ENROLMENT_INVALID, "\"%s\": %s",
							url, curl_easy_strerror(rc));
		nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
	}
}

/* Where others' user data may be as well, a script or cloud-init's, a text that is neither is none. */
static int fetch(const struct source_env *env, const char *url, const char *header, bool ours,
	char **ret, size_t *ret_len, struct error **err)
{
	CLEANUP(answer_done) struct answer a = {0};
	CLEANUP_ERR struct error *ignored = NULL;
	int rc = request(env, url, false, header, &a, err);
	if (rc <= 0)
		return rc;
	rc = source_decode("the answer", a.body, ret, ret_len, ours ? err : &ignored);
	return rc < 0 && !ours ? 0 : rc;
}

int source_azure(const struct source_env *env, char **ret, size_t *ret_len, struct error **err)
{
	CLEANUP_FREE char *url = xasprintf(
		"%s/metadata/instance/compute/userData?api-version=2021-01-01&format=text",
		env->link_local);
	return fetch(env, url, "Metadata: true", false, ret, ret_len, err);
}

bool source_is_ec2(const struct source_env *env)
{
	return source_dmi_has(env, "sys_vendor", "Amazon EC2") ||
	       source_dmi_has(env, "bios_version", "amazon");
}

int source_ec2(const struct source_env *env, char **ret, size_t *ret_len, struct error **err)
{
	CLEANUP(answer_done) struct answer token = {0};
	CLEANUP_FREE char *url = xasprintf("%s/latest/api/token", env->link_local);
	int rc = request(env, url, true, "X-aws-ec2-metadata-token-ttl-seconds: 60", &token, err);
	if (rc <= 0)
		return rc;
	CLEANUP_FREE char *header = xasprintf("X-aws-ec2-metadata-token: %s", token.body);
	if (strpbrk(header, "\r\n"))
		return err_set(err, ERR_ENROLMENT_INVALID, "the token has line breaks");
	CLEANUP_FREE char *data = xasprintf("%s/latest/user-data", env->link_local);
	return fetch(env, data, header, false, ret, ret_len, err);
}

bool source_is_gcp(const struct source_env *env)
{
	return source_dmi_has(env, "product_name", "Google Compute Engine");
}

int source_gcp(const struct source_env *env, char **ret, size_t *ret_len, struct error **err)
{
	CLEANUP_FREE char *url = xasprintf(
		"%s/computeMetadata/v1/instance/attributes/ce-enrolment", env->link_local);
	return fetch(env, url, "Metadata-Flavor: Google", true, ret, ret_len, err);
}
