/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smb-starter.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "mem.h"
#include "smb-packet.h"
#include "smb-proto.h"

struct smb_starter {
	int fd;
	pid_t pid;
};

/* Standard output belongs to whoever runs us, and libsmbclient prints to it. */
static int spawn(const char *helper, int fd, pid_t *ret)
{
	static char *const argv[] = {(char *)"ce-worker", (char *)"smb-writer", NULL};
	posix_spawn_file_actions_t actions;
	int rc = posix_spawn_file_actions_init(&actions);
	if (rc != 0)
		return rc;
	rc = posix_spawn_file_actions_adddup2(&actions, fd, SMB_STARTER_FD);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(&actions, SMB_STARTER_FD + 1);
	if (rc == 0)
		rc = posix_spawn(ret, helper, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static int socket_pair(int *ret_ours, int *ret_theirs, struct error **err)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "socketpair");
	*ret_ours = fds[0];
	*ret_theirs = fds[1];
	return 0;
}

int smb_starter_new(struct smb_starter **ret, const char *helper, struct error **err)
{
	CLEANUP_CLOSE int ours = -1, theirs = -1;
	pid_t pid;
	if (socket_pair(&ours, &theirs, err) < 0)
		return -1;
	int rc = spawn(helper, theirs, &pid);
	if (rc != 0)
		return err_errno(err, ERR_SYSTEM, rc, "starting \"%s smb-writer\"", helper);
	struct smb_starter *s = xcalloc(1, sizeof(*s));
	s->fd = TAKE_FD(ours);
	s->pid = pid;
	*ret = s;
	return 0;
}

void smb_starter_free(struct smb_starter *s)
{
	if (!s)
		return;
	close(s->fd);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(s);
}

int smb_starter_connect(struct smb_starter *s, int *ret_fd, struct error **err)
{
	CLEANUP_CLOSE int ours = -1, theirs = -1;
	if (socket_pair(&ours, &theirs, err) < 0)
		return -1;
	if (smb_packet_send(s->fd, "c", 1, theirs) < 0 || fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "asking for a new SMB connection");
	*ret_fd = TAKE_FD(ours);
	return 0;
}
