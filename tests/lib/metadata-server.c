/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metadata-server FILE: stands in for the metadata services of Azure, EC2 and Google on a loopback port
 * that it prints, with their rules: the header each demands, EC2's token. FILE is what they hold. Ends
 * when its standard input does.
 */
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOKEN "dG9rZW4tb2YtdGVzdHM="

static char content[4 << 20];
static size_t content_len;

static bool header_is(struct MHD_Connection *c, const char *name, const char *value)
{
	const char *v = MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
	return v && strcmp(v, value) == 0;
}

static enum MHD_Result reply(
	struct MHD_Connection *c, unsigned status, const char *body, size_t len)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(len, (void *)body, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result rc = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result answer(void *data, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **state)
{
	(void)data, (void)version, (void)upload, (void)upload_size, (void)state;
	bool get = strcmp(method, "GET") == 0, allowed = false;
	if (strcmp(url, "/latest/api/token") == 0)
		return strcmp(method, "PUT") == 0 && MHD_lookup_connection_value(c, MHD_HEADER_KIND,
							     "X-aws-ec2-metadata-token-ttl-seconds")
			       ? reply(c, 200, TOKEN, strlen(TOKEN))
			       : reply(c, 400, "", 0);
	if (strcmp(url, "/latest/user-data") == 0)
		allowed = header_is(c, "X-aws-ec2-metadata-token", TOKEN);
	else if (strcmp(url, "/metadata/instance/compute/userData") == 0)
		allowed = header_is(c, "Metadata", "true");
	else if (strcmp(url, "/computeMetadata/v1/instance/attributes/ce-enrolment") == 0)
		allowed = header_is(c, "Metadata-Flavor", "Google");
	else
		return reply(c, 404, "", 0);
	if (!get || !allowed)
		return reply(c, 401, "", 0);
	return content_len ? reply(c, 200, content, content_len) : reply(c, 404, "", 0);
}

int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
	if (!f)
		return 2;
	content_len = fread(content, 1, sizeof(content), f);
	fclose(f);
	struct MHD_Daemon *d = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL,
		answer, NULL, MHD_OPTION_SOCK_ADDR,
		&(struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}},
		MHD_OPTION_END);
	if (!d)
		return 1;
	printf("%u\n", MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT)->port);
	fflush(stdout);
	char c;
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	MHD_stop_daemon(d);
	return 0;
}
