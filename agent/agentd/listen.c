/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "listen.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "mem.h"

#define BACKLOG 128

static int split(const char *where, char **ret_host, char **ret_port, struct error **err)
{
	const char *colon = strrchr(where, ':');
	size_t len = colon ? (size_t)(colon - where) : 0;
	bool bracketed = len >= 2 && where[0] == '[' && where[len - 1] == ']';
	bool bare_v6 = !bracketed && len && memchr(where, ':', len);
	char *end;
	unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
	if (!len || colon[1] < '0' || colon[1] > '9' || *end || port > 65535 || bare_v6)
		return err_set(err, ERR_INVALID_ARGUMENT,
			"cannot listen on \"%s\" (ADDR:PORT or [ADDR]:PORT expected)", where);
	*ret_host = bracketed ? xstrndup(where + 1, len - 2) : xstrndup(where, len);
	*ret_port = xstrdup(colon + 1);
	return 0;
}

static int open_one(const struct addrinfo *ai)
{
	CLEANUP_CLOSE int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, 0);
	const int on = 1, off = 0;
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -1;
	if (ai->ai_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
		return -1;
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		return -1;
	return TAKE_FD(fd);
}

static char *bound_name(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	char host[NI_MAXHOST], port[NI_MAXSERV];
	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0 ||
		getnameinfo((struct sockaddr *)&sa, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return xstrdup("?");
	return xasprintf(sa.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

int listen_open(const char *where, int *ret_fd, char **ret_where, struct error **err)
{
	CLEANUP_FREE char *host = NULL, *port = NULL;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *ai;
	if (split(where, &host, &port, err) < 0)
		return -1;
	int r = getaddrinfo(host, port, &hints, &ai);
	if (r)
		return err_set(err, ERR_INVALID_ARGUMENT, "cannot listen on \"%s\": %s", where,
			gai_strerror(r));
	int fd = open_one(ai);
	int errnum = errno;
	freeaddrinfo(ai);
	if (fd < 0 && errnum == EAFNOSUPPORT && strcmp(host, "::") == 0) {
		CLEANUP_FREE char *v4 = xasprintf("0.0.0.0:%s", port);
		return listen_open(v4, ret_fd, ret_where, err);
	}
	if (fd < 0)
		return err_errno(err, ERR_SYSTEM, errnum, "cannot listen on \"%s\"", where);
	*ret_fd = fd;
	*ret_where = bound_name(fd);
	return 0;
}
