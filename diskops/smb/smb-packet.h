/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One message of fixed size over a SOCK_SEQPACKET socket, with a descriptor where one goes along. */
#pragma once

#include <stddef.h>

/* fd: -1 for none; the caller keeps it. -1 and errno. */
int smb_packet_send(int sock, const void *message, size_t size, int fd);
/*
 * 1: a message of just that size, *ret_fd the descriptor that came with it, or -1. 0: the other end is
 * closed. -1 and errno; EBADMSG: a message of another size.
 */
int smb_packet_receive(int sock, void *message, size_t size, int *ret_fd);
