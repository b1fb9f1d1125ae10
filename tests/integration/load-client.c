/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * load-client URL PKI-DIR CLIENTS REQUESTS PER-CONNECTION: many clients at once, each with a connection of its own
 * that it keeps for PER-CONNECTION requests. Takes the paths in turn from standard input, one a line
 * as "STATUS METHOD PATH [BODY]"; every reply's status is checked, and that each body is whole.
 * Prints "requests R errors E seconds S rate N"; exit status 0: no errors.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KINDS_MAX 32

struct kind {
	long status;
	char method[8], path[200], body[600];
};

static struct kind kinds[KINDS_MAX];
static size_t n_kinds;
static const char *url, *pki;
static unsigned n_requests, per_connection;
static atomic_uint next_request, errors, said;

static size_t take(char *data, size_t size, size_t n, void *last)
{
	(void)size;
	if (n)
		*(char *)last = data[n - 1];
	return n;
}

static void complain(const struct kind *k, const char *what)
{
	atomic_fetch_add(&errors, 1);
	if (atomic_fetch_add(&said, 1) < 10)
		fprintf(stderr, "%s %s: %s\n", k->method, k->path, what);
}

static void set_up(CURL *c, const struct kind *k, char *last, int fresh)
{
	char text[900];
	curl_easy_reset(c);
	snprintf(text, sizeof(text), "%s%s", url, k->path);
	curl_easy_setopt(c, CURLOPT_URL, text);
	snprintf(text, sizeof(text), "%s/ca.crt", pki);
	curl_easy_setopt(c, CURLOPT_CAINFO, text);
	snprintf(text, sizeof(text), "%s/client.crt", pki);
	curl_easy_setopt(c, CURLOPT_SSLCERT, text);
	snprintf(text, sizeof(text), "%s/client.key", pki);
	curl_easy_setopt(c, CURLOPT_SSLKEY, text);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, 60L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, last);
	curl_easy_setopt(c, CURLOPT_MAXCONNECTS, 1L);
	if (strcmp(k->method, "POST") == 0) {
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, k->body);
	} else if (strcmp(k->method, "GET") != 0) {
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, k->method);
	}
}

static void *client(void *data)
{
	CURL *c = curl_easy_init();
	unsigned i, mine = 0;
	(void)data;
	while ((i = atomic_fetch_add(&next_request, 1)) < n_requests) {
		const struct kind *k = &kinds[i % n_kinds];
		char last = 0, what[100];
		long status = 0;
		set_up(c, k, &last, mine++ % per_connection == 0);
		CURLcode r = curl_easy_perform(c);
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
		snprintf(what, sizeof(what), "status %ld (%ld expected), body ends in %d", status,
			k->status, last);
		if (r != CURLE_OK)
			complain(k, curl_easy_strerror(r));
		else if (status != k->status || (last != '}' && last != '\n'))
			complain(k, what);
	}
	curl_easy_cleanup(c);
	return NULL;
}

static int read_kinds(void)
{
	char line[1000];
	while (n_kinds < KINDS_MAX && fgets(line, sizeof(line), stdin)) {
		struct kind *k = &kinds[n_kinds];
		if (sscanf(line, "%ld %7s %199s %599[^\n]", &k->status, k->method, k->path,
			    k->body) < 3)
			return 0;
		n_kinds++;
	}
	return n_kinds > 0;
}

int main(int argc, char **argv)
{
	if (argc != 6 || !read_kinds()) {
		fputs("usage: load-client URL PKI-DIR CLIENTS REQUESTS PER-CONNECTION <PATHS\n",
			stderr);
		return 2;
	}
	url = argv[1];
	pki = argv[2];
	unsigned n = (unsigned)atoi(argv[3]);
	n_requests = (unsigned)atoi(argv[4]);
	per_connection = (unsigned)atoi(argv[5]);
	pthread_t *threads = calloc(n, sizeof(*threads));
	struct timespec a, b;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, client, NULL))
			return 2;
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	clock_gettime(CLOCK_MONOTONIC, &b);
	free(threads);
	double seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	printf("requests %u errors %u seconds %.1f rate %.0f\n", n_requests, errors, seconds,
		n_requests / seconds);
	return errors ? 1 : 0;
}
