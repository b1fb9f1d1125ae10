/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smb-packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int smb_packet_send(int sock, const void *message, size_t size, int fd)
{
	struct iovec iov = {.iov_base = (void *)message, .iov_len = size};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control = {0};
	if (fd >= 0) {
		mh.msg_control = control.bytes;
		mh.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *h = CMSG_FIRSTHDR(&mh);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof(int));
	}
	ssize_t n;
	do
		n = sendmsg(sock, &mh, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

static int take_fd(struct msghdr *mh)
{
	int fd = -1;
	struct cmsghdr *h = CMSG_FIRSTHDR(mh);
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS &&
		h->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(h), sizeof(int));
	return fd;
}

int smb_packet_receive(int sock, void *message, size_t size, int *ret_fd)
{
	struct iovec iov = {.iov_base = message, .iov_len = size};
	union control control = {0};
	struct msghdr mh = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t n;
	do
		n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return (int)n;
	CLEANUP_CLOSE int fd = take_fd(&mh);
	if ((size_t)n != size || mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		errno = EBADMSG;
		return -1;
	}
	*ret_fd = TAKE_FD(fd);
	return 1;
}
