/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The starter forks before libsmbclient is touched, so each connection has the library for itself. In
 * a connection's process one thread serves requests and another waits for the socket to close: the
 * library cannot be interrupted while it waits for a server, but its process can end.
 */
#include "smb-writer.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "checked.h"
#include "mem.h"
#include "smb-confine.h"
#include "smb-library.h"
#include "smb-packet.h"
#include "smb-session.h"

struct writer {
	int fd;
	struct smb_session *session;
	uint8_t *pool;
	uint64_t pool_size;
};

/* ---- a connection ---- */

static void *end_with_socket(void *data)
{
	struct pollfd pfd = {.fd = *(int *)data};
	while (poll(&pfd, 1, -1) < 0 && errno == EINTR)
		;
	kill(getpid(), SIGKILL);
	return NULL;
}

static bool terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool login_ok(const struct smb_login *l)
{
	return terminated(l->host, sizeof(l->host)) && terminated(l->share, sizeof(l->share)) &&
	       terminated(l->user, sizeof(l->user)) && terminated(l->domain, sizeof(l->domain)) &&
	       terminated(l->password, sizeof(l->password)) && l->host[0] && l->share[0] && l->port;
}

static int map_pool(struct writer *w, uint64_t size, int fd)
{
	if (size == 0)
		return 0;
	void *p = size <= SIZE_MAX && fd >= 0
			  ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
			  : MAP_FAILED;
	if (p == MAP_FAILED)
		return -1;
	w->pool = p;
	w->pool_size = size;
	return 0;
}

static bool request_ok(const struct writer *w, const struct smb_request *rq)
{
	bool pooled = rq->op == SMB_OP_WRITE || rq->op == SMB_OP_READ;
	uint64_t end;
	return rq->op < _SMB_OP_MAX && terminated(rq->path, sizeof(rq->path)) &&
	       terminated(rq->path2, sizeof(rq->path2)) &&
	       (!pooled || u64_range_ok(rq->pool_offset, rq->length, w->pool_size)) &&
	       u64_add(rq->offset, rq->length, &end) && end <= INT64_MAX &&
	       (rq->op != SMB_OP_PUT || rq->length <= SMB_FILE_MAX);
}

static int take_login(struct writer *w)
{
	struct smb_login login;
	struct smb_reply reply = {0};
	CLEANUP_CLOSE int pool_fd = -1;
	if (smb_packet_receive(w->fd, &login, sizeof(login), &pool_fd) <= 0 || !login_ok(&login) ||
		map_pool(w, login.pool_size, pool_fd) < 0)
		return -1;
	smb_session_login(&login, &w->session, &reply);
	mem_wipe(&login, sizeof(login));
	if (smb_packet_send(w->fd, &reply, sizeof(reply), -1) < 0)
		return -1;
	return w->session ? 0 : -1;
}

static int serve(struct writer *w)
{
	struct smb_request rq;
	if (take_login(w) < 0)
		return 1;
	for (;;) {
		struct smb_reply reply = {0};
		CLEANUP_CLOSE int fd = -1;
		int got = smb_packet_receive(w->fd, &rq, sizeof(rq), &fd);
		if (got <= 0 || !request_ok(w, &rq))
			return got == 0 ? 0 : 1;
		smb_session_run(
			w->session, &rq, w->pool ? w->pool + rq.pool_offset : NULL, fd, &reply);
		if (smb_packet_send(w->fd, &reply, sizeof(reply), -1) < 0)
			return 1;
	}
}

static int connection_main(int fd)
{
	struct writer w = {.fd = fd};
	pthread_t thread;
	/* Where it fails the login does, and says so. */
	(void)smb_library_init();
	if (smb_confine() < 0)
		return 1;
	if (pthread_create(&thread, NULL, end_with_socket, &w.fd) != 0)
		return 1;
	return serve(&w);
}

/* ---- the starter ---- */

/* What parses a server's bytes needs no rights on this machine; smb_confine() takes the rest. */
static int drop_rights(void)
{
	const gid_t gid = 65534;
	const uid_t uid = 65534; /* nobody */
	if (geteuid() != 0)
		return 0;
	return setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
			       setresuid(uid, uid, uid) < 0
		       ? -1
		       : 0;
}

/* No secrets in core dumps, none for a debugger, nothing gained by a program that is run. */
static int harden(void)
{
	const struct rlimit none = {0};
	if (drop_rights() < 0)
		return -1;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return -1;
#if !defined(__SANITIZE_ADDRESS__) /* its leak check traces the process */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -1;
#endif
	/* Both are the parent's to answer: it asks for an end by closing the socket. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN); /* no zombies */
	return 0;
}

int smb_writer_main(int fd)
{
	if (harden() < 0)
		return 1;
	for (;;) {
		char byte;
		int connection = -1;
		int got = smb_packet_receive(fd, &byte, sizeof(byte), &connection);
		if (got <= 0 || connection < 0)
			return got == 0 ? 0 : 1;
		pid_t pid = fork();
		if (pid == 0) {
			close(fd);
			return connection_main(connection);
		}
		/* Where fork failed, the asker sees its socket closed. */
		close(connection);
	}
}
